//! A terminal of its own for a program: a pseudo-terminal, an emulator that knows what is on its screen, and a keyboard.

use std::io::{Read, Write};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Ends a synchronized update.
const END_OF_FRAME: &[u8] = b"\x1b[?2026l";
/// A terminal that reads as fast as it can.
pub const FAST: u64 = u64::MAX;

fn cells(n: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(n).expect("a terminal has cells")
}

/// A running program and the screen it draws.
pub struct Screen {
    pub child: Box<dyn Child + Send + Sync>,
    pub master: Box<dyn MasterPty + Send>,
    pub terminal: vt100::Parser,
    /// How many bytes have come.
    pub bytes: usize,
    frames: usize,
    keyboard: Box<dyn Write + Send>,
    output: Receiver<(Instant, Vec<u8>)>,
    pace: Arc<AtomicU64>,
}

impl Screen {
    /// Starts `program`, with its arguments, its folder and what it sets in the environment, in a terminal of this size.
    pub fn start(program: &Command, columns: u16, rows: u16) -> Self {
        let pty = native_pty_system().openpty(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).expect("a terminal");
        let mut command = CommandBuilder::new(program.get_program());
        command.args(program.get_args());
        command.env("TERM", "xterm-256color");
        // Somebody is there, also when this runs where nobody is.
        command.env_remove("CI");
        if let Some(folder) = program.get_current_dir() {
            command.cwd(folder);
        }
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            }
        }
        let child = pty.slave.spawn_command(command).expect("the program starts");
        drop(pty.slave);
        let mut reader = pty.master.try_clone_reader().expect("a reader");
        let (sender, output) = channel();
        let pace = Arc::new(AtomicU64::new(FAST));
        let reads = Arc::clone(&pace);
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            loop {
                let most = match reads.load(Ordering::Relaxed) {
                    FAST => buffer.len(),
                    pace => {
                        std::thread::sleep(Duration::from_millis(10));
                        if pace == 0 {
                            continue;
                        }
                        (pace / 100).clamp(1, buffer.len() as u64) as usize
                    }
                };
                match reader.read(&mut buffer[..most]) {
                    Ok(n @ 1..) if sender.send((Instant::now(), buffer[..n].to_vec())).is_ok() => {}
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    _ => return,
                }
            }
        });
        let keyboard = pty.master.take_writer().expect("a writer");
        let terminal = vt100::Parser::new(cells(rows), cells(columns), 0);
        Screen { child, master: pty.master, terminal, bytes: 0, frames: 0, keyboard, output, pace }
    }

    /// From now on the terminal takes so many bytes a second: none, few, or [`FAST`].
    pub fn reads(&self, bytes: u64) {
        self.pace.store(bytes, Ordering::Relaxed);
    }

    /// The window has another size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).expect("a resize");
        self.terminal.screen_mut().set_size(cells(rows), cells(columns));
    }

    pub fn keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).and_then(|()| self.keyboard.flush()).expect("the terminal takes keys");
    }

    pub fn text(&self) -> String {
        self.terminal.screen().contents()
    }

    /// The process in it.
    pub fn pid(&self) -> u32 {
        self.child.process_id().expect("a process")
    }

    /// A figure of proc_pid_status(5) in KiB: `VmRSS` is all memory, `RssAnon` what the process has for itself.
    pub fn memory(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the process is there");
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).expect("a process has memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Waits until the screen shows `words`.
    #[track_caller]
    pub fn shows(&mut self, words: &str) {
        self.until(&format!("`{words}`"), Duration::from_secs(120), |screen| screen.text().contains(words));
    }

    /// Waits until `done`, as it is when nothing more is being drawn: what is half drawn, or was there before, is not looked at.
    #[track_caller]
    pub fn until(&mut self, what: &str, limit: Duration, done: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        loop {
            // Where something is always being drawn, a look now and then has to do.
            let moment = Instant::now() + Duration::from_millis(250);
            while let Ok((_, bytes)) = self.output.recv_timeout(Duration::from_millis(20)) {
                self.process(&bytes);
                if Instant::now() > moment {
                    break;
                }
            }
            if done(self) {
                return;
            }
            assert!(began.elapsed() < limit, "waited for {what}; the screen is\n{}", self.text());
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                std::thread::sleep(Duration::from_millis(20)); // what it said is all there is
            }
        }
    }

    /// Waits until `done`, looking whenever something has come; when that came.
    #[track_caller]
    pub fn seen(&mut self, what: &str, limit: Duration, done: impl Fn(&Self) -> bool) -> Instant {
        let began = Instant::now();
        let mut came = began;
        while !done(self) {
            assert!(began.elapsed() < limit, "waited for {what}; the screen is\n{}", self.text());
            if let Ok((at, bytes)) = self.output.recv_timeout(Duration::from_millis(20)) {
                came = at;
                self.process(&bytes);
            }
        }
        came
    }

    /// Waits for the end and says the exit code.
    #[track_caller]
    pub fn ended(&mut self) -> u32 {
        let began = Instant::now();
        loop {
            self.take_in(Duration::from_millis(20));
            if let Some(status) = self.child.try_wait().expect("a child") {
                // Its last words may still be on their way; nobody holds the terminal any more when they are all here.
                self.take_in(Duration::from_secs(2));
                return status.exit_code();
            }
            assert!(began.elapsed() < Duration::from_secs(15), "it did not end; the screen is\n{}", self.text());
        }
    }

    /// Asks for the end when all work has ended, as far as can be seen, and says the exit code. What is drawn is a moment old: when a
    /// run was still ending, the dashboard asked whether to stop it, and the question has answered itself. Then it is asked once more.
    #[track_caller]
    pub fn quits(&mut self) -> u32 {
        self.keys("q");
        let began = Instant::now();
        while self.child.try_wait().expect("a child").is_none() {
            self.take_in(Duration::from_millis(20));
            if began.elapsed() > Duration::from_secs(3) {
                self.keys("q");
                break;
            }
        }
        self.ended()
    }

    /// Takes in what is drawn until nothing comes for `pause`.
    pub fn take_in(&mut self, pause: Duration) {
        while let Ok((_, bytes)) = self.output.recv_timeout(pause) {
            self.process(&bytes);
        }
    }

    /// Takes in what is drawn for so long.
    pub fn watch(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            match self.output.recv_timeout(left) {
                Ok((_, bytes)) => self.process(&bytes),
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => return std::thread::sleep(left),
            }
        }
    }

    /// How many frames have come: synchronized updates that ended.
    pub fn frames(&self) -> usize {
        self.frames
    }

    fn process(&mut self, bytes: &[u8]) {
        // One that is cut in two by the reader is not counted.
        self.frames += bytes.windows(END_OF_FRAME.len()).filter(|window| *window == END_OF_FRAME).count();
        self.terminal.process(bytes);
        self.bytes += bytes.len();
    }

    /// The alternate screen was left and the cursor is back.
    #[track_caller]
    pub fn is_restored(&self) {
        assert!(!self.terminal.screen().alternate_screen(), "still on the alternate screen");
        assert!(!self.terminal.screen().hide_cursor(), "the cursor is hidden");
        self.is_cooked();
    }

    /// The terminal gives lines to whoever reads next, not keys.
    #[track_caller]
    pub fn is_cooked(&self) {
        let termios = self.master.get_termios().expect("terminal settings");
        assert!(format!("{:?}", termios.local_flags).contains("ICANON"), "still in raw mode: {:?}", termios.local_flags);
    }
}
