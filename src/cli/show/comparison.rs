//! Two images side by side: what differs, aspect by aspect, files by package.

use crate::cli::printer::{Ink, clean, clean_line};
use crate::cli::quantity::{bytes, count};
use crate::cli::table::{Cell, Table};
use crate::verify::{Aspect, Comparison, Row, Section};

/// Differences shown of each aspect, unless everything was asked for; `--json` has all that were kept.
const MAX_SHOWN: usize = 50;

/// The two images, then every aspect in which they differ; with `all`, what is the same too.
pub(in crate::cli) fn comparison(comparison: &Comparison, all: bool, color: bool) -> String {
    let mut sides = Table::plain(0);
    for (mark, side) in [("-", &comparison.left), ("+", &comparison.right)] {
        sides.row([
            Cell::ink(mark, Ink::Dim),
            Cell::ink(side.subject.as_str(), Ink::Bold),
            clean(&side.platform.to_string()).into(),
            side.digest.short().into(),
            Cell::number(count(side.layers, "layer")),
            Cell::number(bytes(side.size)),
            Cell::number(count(side.packages, "package")),
            Cell::number(count(side.paths, "path")),
        ]);
    }
    let mut out = vec![sides.render(color)];
    for section in &comparison.sections {
        if section.different > 0 || (all && !section.rows.is_empty()) {
            out.push(String::new());
            let heading = Ink::Bold.paint(section.aspect.word(), color);
            out.push(format!("{heading}: {} of {} differ", section.different, section.compared));
            rows(&mut out, section, all, color);
        }
    }
    let same: Vec<&str> = comparison.sections.iter().filter(|s| s.different == 0).map(|s| s.aspect.word()).collect();
    out.push(String::new());
    let architectures = if comparison.across_architectures { ", apart from what an architecture decides" } else { "" };
    out.push(match comparison.differences() {
        0 => Ink::Good.paint(&format!("no difference{architectures}"), color),
        n if same.is_empty() => count(n, "difference"),
        n => format!("{}; the same: {}{architectures}", count(n, "difference"), same.join(", ")),
    });
    out.join("\n")
}

fn rows(out: &mut Vec<String>, section: &Section, all: bool, color: bool) {
    let mut rows: Vec<&Row> = section.rows.iter().collect();
    // Files of no package stand last; within a package, as the paths are sorted.
    rows.sort_by_key(|row| (!row.differs, row.package.is_none(), row.package.as_deref()));
    let shown = if all { rows.len() } else { MAX_SHOWN.min(rows.len()) };
    let owned = rows.iter().any(|row| row.package.is_some());
    let mut table = Table::plain(2);
    for row in &rows[..shown] {
        let side = |value: &Option<String>| value.as_deref().map_or_else(|| "—".to_owned(), |value| words(section.aspect, value));
        let (mut left, mut right) = (side(&row.left), side(&row.right));
        if row.differs && clean_line(&left).trim_end() == clean_line(&right).trim_end() {
            // What differs is not to be seen: spaces at an end, characters that are not shown.
            let shown =
                |value: &Option<String>| value.as_deref().map_or_else(|| "—".to_owned(), |value| format!("\"{}\"", value.escape_default()));
            (left, right) = (shown(&row.left), shown(&row.right));
        }
        let right_name = row.right_name.as_ref().map(|name| format!(" ({})", clean_line(name))).unwrap_or_default();
        let ink = |text: String, ink| if row.differs { Cell::from(text) } else { Cell::ink(text, ink) };
        let package = owned.then(|| Cell::ink(row.package.as_deref().unwrap_or_default(), Ink::Dim));
        table.row(package.into_iter().chain([
            ink(row.name.clone(), Ink::Dim),
            ink(left, Ink::Dim),
            Cell::ink(if row.differs { "→" } else { "=" }, Ink::Dim),
            ink(format!("{right}{right_name}"), Ink::Dim),
        ]));
    }
    out.push(table.render(color));
    let differing = rows[shown..].iter().filter(|row| row.differs).count();
    let lost = section.different.saturating_sub(rows.iter().filter(|row| row.differs).count());
    if differing > 0 {
        out.push(format!("  … and {} more{}", section.different - shown, if lost == 0 { "; --json lists them" } else { "" }));
    } else if lost > 0 {
        out.push(format!("  … and {lost} more"));
    }
}

