//! `user`: whom the image runs as, where it starts, and that both are there.
//!
//! Names are looked up in the image's own passwd(5) and group(5), as engines do when they start a container: a name that is
//! not there is "unable to find user", a number needs no entry. A working directory that is missing is made by the engine.

use super::Subject;
use super::identity::{self, Identity, Unknown};
use super::tally::{Tally, skip_if_damaged};
use crate::image::{EntryKind, EntryRef};
use crate::verify::report::{Check, CheckResult, Finding, Verdict};
use crate::verify::rootfs::Lookup;

pub(super) fn check(subject: &Subject<'_>) -> CheckResult {
    if let Some(skipped) = skip_if_damaged(Check::User, subject.facts) {
        return skipped;
    }
    let mut tally = Tally::default();
    let written = identity::written(subject);
    let identity = match Identity::of(subject) {
        Ok(identity) => Some(identity),
        Err(Unknown { expected, found, advice }) => {
            tally.image(Verdict::Fail, None, expected, found, advice);
            None
        }
    };
    let mut looked_at = match (written, &identity) {
        ("", _) => "root, as the config names no user".to_owned(),
        (_, Some(identity)) => format!("{written}, {identity}"),
        (_, None) => written.to_owned(),
    };
    if let Some(home) = identity.as_ref().and_then(|identity| identity.home.as_deref()) {
        home_folder(subject, &mut tally, home);
    }
    working_directory(subject, &mut tally, identity.as_ref(), &mut looked_at);
    tally.result(Check::User, looked_at, "claim")
}

/// `/nonexistent` is Debian's word for none.
fn home_folder(subject: &Subject<'_>, tally: &mut Tally, home: &str) {
    if home.is_empty() || home == "/nonexistent" {
        return;
    }
    let found = match subject.root.lookup(home) {
        Lookup::Found(_, node) if is_folder(node.entry) => return,
        Lookup::Found(..) => "it is no folder",
        _ => "it does not exist",
    };
    let advice = "programs that keep settings there fail: add the folder, or set HOME in the config's environment";
    tally.add(Finding {
        verdict: Verdict::Warn,
        path: Some(home.trim_start_matches('/').to_owned()),
        layer: None,
        expected: format!("the user's home folder {home}"),
        found: found.into(),
        advice: advice.into(),
        waived: None,
    });
}

fn working_directory(subject: &Subject<'_>, tally: &mut Tally, identity: Option<&Identity>, looked_at: &mut String) {
    let Some(folder) = subject.image.config.config.working_dir.as_deref().filter(|folder| !folder.is_empty()) else { return };
    let mut finding = |verdict, found: String, advice: &str| {
        tally.add(Finding {
            verdict,
            path: Some(folder.trim_start_matches('/').to_owned()).filter(|path| !path.is_empty()),
            layer: None,
            expected: format!("the working directory {folder}, in which the image starts"),
            found,
            advice: advice.into(),
            waived: None,
        });
    };
    if !folder.starts_with('/') {
        return finding(Verdict::Fail, "a relative path".into(), "engines want it absolute: begin it with `/`");
    }
    match subject.root.lookup(folder) {
        Lookup::Missing(_) => looked_at.push_str(&format!(", in {folder}, which the engine will make")),
        Lookup::Found(_, node) if !is_folder(node.entry) => finding(Verdict::Fail, "it is no folder".into(), "name a folder"),
        Lookup::Found(real, node) => {
            let mut folders = subject.root.folders_to(folder);
            folders.push((real, node));
            match identity.and_then(|identity| Some((identity, identity.shut_out(&folders)?))) {
                Some((identity, (at, entry))) => {
                    let at = if at == folders[folders.len() - 1].0 { String::new() } else { format!("/{at} has ") };
                    let found = format!("{at}{}, which {identity} may not enter", identity::described(&entry));
                    finding(Verdict::Warn, found, "give the folder to the user, or open it to others");
                }
                None => looked_at.push_str(&format!(", in {folder}")),
            }
        }
        Lookup::NotAFolder(at) => finding(Verdict::Fail, format!("/{at} is no folder"), "name a folder"),
        Lookup::Loop => finding(Verdict::Fail, "symbolic links that lead to each other".into(), "correct the links"),
    }
}

