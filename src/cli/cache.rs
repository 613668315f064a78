//! `catamaran cache`: what is kept between runs, and throwing away what nothing needs.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::drive::{Drive, Link};
use super::printer::{Ink, Printer, Results, clean};
use super::quantity::{bytes, count};
use super::table::{Cell, Table};
use crate::session::{CacheReport, Command, PruneRequest, Pruned, Stocked};
use crate::{Error, Result};

/// `cache`
#[derive(Clone, Debug, Args)]
pub struct CacheArgs {
    /// What to do
    #[command(subcommand)]
    pub what: CacheCommand,
}

/// What to do with the cache.
#[derive(Clone, Debug, Subcommand)]
pub enum CacheCommand {
    /// Show what is kept, and how much of it.
    Info,
    /// Remove what nothing needs any more.
    Prune(PruneArgs),
}

/// `cache prune`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Images stay, with what belongs to them, and so do the packages that this project's containers.lock names, and receipts. \
                  What else was not used for 30 days goes: packages, indexes, logs. Blobs that no image names and what killed processes left go \
                  at once.\nWhat is removed is fetched and made again when a build needs it, to the same bytes. Nothing is removed while another \
                  catamaran is at work.\n\nExamples:\n  catamaran cache prune --dry-run\n  catamaran cache prune --older-than 7d\n  catamaran \
                  cache prune --max-size 5G\n  catamaran cache prune --all --images           # everything"
)]
pub struct PruneArgs {
    /// Only what was not used for so long: 30d, 12h, 0d [default: 30d; 0d with --all]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub older_than: Option<Duration>,
    /// Then more of what nothing needs, the oldest first, until so much is left: 5G, 500M
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_size: Option<u64>,
    /// Also the packages that this project's containers.lock names
    #[arg(long)]
    pub all: bool,
    /// Also the images that were built, of all projects
    #[arg(long)]
    pub images: bool,
    /// Show what would go
    #[arg(long, short = 'n')]
    pub dry_run: bool,
}

/// Asks, or throws away.
pub(super) async fn run<L: Link>(drive: &mut Drive<L>, printer: &Printer, args: &CacheArgs) -> Result<()> {
    let lost = || Error::bug("the run ended without a result");
    match &args.what {
        CacheCommand::Info => {
            drive.run(Command::SurveyCache).await?;
            let report = drive.state.cache.clone().ok_or_else(lost)?;
            match printer.results {
                Results::Events => {}
                Results::Document => printer.document(&*report)?,
                Results::Text => printer.result(&shown(&report, printer.out_color)),
            }
        }
        CacheCommand::Prune(args) => {
            let PruneArgs { older_than, max_size, all, images, dry_run } = args.clone();
            drive.run(Command::PruneCache(PruneRequest { older_than, max_size, all, images, dry_run })).await?;
            let pruned = drive.state.pruned.clone().ok_or_else(lost)?;
            match printer.results {
                Results::Events => {}
                Results::Document => printer.document(&*pruned)?,
                Results::Text => say(printer, &pruned),
            }
        }
    }
    Ok(())
}

fn table(stocks: &[Stocked], color: bool) -> String {
    let mut table = Table::new(&["WHAT", "FILES", "SIZE"]);
    for stocked in stocks {
        table.row([stocked.stock.words().into(), Cell::number(stocked.files.to_string()), Cell::number(bytes(stocked.bytes))]);
    }
    table.render(color)
}

fn shown(report: &CacheReport, color: bool) -> String {
    let folders = format!("cache {}\nstate {}", report.cache.display(), report.state.display());
    let all = format!("{} in all, {}", bytes(report.bytes), count(report.images, "image"));
    let folders = Ink::Dim.paint(&clean(&folders), color);
    match report.stocks.is_empty() {
        true => format!("{folders}\nnothing is kept"),
        false => format!("{}\n{all}\n{folders}", table(&report.stocks, color).trim_end()),
    }
}

fn say(printer: &Printer, pruned: &Pruned) {
    if !pruned.stocks.is_empty() {
        printer.result(table(&pruned.stocks, printer.out_color).trim_end());
    }
    let left = bytes(pruned.left);
    printer.note(&match (pruned.stocks.is_empty(), pruned.dry_run) {
        (true, _) => format!("nothing to remove; {left} are kept"),
        (false, true) => format!("{} would go, {left} would be left", bytes(pruned.bytes)),
        (false, false) => format!("{} are free again, {left} are left", bytes(pruned.bytes)),
    });
    if let Some(remark) = &pruned.remark {
        printer.note(remark);
    }
}

/// `30d`, `12h`, `90m`, `45s`, `2w`.
fn duration(word: &str) -> Result<Duration, String> {
    let unit = |letter| {
        Some(match letter {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            'w' => 7 * 24 * 60 * 60,
            _ => return None,
        })
    };
    let seconds = amount(word, unit).ok_or("a number and s, m, h, d or w, like 30d")?;
    Ok(Duration::from_secs(seconds))
}

/// `5G`, `500M`, `1.5GiB` is none; binary units.
fn size(word: &str) -> Result<u64, String> {
    let word = word.trim_end_matches(['B', 'b']).trim_end_matches('i');
    let unit = |letter: char| "KMGT".find(letter.to_ascii_uppercase()).map(|n| 1u64 << (10 * (n + 1)));
    let plain = || word.parse::<u64>().ok();
    amount(word, unit).or_else(plain).ok_or_else(|| "a number and K, M, G or T, like 5G".to_owned())
}

/// A whole number and the letter of its unit.
fn amount(word: &str, unit: impl Fn(char) -> Option<u64>) -> Option<u64> {
    let letter = word.chars().next_back()?;
    let number: u64 = word.strip_suffix(letter)?.parse().ok()?;
    number.checked_mul(unit(letter)?)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::session::Stock;

    #[test]
    fn times_and_sizes_are_understood() {
        assert_eq!(duration("30d"), Ok(Duration::from_secs(2_592_000)));
        assert_eq!((duration("0d"), duration("2w").unwrap()), (Ok(Duration::ZERO), Duration::from_secs(1_209_600)));
        assert_eq!((size("5G"), size("500MiB"), size("1k"), size("12")), (Ok(5 << 30), Ok(500 << 20), Ok(1 << 10), Ok(12)));
        for bad in ["", "d", "30", "-1d", "1.5d", "30y", "99999999999999999999d", "9999999999999999w"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        for bad in ["", "G", "-1G", "1.5G", "5X", "99999999999T"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_kept_is_a_table() {
        let stocked = |stock, files, bytes| Stocked { stock, files, bytes };
        let report = CacheReport {
            schema: 1,
            cache: PathBuf::from("/c"),
            state: PathBuf::from("/s"),
            stocks: vec![stocked(Stock::Packages, 26, 14 << 20), stocked(Stock::Images, 7, 1 << 10)],
            images: 1,
            bytes: (14 << 20) + (1 << 10),
        };
        insta::assert_snapshot!(shown(&report, false), @r"
        WHAT           FILES  SIZE
        package files     26  14.0 MiB
        images             7   1.0 KiB
        14.0 MiB in all, 1 image
        cache /c
        state /s
        ");
    }
}
