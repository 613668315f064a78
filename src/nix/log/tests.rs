//! Real logs replayed, and mangled ones.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::clean::clean;
use super::*;

/// What happened, one line each, without what the store's hashes are.
fn replay(log: &[u8]) -> String {
    let (mut lines, mut follow, mut out) = (Lines::default(), BuildLog::default(), String::new());
    let mut take = |line: &[u8]| {
        // Headings of the captures; Nix says no such thing.
        if line.starts_with(b"#") {
            let _ = writeln!(out, "{}", clean(&String::from_utf8_lossy(line)));
        } else if let Some(said) = follow.take(line) {
            let _ = writeln!(out, "  {said:?}");
        }
    };
    lines.feed(log, &mut take);
    lines.finish(&mut take);
    out
}

#[test]
fn a_build_its_failures_and_its_downloads_are_told() {
    insta::assert_snapshot!(replay(include_bytes!("../../../tests/data/nix/log/build.jsonl")));
}

#[test]
fn failures_of_later_versions_are_told() {
    insta::assert_snapshot!(replay(include_bytes!("../../../tests/data/nix/log/failures-2.34.jsonl")));
}

#[test]
fn an_image_is_built() {
    insta::assert_snapshot!(replay(include_bytes!("../../../tests/data/nix/log/image.jsonl")));
}

#[test]
fn numbers_beyond_what_floats_hold_are_kept_apart_and_machines_are_named() {
    let mut log = BuildLog::default();
    let (one, other) = (18_014_398_509_481_985_u64, 18_014_398_509_481_984_u64);
    let start = |id: u64, name: &str, machine: &str| {
        format!(
            r#"@nix {{"action":"start","id":{id},"level":3,"text":"","type":105,"fields":["/nix/store/a-{name}.drv","{machine}",1,1],"parent":0,"later":[]}}"#
        )
    };
    log.take(start(one, "one", "").as_bytes());
    let said = log.take(start(other, "other", "ssh://arm").as_bytes());
    assert_eq!(said, Some(Said::Started { derivation: "/nix/store/a-other.drv".into(), machine: Some("ssh://arm".into()) }));
    let line = format!(r#"@nix {{"action":"result","id":{one},"type":101,"fields":["\u001b[1mhello\u001b[0m"]}}"#);
    assert_eq!(log.take(line.as_bytes()), Some(Said::Output { derivation: "/nix/store/a-one.drv".into(), line: "hello".into() }));
    assert_eq!(log.tail("/nix/store/a-one.drv").collect::<Vec<_>>(), ["hello"]);
    for unknown in [r#"@nix {"action":"dance"}"#, r#"@nix {"action":"start","id":1,"type":999}"#, "@nix nothing", "@nix []", ""] {
        assert_eq!(log.take(unknown.as_bytes()), None, "{unknown}");
    }
}

#[test]
fn an_error_has_its_place_its_trace_and_its_derivations() {
    let line = br#"@nix {"action":"msg","level":0,"msg":"\u001b[31;1merror:\u001b[0m builder for '/nix/store/x-a.drv' failed","raw_msg":"x","file":"/f.nix","line":3,"column":4,"trace":[{"raw_msg":"while evaluating 'a'","file":"/g.nix","line":1,"column":2},{"raw_msg":"while calling"}]}"#;
    let Some(Said::Failed(complaint)) = BuildLog::default().take(line) else { panic!() };
    assert_eq!(complaint.message, "builder for '/nix/store/x-a.drv' failed");
    assert_eq!(complaint.place.as_deref(), Some("/f.nix:3:4"));
    assert_eq!(complaint.trace, ["while evaluating 'a' (/g.nix:1:2)", "while calling"]);
    assert_eq!(complaint.derivations().collect::<Vec<_>>(), ["/nix/store/x-a.drv"]);
}

proptest! {
    #[test]
    fn no_log_is_too_mangled(cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..50), seed in any::<prop::sample::Index>()) {
        let mut log = include_bytes!("../../../tests/data/nix/log/build.jsonl").to_vec();
        for (at, byte) in cuts {
            let at = at.index(log.len());
            log[at] = byte;
        }
        log.truncate(seed.index(log.len()));
        let told = replay(&log);
        let escapes = told.chars().filter(|c| *c == '\u{1b}').count();
        prop_assert_eq!(escapes, 0);
    }

    #[test]
    fn records_of_any_shape_are_taken(action in "start|stop|result|msg|x", id in any::<u64>(), kind in 98u64..115, fields in "\\[\\]|\\[1,\"a\"\\]|\\[\"a\",\"b\",1,2\\]|\\[18446744073709551615,18446744073709551615,1\\]|\\[null,-1\\]|7", before in 98u64..115) {
        let mut log = BuildLog::default();
        log.take(format!(r#"@nix {{"action":"start","id":{id},"type":{before},"fields":["/nix/store/a.drv","m",1,1]}}"#).as_bytes());
        for _ in 0..3 {
            log.take(format!(r#"@nix {{"action":"{action}","id":{id},"type":{kind},"level":{kind},"msg":"m","fields":{fields}}}"#).as_bytes());
        }
        prop_assert!(log.activities() <= 4);
    }
}
