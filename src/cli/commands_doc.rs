//! `docs/commands.md`, made from the definition of the command line; a test keeps it true.

use std::fmt::Write;

use clap::{Arg, Command, CommandFactory};

use super::args::Cli;

/// The document.
fn commands_markdown() -> String {
    let mut root = Cli::command().disable_help_subcommand(true).disable_help_flag(true).term_width(120);
    root.build();
    let mut text = String::from(
        "# Commands\n\nMade from the definition of the command line (`src/cli/args.rs`); a test keeps it true. `catamaran COMMAND --help` shows \
         the same, `catamaran man COMMAND` as a manual page.\n",
    );
    let _ = write!(text, "\n## Without a command\n\n{}\n\n```text\n{}\n```\n", sentences(&root), usage(&root));
    let (global, own): (Vec<&Arg>, Vec<&Arg>) = options(&root).partition(|argument| argument.is_global_set());
    table(&mut text, &own);
    let _ = write!(text, "\n## Everywhere\n");
    table(&mut text, &global);
    if let Some(after) = root.get_after_help() {
        let _ = write!(text, "\n```text\n{after}\n```\n");
    }
    for command in commands(&root) {
        section(&mut text, command, &format!("catamaran {}", command.get_name()));
    }
    text
}

fn commands(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|command| !command.is_hide_set())
}

fn options(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|argument| !argument.is_hide_set() && !["help", "version"].contains(&argument.get_id().as_str()))
}

fn section(text: &mut String, command: &Command, name: &str) {
    let _ = write!(text, "\n## {name}\n\n{}.\n\n```text\n{}\n```\n", sentences(command).trim_end_matches('.'), usage(command));
    let own: Vec<&Arg> = options(command).filter(|argument| !argument.is_global_set()).collect();
    table(text, &own);
    if let Some(after) = command.get_after_help() {
        let _ = write!(text, "\n```text\n{after}\n```\n");
    }
    for sub in commands(command) {
        section(text, sub, &format!("{name} {}", sub.get_name()));
    }
}

fn sentences(command: &Command) -> String {
    command.get_long_about().or_else(|| command.get_about()).map(ToString::to_string).unwrap_or_default()
}

fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.trim_start_matches("Usage: ").lines().map(str::trim).collect::<Vec<_>>().join("\n")
}

fn table(text: &mut String, arguments: &[&Arg]) {
    if arguments.is_empty() {
        return;
    }
    let _ = write!(text, "\n| | |\n|---|---|\n");
    for argument in arguments {
        let _ = writeln!(text, "| `{}` | {} |", cell(&spelled(argument)), cell(&meaning(argument)));
    }
}

/// `-n, --dry-run`, `--jobs N`, `[NAME]…`.
fn spelled(argument: &Arg) -> String {
    let names: Vec<String> = argument.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
    let value = names.join(" ");
    if argument.is_positional() {
        let many = if argument.get_num_args().is_some_and(|range| range.max_values() > 1) { "…" } else { "" };
        return format!("{value}{many}");
    }
    let short = argument.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
    let long = argument.get_long().unwrap_or_default();
    let value = if argument.get_action().takes_values() { format!(" {value}") } else { String::new() };
    format!("{short}--{long}{value}")
}

/// Its help, its words and its default.
fn meaning(argument: &Arg) -> String {
    let mut text = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let words: Vec<String> =
        argument.get_possible_values().iter().filter(|v| !v.is_hide_set()).map(|v| format!("`{}`", v.get_name())).collect();
    if !words.is_empty() && argument.get_action().takes_values() {
        text += &format!("; one of {}", words.join(", "));
    }
    let defaults: Vec<String> = argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if !defaults.is_empty() && argument.get_action().takes_values() {
        text += &format!(" (default: `{}`)", defaults.join(","));
    }
    if let Some(variable) = argument.get_env() {
        text += &format!(" (or `{}`)", variable.to_string_lossy());
    }
    text
}

/// Text that breaks no table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[test]
fn the_documented_commands_are_the_commands() {
    super::schema::tests::is_documented_text("commands.md", &commands_markdown());
}
