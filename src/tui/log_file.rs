//! Looks into a whole log file, however large: what is searched, and the lines around it. Holds a page of it at a time.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use super::widget::Needle;

/// Lines of a page.
pub const PAGE: u64 = 2_000;
/// As much of each line is searched and shown.
const MAX_LINE: usize = 16 * 1024;
/// Logs up to this size are copied whole.
const MAX_COPY: u64 = 16 << 20;

/// Which part of a log file is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// What is around the line with this number, from 0.
    Around(u64),
    /// What comes before the last so many lines.
    BeforeLast(u64),
    /// What is around a match.
    Match {
        /// What is searched.
        needle: Needle,
        /// The match to go on from; `None` before the first, or after the last.
        from: Option<u64>,
        /// Towards the end; around it when there is none.
        forward: bool,
    },
}

/// A part of a log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The file.
    pub path: PathBuf,
    /// The number of the first line here.
    pub first: u64,
    /// The lines.
    pub lines: Vec<String>,
    /// How many lines the file has.
    pub total: u64,
    /// The line to show, when a place was asked for or something was found.
    pub at: Option<u64>,
    /// Which match of how many it is, from 1; `(0, 0)` when there is none.
    pub found: (usize, usize),
}

/// Reads what is `wanted` of the log file at `path`. Goes through the file twice, and holds [`PAGE`] lines of it.
pub fn read(path: &Path, wanted: &Wanted) -> std::io::Result<Page> {
    let mut file = File::open(path)?;
    let (mut total, mut matches) = (0, Matches::default());
    lines(&file, |number, line| {
        total = number + 1;
        if let Wanted::Match { needle, from, .. } = wanted
            && needle.is_in(line)
        {
            matches.take(number, *from);
        }
        true
    })?;
    let (at, found) = match wanted {
        Wanted::Around(number) => (Some((*number).min(total.saturating_sub(1))), (0, 0)),
        Wanted::BeforeLast(n) => (Some(total.saturating_sub(*n)), (0, 0)),
        Wanted::Match { forward, .. } => match if *forward { matches.after.or(matches.first) } else { matches.before.or(matches.last) } {
            Some((number, nth)) => (Some(number), (nth, matches.count)),
            None => (None, (0, 0)),
        },
    };
    let first = at.unwrap_or(total).saturating_sub(PAGE / 2).min(total.saturating_sub(PAGE));
    let mut page = Vec::new();
    file.rewind()?;
    lines(&file, |number, line| {
        if number >= first {
            page.push(line.to_owned());
        }
        (page.len() as u64) < PAGE
    })?;
    Ok(Page { path: path.to_owned(), first, lines: page, total, at, found })
}

/// What has to be known of matches to go on to the next: each with its number and which one it is, from 1.
#[derive(Default)]
struct Matches {
    count: usize,
    first: Option<(u64, usize)>,
    last: Option<(u64, usize)>,
    before: Option<(u64, usize)>,
    after: Option<(u64, usize)>,
}

impl Matches {
    fn take(&mut self, number: u64, from: Option<u64>) {
        self.count += 1;
        let this = Some((number, self.count));
        self.first = self.first.or(this);
        self.last = this;
        match from {
            Some(from) if number < from => self.before = this,
            Some(from) if number > from => self.after = self.after.or(this),
            _ => {}
        }
    }
}

/// The whole log, to be copied.
pub fn whole(path: &Path) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_COPY + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_COPY {
        return Err(std::io::Error::other("it has more than 16 MiB; o opens it"));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Hands out the lines of `file` with their numbers, each up to [`MAX_LINE`] bytes, as long as `go_on` says so.
fn lines(file: &File, mut go_on: impl FnMut(u64, &str) -> bool) -> std::io::Result<()> {
    let mut reader = BufReader::with_capacity(256 * 1024, file);
    let (mut line, mut number, mut begun) = (Vec::new(), 0, false);
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            break;
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let part = &chunk[..end.unwrap_or(chunk.len())];
        line.extend_from_slice(&part[..part.len().min(MAX_LINE - line.len())]);
        begun = end.is_none();
        let used = end.map_or(chunk.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() {
            if !go_on(number, &String::from_utf8_lossy(&line)) {
                return Ok(());
            }
            line.clear();
            number += 1;
        }
    }
    if begun {
        go_on(number, &String::from_utf8_lossy(&line));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn found(file: &tempfile::NamedTempFile, from: Option<u64>, forward: bool) -> (Option<u64>, (usize, usize)) {
        let page = read(file.path(), &Wanted::Match { needle: Needle::text("7"), from, forward }).unwrap();
        if let Some(at) = page.at {
            assert!(page.lines[(at - page.first) as usize].contains('7'));
        }
        (page.at, page.found)
    }

    #[test]
    fn matches_are_found_in_lines_that_nobody_keeps() {
        let text: String = (0..10_000).map(|i| format!("{}\n", if i % 4_000 == 5 { "a 7" } else { "x" })).collect();
        let log = file(text.as_bytes());
        assert_eq!(found(&log, None, true), (Some(5), (1, 3)));
        assert_eq!(found(&log, Some(5), true), (Some(4_005), (2, 3)));
        assert_eq!(found(&log, Some(8_005), true), (Some(5), (1, 3)));
        assert_eq!(found(&log, None, false), (Some(8_005), (3, 3)));
        let page = read(log.path(), &Wanted::BeforeLast(5_000)).unwrap();
        assert_eq!((page.at, page.first, page.lines.len(), page.total), (Some(5_000), 4_000, PAGE as usize, 10_000));
        assert_eq!(read(log.path(), &Wanted::Around(9_999)).unwrap().first, 8_000);
    }

    #[test]
    fn a_line_of_megabytes_and_bytes_that_are_no_text_do_no_harm() {
        let mut text = vec![b'y'; 3 << 20];
        text.extend_from_slice(b"\n\xff\xfe 7\nlast");
        let log = file(&text);
        let page = read(log.path(), &Wanted::Around(0)).unwrap();
        assert_eq!((page.total, page.lines[0].len(), page.lines[2].as_str()), (3, MAX_LINE, "last"));
        assert_eq!(found(&log, None, true), (Some(1), (1, 1)));
        assert!(read(Path::new("/nowhere"), &Wanted::Around(0)).is_err());
        assert_eq!(read(file(b"").path(), &Wanted::Around(3)).unwrap().lines.len(), 0);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_the_lines_that_they_are(bytes in proptest::collection::vec(0u8..12, 0..200), at in 0u64..50) {
            let bytes: Vec<u8> = bytes.into_iter().map(|b| if b < 4 { b'\n' } else { b'a' + b }).collect();
            let log = file(&bytes);
            let page = read(log.path(), &Wanted::Around(at)).unwrap();
            let text = String::from_utf8(bytes).unwrap();
            proptest::prop_assert_eq!(page.lines, text.lines().map(str::to_owned).collect::<Vec<_>>());
        }
    }
}
