//! Copying text out of the terminal, and saying which way it went.

use std::io::{Write, stdout};
use std::process::{Command, Stdio};

use crossterm::clipboard::CopyToClipboard;
use crossterm::queue;

/// Terminals drop longer OSC 52 sequences silently (xterm's and hterm's limit is about 100 kB of base64).
const OSC_52_LIMIT: usize = 74_000;

/// Puts `text` on the clipboard; how, or why not. May wait for tmux: call it on a blocking thread.
pub fn copy(text: &str) -> Result<&'static str, String> {
    if std::env::var_os("TMUX").is_some() {
        // tmux eats OSC 52 from inside unless set-clipboard says otherwise; its own buffer always works, and -w
        // hands it on to the terminal outside.
        let child =
            Command::new("tmux").args(["load-buffer", "-w", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        if let Ok(mut child) = child {
            let written = child.stdin.take().map(|mut pipe| pipe.write_all(text.as_bytes()));
            if matches!(written, Some(Ok(()))) && child.wait().is_ok_and(|status| status.success()) {
                return Ok("tmux");
            }
        }
    }
    if text.len() > OSC_52_LIMIT {
        return Err(format!("{} bytes are more than terminals take; o opens the file instead", text.len()));
    }
    let mut bytes = Vec::new();
    queue!(bytes, CopyToClipboard::to_clipboard_from(text)).map_err(|e| e.to_string())?;
    let mut out = stdout().lock();
    out.write_all(&bytes).and_then(|()| out.flush()).map_err(|e| e.to_string())?;
    Ok("OSC 52")
}