fn is_folder(entry: Option<EntryRef<'_>>) -> bool {
    entry.is_none_or(|entry| entry.kind == EntryKind::Directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::samples::{Layer, Sample, result};

    const ACCOUNTS: &[u8] =
        b"root:x:0:0:root:/root:/bin/sh\nbroken\nweb:x:33:34:w:/var/www:/bin/sh\nlost:x:7:7::/srv/lost:\nnone:x:8:8::/nonexistent:\n";

    fn sample(user: &str, workdir: &str) -> Sample {
        let mut layer = Layer::new().folder("root").folder("var/www").file("etc/passwd", 0o644, ACCOUNTS);
        layer = layer.file("etc/group", 0o644, b"root:x:0:\nwww:x:34:\n").file("plain", 0o644, b"").folder("open");
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o700);
        header.set_uid(33);
        header.set_gid(34);
        header.set_size(0);
        layer.0.append_data(&mut header, "private", &[][..]).unwrap();
        let mut sample = Sample::new("amd64").layer(layer);
        sample.config.user = Some(user.into()).filter(|user: &String| !user.is_empty());
        sample.config.working_dir = Some(workdir.into());
        sample
    }

    fn checked(user: &str, workdir: &str) -> (Verdict, String) {
        let report = sample(user, workdir).report();
        let result = result(&report, Check::User);
        (result.verdict, result.findings.first().map_or(result.summary.clone(), |f| f.found.clone()))
    }

    #[test]
    fn names_need_an_entry_and_numbers_do_not() {
        for (user, verdict, says) in [
            ("", Verdict::Pass, "root, as the config names no user"),
            ("root", Verdict::Pass, "root, 0:0"),
            ("web", Verdict::Pass, "web, 33:34"),
            ("33", Verdict::Pass, "33, 33:34"),
            ("1000", Verdict::Pass, "1000, 1000:0"),
            ("1000:2000", Verdict::Pass, "1000:2000, 1000:2000"),
            ("web:www", Verdict::Pass, "web:www, 33:34"),
            ("none", Verdict::Pass, "none, 8:8"),
            ("nobody", Verdict::Fail, "no such line"),
            ("broken", Verdict::Fail, "no such line"),
            ("web:staff", Verdict::Fail, "no such line"),
            ("4294967296", Verdict::Fail, "4294967296:0"),
            ("lost", Verdict::Warn, "it does not exist"),
        ] {
            assert_eq!(checked(user, ""), (verdict, says.to_owned()), "{user}");
        }
    }

    #[test]
    fn without_accounts_a_name_cannot_be_found() {
        let mut sample = Sample::new("amd64").layer(Layer::new().file("x", 0o644, b""));
        sample.config.user = Some("root".into());
        let report = sample.report();
        assert_eq!(result(&report, Check::User).findings[0].found, "the image has no such file");
    }

    #[test]
    fn accounts_of_a_lower_layer_that_was_replaced_do_not_count() {
        let mut sample = sample("web", "").layer(Layer::new().file("etc/passwd", 0o644, b"root:x:0:0::/:\n"));
        assert_eq!(result(&sample.report(), Check::User).verdict, Verdict::Fail);
        sample = self::sample("web", "").layer(Layer::new().file("etc/other", 0o644, ACCOUNTS).symlink("etc/passwd", "other"));
        assert_eq!(result(&sample.report(), Check::User).verdict, Verdict::Pass);
    }

    #[test]
    fn accounts_are_found_where_links_lead() {
        let moved = |layer: Layer| {
            let mut sample =
                Sample::new("amd64").layer(layer).layer(Layer::new().folder("var/www").symlink("etc/passwd", "../usr/lib/passwd"));
            sample.config.user = Some("web".into());
            let report = sample.report();
            let result = result(&report, Check::User);
            (result.verdict, result.findings.first().map_or(result.summary.clone(), |f| f.found.clone()))
        };
        assert_eq!(moved(Layer::new().file("usr/lib/passwd", 0o644, ACCOUNTS)), (Verdict::Pass, "web, 33:34".into()));
        let linked = Layer::new().file("usr/share/accounts", 0o644, ACCOUNTS).hard_link("usr/lib/passwd", "usr/share/accounts");
        assert_eq!(moved(linked), (Verdict::Pass, "web, 33:34".into()));
        assert_eq!(moved(Layer::new().folder("usr/lib/passwd")).1, "it is no file");
        assert!(moved(Layer::new().folder("usr")).1.ends_with("leads to /usr/lib, which does not exist"), "{:?}", moved(Layer::new()));
    }

    #[test]
    fn accounts_that_are_too_many_to_read_are_not_missing_ones() {
        let large = [ACCOUNTS, &b"#".repeat(crate::image::MAX_KEPT_TEXT as usize)].concat();
        let mut sample = Sample::new("amd64").layer(Layer::new().file("etc/passwd", 0o644, &large));
        sample.config.user = Some("web".into());
        let report = sample.report();
        let found = &result(&report, Check::User).findings[0].found;
        assert!(found.starts_with("a file of 2097") && found.ends_with("are read"), "{found}");
    }

    #[test]
    fn the_working_directory_is_a_folder_that_the_user_may_enter_or_is_made() {
        for (user, workdir, verdict, says) in [
            ("web", "/open", Verdict::Pass, "web, 33:34, in /open"),
            ("web", "/private", Verdict::Pass, "web, 33:34, in /private"),
            ("", "/private", Verdict::Pass, "root, as the config names no user, in /private"),
            ("1000", "/private", Verdict::Warn, "mode 0700 of 33:34, which 1000:0 may not enter"),
            ("", "/work", Verdict::Pass, "root, as the config names no user, in /work, which the engine will make"),
            ("", "work", Verdict::Fail, "a relative path"),
            ("", "/plain", Verdict::Fail, "it is no folder"),
            ("", "/plain/x", Verdict::Fail, "/plain is no folder"),
        ] {
            assert_eq!(checked(user, workdir), (verdict, says.to_owned()), "{user} {workdir}");
        }
    }
}
