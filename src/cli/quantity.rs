//! Numbers for people.

use crate::progress::Unit;
pub(super) use crate::progress::{bytes, count};

/// `340 ms`, `3.2 s`, `2 min 05 s`, `1 h 02 min`.
pub(super) fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match milliseconds {
        0..1000 => format!("{milliseconds} ms"),
        1000..60_000 => format!("{seconds}.{} s", milliseconds % 1000 / 100),
        60_000..3_600_000 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// `12/88 packages`, `1.0 MiB/3.5 MiB`; without total, what is done so far.
pub(super) fn progress(done: u64, total: u64, unit: Unit) -> String {
    let noun = match unit {
        Unit::Bytes if total == 0 => return bytes(done),
        Unit::Bytes => return format!("{}/{}", bytes(done), bytes(total)),
        Unit::Packages => "packages",
        Unit::Entries => "files",
    };
    if total == 0 { format!("{done} {noun}") } else { format!("{done}/{total} {noun}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well_at_their_borders() {
        let shown: Vec<String> = [0, 1023, 1024, 1 << 20, (1 << 30) - 1, u64::MAX].map(bytes).to_vec();
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KiB", "1.0 MiB", "1.0 GiB", "16384.0 PiB"]);
        let shown: Vec<String> = [0, 999, 1000, 59_999, 60_000, 3_599_999, 3_720_000].map(duration).to_vec();
        assert_eq!(shown, ["0 ms", "999 ms", "1.0 s", "59.9 s", "1 min 00 s", "59 min 59 s", "1 h 02 min"]);
        assert_eq!(progress(3, 0, Unit::Packages), "3 packages");
        assert_eq!(progress(1024, 2048, Unit::Bytes), "1.0 KiB/2.0 KiB");
        assert_eq!((count(1, "layer"), count(0, "layer")), ("1 layer".into(), "0 layers".into()));
    }
}