fn words(aspect: Aspect, value: &str) -> String {
    match aspect {
        Aspect::Sizes => format!("{value} B"),
        Aspect::Contents => value.trim_start_matches("sha256:").chars().take(12).collect(),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Architecture;
    use crate::image::{Digest, Platform};
    use crate::verify::Side;

    fn row(name: &str, package: Option<&str>, left: Option<&str>, right: Option<&str>) -> Row {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Row { name: name.into(), right_name: None, package: owned(package), left: owned(left), right: owned(right), differs: left != right }
    }

    fn a_comparison(sections: Vec<Section>) -> Comparison {
        let side = |subject: &str| Side {
            subject: subject.into(),
            digest: Digest::of(b"x"),
            platform: Platform::linux(Architecture::X86_64),
            size: 4096,
            layers: 2,
            packages: 3,
            paths: 40,
        };
        Comparison { schema: 1, left: side("fd:1.0"), right: side("fd:1.1"), across_architectures: false, sections }
    }

    #[test]
    fn differences_stand_under_their_aspect_and_files_by_package() {
        let section = |aspect, compared, rows: Vec<Row>| Section { aspect, compared, different: rows.len(), rows };
        let sections = vec![
            section(Aspect::Config, 4, vec![]),
            section(Aspect::Packages, 3, vec![row("bash", None, Some("5.2-1"), Some("5.2-2")), row("gone", None, Some("1"), None)]),
            section(
                Aspect::Sizes,
                40,
                vec![
                    row("etc/x", None, Some("1"), Some("2")),
                    row("usr/bin/\u{1b}[2Jz", Some("zsh"), Some("1"), Some("2")),
                    row("usr/bin/bash", Some("bash"), Some("10"), Some("2000")),
                ],
            ),
        ];
        insta::assert_snapshot!(comparison(&a_comparison(sections), false, false), @r###"
        -  fd:1.0  linux/amd64  2d711642b726  2 layers  4.0 KiB  3 packages  40 paths
        +  fd:1.1  linux/amd64  2d711642b726  2 layers  4.0 KiB  3 packages  40 paths

        packages: 2 of 3 differ
          bash  5.2-1  →  5.2-2
          gone  1      →  —

        sizes: 3 of 40 differ
          bash  usr/bin/bash  10 B  →  2000 B
          zsh   usr/bin/z     1 B   →  2 B
                etc/x         1 B   →  2 B

        5 differences; the same: config
        "###);
        let nothing = comparison(&a_comparison(vec![section(Aspect::Config, 4, vec![])]), false, false);
        assert!(nothing.ends_with("\nno difference"), "{nothing}");
    }

    #[test]
    fn values_that_look_alike_are_written_so_that_the_difference_shows() {
        let row = row("label x", None, Some("a"), Some("a\u{1b}[31m "));
        let text =
            comparison(&a_comparison(vec![Section { aspect: Aspect::Config, compared: 1, different: 1, rows: vec![row] }]), false, false);
        assert!(text.contains(r#""a"  →  "a\u{1b}[31m ""#), "{text}");
    }

    #[test]
    fn what_is_left_out_is_counted_and_what_is_the_same_is_shown_when_asked_for() {
        let rows: Vec<Row> = (0..60).map(|n| row(&format!("f{n}"), None, Some("1"), Some("2"))).collect();
        let mut section = Section { aspect: Aspect::Sizes, compared: 90, different: 60, rows };
        let text = |section: &Section, all| comparison(&a_comparison(vec![section.clone()]), all, false);
        assert!(text(&section, false).contains("\n  … and 10 more; --json lists them\n"));
        section.different = 70;
        assert!(text(&section, false).contains("\n  … and 20 more\n"));
        assert!(text(&section, true).contains("\n  … and 10 more\n"));
        section.rows.push(row("same", None, Some("3"), Some("3")));
        assert!(text(&section, true).contains("  3 B  =  3 B"), "{}", text(&section, true));
        assert_eq!(text(&section, true).matches('→').count(), 60);
    }
}
