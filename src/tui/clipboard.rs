//! Copying text out of the terminal, and saying which way it went.

use std::io::{Write, stdout};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crossterm::clipboard::CopyToClipboard;
use crossterm::queue;

/// Terminals drop longer OSC 52 sequences silently (xterm's and hterm's limit is about 100 kB of base64).
const OSC_52_LIMIT: usize = 74_000;
/// A display that does not answer must not keep the user waiting.
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// Whether the environment has a variable.
type IsSet<'a> = &'a dyn Fn(&str) -> bool;

/// A program that puts its standard input on a clipboard.
struct Way {
    /// How it is called in messages.
    name: &'static str,
    /// The program and its arguments.
    command: &'static [&'static str],
    /// Whether it can work here, as the environment has it.
    here: fn(IsSet<'_>) -> bool,
}

/// The clipboard of the desktop this terminal is on, then tmux's. Over ssh a display is that of the wrong machine. tmux keeps OSC 52
/// from inside to itself unless its `set-clipboard` says otherwise, but its own buffer always works, and `-w` hands it on to the
/// terminal outside.
const WAYS: [Way; 5] = [
    Way { name: "wl-copy", command: &["wl-copy"], here: |is| is("WAYLAND_DISPLAY") && !is("SSH_CONNECTION") },
    Way { name: "xclip", command: &["xclip", "-selection", "clipboard", "-in"], here: |is| is("DISPLAY") && !is("SSH_CONNECTION") },
    Way { name: "xsel", command: &["xsel", "--clipboard", "--input"], here: |is| is("DISPLAY") && !is("SSH_CONNECTION") },
    Way { name: "pbcopy", command: &["pbcopy"], here: |is| cfg!(target_os = "macos") && !is("SSH_CONNECTION") },
    Way { name: "tmux", command: &["tmux", "load-buffer", "-w", "-"], here: |is| is("TMUX") },
];

/// Puts `text` on the clipboard; how, or why not. May wait for another program: call it on a blocking thread.
pub fn copy(text: &str) -> Result<String, String> {
    let is = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if let Some(way) = WAYS.iter().filter(|way| (way.here)(&is)).find(|way| handed_over(way.command, text)) {
        return Ok(way.name.into());
    }
    if text.len() > OSC_52_LIMIT {
        return saved(text);
    }
    let mut bytes = Vec::new();
    queue!(bytes, CopyToClipboard::to_clipboard_from(text)).map_err(|e| e.to_string())?;
    let mut out = stdout().lock();
    out.write_all(&bytes).and_then(|()| out.flush()).map_err(|e| e.to_string())?;
    Ok("OSC 52".into())
}

/// Gives `text` to a program; whether it took it.
fn handed_over(command: &[&str], text: &str) -> bool {
    let Some((program, arguments)) = command.split_first() else { return false };
    let child = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = child else { return false };
    // From a thread of its own: a program that does not read would keep us, too.
    let (pipe, text) = (child.stdin.take(), text.to_owned());
    std::thread::spawn(move || pipe.map(|mut pipe| pipe.write_all(text.as_bytes())));
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if began.elapsed() < TIME_LIMIT => std::thread::sleep(Duration::from_millis(5)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return false;
            }
        }
    }
}

/// What no clipboard here takes goes into a file, which stays.
fn saved(text: &str) -> Result<String, String> {
    let file = tempfile::Builder::new().prefix("catamaran-copy-").suffix(".txt").tempfile().map_err(|e| e.to_string())?;
    let (mut file, path) = file.keep().map_err(|e| e.to_string())?;
    file.write_all(text.as_bytes()).map_err(|e| e.to_string())?;
    Ok(format!("the file {}: it is more than terminals take", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ways(set: &[&str]) -> Vec<&'static str> {
        WAYS.iter().filter(|way| (way.here)(&|name| set.contains(&name))).map(|way| way.name).collect()
    }

    #[cfg(not(target_os = "macos"))]
    #[test]
    fn a_display_is_used_where_the_user_sits_and_tmux_where_it_runs() {
        assert_eq!(ways(&["WAYLAND_DISPLAY", "TMUX"]), ["wl-copy", "tmux"]);
        assert_eq!(ways(&["DISPLAY"]), ["xclip", "xsel"]);
        assert_eq!(ways(&["DISPLAY", "SSH_CONNECTION"]), [""; 0]);
    }

    #[test]
    fn a_program_takes_the_text_or_is_not_believed() {
        assert!(handed_over(&["grep", "-q", "^catamaran$"], "catamaran\n"));
        assert!(!handed_over(&["grep", "-q", "^catamaran$"], "another\n"));
        assert!(!handed_over(&["no-such-program-of-ours"], "x"));
        let began = Instant::now();
        assert!(!handed_over(&["sleep", "60"], "x"));
        assert!(began.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn what_is_too_much_is_kept_in_a_file() {
        let said = saved("much").unwrap();
        let path = said.strip_prefix("the file ").and_then(|rest| rest.split(": ").next()).unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), "much");
        std::fs::remove_file(path).unwrap();
    }
}
