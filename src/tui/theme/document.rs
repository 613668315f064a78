//! `docs/themes.md`: what a theme file can say, made from what is understood.

use super::{BUILT_IN, Meaning};

/// The documentation of theme files.
pub fn themes_markdown() -> String {
    let names: Vec<String> = BUILT_IN.iter().map(|(name, _)| format!("`{name}`")).collect();
    let mut out = format!(
        "# Themes\n\nMade from `src/tui/theme/`; a test keeps it true. Built in: {}. `T` in the dashboard shows each while you choose; \
         `--theme NAME`, `CATAMARAN_THEME` and `theme = \"NAME\"` in `config.toml` keep one, in this order. Without any of them it is \
         `no-color` when `NO_COLOR` is set, else `auto`.\n\nA theme of yours is a file `NAME.toml` in the folder `themes/` beside \
         `config.toml`; it goes before a built-in one of the same name. It says how things look by what they mean:\n\n",
        names.join(", ")
    );
    out.push_str(
        "```toml\ninherits = \"dark\"              # what is not said here is as there\n\n[palette]                        # names for \
         colours, to be used below\nlagoon = \"#5cc8d7\"\n\n[meaning]\naccent = \"lagoon\"               # a colour: a name of the \
         palette, #rrggbb, one of the 16 ANSI names, or reset\nfailure = { fg = \"red\", bold = true }   # or fg, bg, bold, dim, \
         italic, underline, reverse\nadded = \"success\"                # or another meaning, to look like it\n\n[glyphs]\nset = \
         \"ascii\"                    # or \"unicode\"\n\n[motion]\nspinner = false                  # nothing turns\n```\n\nColours are \
         brought down to what the terminal shows (`COLORTERM`, `TERM`). A key or meaning that does not exist is an error that names the \
         nearest that does.\n\n| meaning | what has it | unless it is said, it looks like |\n|---|---|---|\n",
    );
    for meaning in Meaning::ALL {
        let (name, fallback) = meaning.name_and_fallback();
        let like = fallback.map_or("the terminal's own".to_owned(), |other| format!("`{}`", other.name()));
        out.push_str(&format!("| `{name}` | {} | {like} |\n", meaning.about()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::Library;

    #[test]
    fn the_documented_themes_are_the_themes() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/themes.md");
        if std::env::var_os("CATAMARAN_WRITE_DOCS").is_some() {
            std::fs::write(path, themes_markdown()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), themes_markdown(), "CATAMARAN_WRITE_DOCS=1 cargo test documented renews it");
    }

    #[test]
    fn the_documented_example_is_a_theme() {
        let text = themes_markdown();
        let example = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mine.toml"), example).unwrap();
        let theme = Library::with_folder(folder.path()).unwrap().load("mine").unwrap();
        assert_eq!(theme.style(Meaning::Added), theme.style(Meaning::Success));
        assert!(!theme.spinner);
    }
}
