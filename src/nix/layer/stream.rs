//! A layer's tar as a stream. A thread goes through the store while whoever reads the stream hashes, compresses or sends what came
//! before, so that a layer takes as long as its digest.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use super::generator::Generator;
use super::gone::gone;
use super::members::Members;
use super::tree::{Kind, Tree};
use crate::error::io_error;
use crate::image::{BLOCK, padding};
use crate::{Error, Result};

/// How much is handed on at a time.
const PIECE: usize = 256 << 10;
/// Pieces that wait to be read; with [`PIECE`] this bounds what is held of the files.
const WAITING: usize = 3;

/// How many bytes the tar of `tree` has.
pub(super) fn length(tree: &Tree, generator: Generator) -> u64 {
    let (mut members, mut header, mut total) = (Members::of(tree), Vec::new(), 2 * BLOCK as u64);
    while let Some(member) = members.next() {
        header.clear();
        member.write(tree, generator, &mut header);
        total += header.len() as u64;
        if let Some(Kind::File(size)) = member.entry.map(|entry| entry.kind) {
            total = total.saturating_add(size).saturating_add(padding(size) as u64);
        }
    }
    total
}

/// The tar of a tree, made while it is read.
pub(super) struct Stream {
    pieces: Receiver<Message>,
    /// Pieces that were read, to be filled again.
    spares: Sender<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
    ended: bool,
}

enum Message {
    Piece(Vec<u8>),
    /// All of it was handed on; a thread that is gone without having said so has come to harm.
    End,
    Failed(Error),
}

impl Stream {
    /// Begins to make the tar of `tree`.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn of(tree: Arc<Tree>, generator: Generator) -> Result<Self> {
        let (sender, pieces) = sync_channel(WAITING);
        let (spares, used) = channel();
        let make = move || {
            let mut tar = Tar { piece: Vec::with_capacity(PIECE), sender, used };
            let last = match tar.make(&tree, generator) {
                Ok(()) => Message::End,
                Err(Stopped::Unheard) => return,
                Err(Stopped::Failed(error)) => Message::Failed(error),
            };
            let _ = tar.sender.send(last);
        };
        let made = thread::Builder::new().name("nix layer".into()).spawn(make);
        made.map_err(|error| Error::failed("the system gives no thread to read the store with").source(error))?;
        Ok(Stream { pieces, spares, piece: Vec::new(), at: 0, ended: false })
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            if self.ended {
                return Ok(0);
            }
            match self.pieces.recv() {
                Ok(Message::Piece(piece)) => {
                    let used = std::mem::replace(&mut self.piece, piece);
                    self.at = 0;
                    // Nobody wants it any more when the thread is at its end.
                    let _ = self.spares.send(used);
                }
                Ok(Message::End) => self.ended = true,
                Ok(Message::Failed(error)) => return Err(io::Error::other(error)),
                Err(_) => return Err(io::Error::other(Error::bug("reading the store stopped unexpectedly"))),
            }
        }
        let n = buffer.len().min(self.piece.len() - self.at);
        buffer[..n].copy_from_slice(&self.piece[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

/// Why no more of the tar is made.
enum Stopped {
    /// Nobody reads it any more.
    Unheard,
    Failed(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Stopped::Failed(error)
    }
}

/// A tar on its way, a piece at a time.
struct Tar {
    piece: Vec<u8>,
    sender: SyncSender<Message>,
    used: Receiver<Vec<u8>>,
}

impl Tar {
    fn make(&mut self, tree: &Tree, generator: Generator) -> Result<(), Stopped> {
        let (mut members, mut header) = (Members::of(tree), Vec::new());
        while let Some(member) = members.next() {
            header.clear();
            member.write(tree, generator, &mut header);
            self.write(&header)?;
            if let Some(entry) = member.entry
                && let Kind::File(size) = entry.kind
                && size > 0
            {
                self.file(&tree.source(entry.source), size)?;
                self.write(&[0; BLOCK][..padding(size)])?;
            }
        }
        self.write(&[0; 2 * BLOCK])?;
        self.hand_on()
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), Stopped> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - self.piece.len()));
            self.piece.extend_from_slice(now);
            bytes = later;
            if self.piece.len() == PIECE {
                self.hand_on()?;
            }
        }
        Ok(())
    }

    /// The content of the file at `path`, which had `size` bytes when the tree was made.
    fn file(&mut self, path: &Path, size: u64) -> Result<(), Stopped> {
        let mut file = File::open(path).map_err(|error| gone(error, "opening", path))?;
        let changed = |now: &str| Error::failed(format!("{} has {now} than the {size} bytes it had a moment ago", path.display()));
        let mut left = size;
        // One byte more than there should be is asked for: so the read that gets the last of them also sees that it is the last.
        loop {
            let filled = self.piece.len();
            let wanted = (PIECE - filled).min(usize::try_from(left).unwrap_or(PIECE).saturating_add(1));
            self.piece.resize(filled + wanted, 0);
            let read = file.read(&mut self.piece[filled..]);
            self.piece.truncate(filled + *read.as_ref().unwrap_or(&0));
            let n = match read {
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(io_error(error, "reading", path).into()),
            };
            if n as u64 > left {
                return Err(changed("more").into());
            }
            left -= n as u64;
            if self.piece.len() == PIECE {
                self.hand_on()?;
            }
            match (left, n < wanted) {
                (0, true) => return Ok(()),
                (1.., true) if n == 0 => return Err(changed("less").into()),
                _ => {}
            }
        }
    }

    fn hand_on(&mut self) -> Result<(), Stopped> {
        let next = self.used.try_recv().unwrap_or_default();
        let full = std::mem::replace(&mut self.piece, next);
        self.piece.clear();
        self.piece.reserve_exact(PIECE);
        self.sender.send(Message::Piece(full)).map_err(|_| Stopped::Unheard)
    }
}
