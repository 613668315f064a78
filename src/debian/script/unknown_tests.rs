//! Reduced scripts of real packages, about what is not known and what is said of it.

use super::evaluate_tests::{effects, file, no_op, run, run_as, unhandled};
use super::memory_system::{MemorySystem, Node};
use super::{Class, Effect, Evaluation, ModeChange, Owner, System};

fn said(done: &Evaluation) -> Vec<String> {
    done.unhandled.iter().map(|said| format!("{}: {}", said.command, said.why)).collect()
}

/// Before the script, these files are there.
fn run_with(files: &[(&str, &str, u32)], text: &str) -> (Evaluation, MemorySystem) {
    let mut system = MemorySystem::new();
    for (path, text, mode) in files {
        let folders: Vec<&str> = path.match_indices('/').skip(1).map(|(at, _)| &path[..at]).collect();
        for folder in folders {
            if system.kind(folder).is_none() {
                system.put(folder, Node::Directory, 0o755);
            }
        }
        system.file(path, text, *mode);
    }
    let done = run_as(&mut system, "postinst", format!("#!/bin/sh\nset -e\n{text}\n").as_bytes(), &["configure", ""]);
    (done, system)
}

#[test]
fn a_long_script_is_followed_to_its_end() {
    // php8.4-common enables sixteen modules for six programs, by functions that call functions.
    let text = "f() { local x=$1; echo $(g $x); }\ng() { if [ -n \"$1\" ]; then echo $1; fi; }\n\
                for i in $(seq 1 6000); do y=$(f $i); done\necho $y > /etc/o";
    assert_eq!(effects(text), [file("/etc/o", "6000\n")]);
}

#[test]
fn a_script_without_end_says_where_it_was_left() {
    let (done, system) = run("touch /etc/a\nf() { while :; do g; done; }\ng() { :; }\nf one\ntouch /etc/b");
    assert_eq!(said(&done).len(), 1, "{:?}", said(&done));
    assert!(said(&done)[0].starts_with("f one: neither this nor what comes after it"), "{:?}", said(&done));
    assert!(system.kind("/etc/a").is_some() && system.kind("/etc/b").is_none());
    unhandled("f() { f; }; f", "calls itself without end");
    // Keeping long texts is no way around it.
    unhandled(
        "x=aaaaaaaaaaaaaaaa; for i in $(seq 1 16); do x=$x$x; done; i=0; while :; do i=$((i + 1)); eval v$i=$x; done",
        "does not end",
    );
}

#[test]
fn an_alias_is_a_command() {
    // exim4-config
    let alias = "alias stripwhitespace=\"sed -e 's/^[[:blank:]]*//' -e 's/[[:blank:]]*$//'\"\n";
    assert_eq!(
        effects(&format!("{alias}x=\"$(printf '%s\\n' '  a b ' | stripwhitespace)\"; echo \"[$x]\" > /etc/o")),
        [file("/etc/o", "[a b]\n")]
    );
    assert_eq!(effects("alias w='x=1 touch'\nw /etc/o\nunalias w\n! w /etc/p"), [file("/etc/o", "")]);
    unhandled("alias both='echo a; echo b'\nboth", "one simple command");
    // An alias does not stand for itself, and bash has none in scripts.
    assert_eq!(effects("alias touch='touch -f'\ntouch /etc/o"), [file("/etc/o", "")]);
    let mut system = MemorySystem::new();
    let done = run_as(&mut system, "postinst", b"#!/bin/bash\nalias w=touch\nw /etc/o\n", &["configure", ""]);
    assert!(system.effects.is_empty(), "{done:?}");
}

#[test]
fn what_an_unknown_command_may_have_made_is_not_known() {
    let rest = "uid=$(ls -ln /etc/demo.key | awk '{print $3}')\nif [ \"$uid\" = 0 ]; then chgrp mail /var/lib; fi\ntouch /etc/after";
    let (done, system) = run(&format!("demo --make-key\n{rest}"));
    assert_eq!(system.effects, [file("/etc/after", "")]);
    assert!(said(&done).iter().any(|said| said.starts_with("chgrp mail /var/lib: whether it runs depends on")), "{:?}", said(&done));
    for test in ["[ -e /etc/demo.key ]", "grep -q x /etc/demo.key", "[ -d /var/lib/demo ]", "cmp /etc/demo.conf /etc/demo.key"] {
        unhandled(&format!("demo --make-key\nif {test}; then touch /etc/new; fi"), "touch /etc/new: whether it runs depends on");
    }
    unhandled("demo; chmod 600 /etc/demo.key", "whether there is /etc/demo.key is not known");
    unhandled("demo; cp /etc/demo.key /etc/copy", "whether there is /etc/demo.key is not known");
    unhandled("demo; cp /etc/demo.key /etc/copy; [ ! -e /etc/copy ] || touch /etc/new", "touch /etc/new: whether it runs");
    // What is there stays, and some things no command makes.
    for test in [
        "[ ! -f /etc/demo.conf ]",
        "[ -d /run/systemd/system ]",
        "[ -e /etc/demo.conf.dpkg-new ]",
        "[ -e /etc/apparmor.d/local/demo ]",
        "[ -e /usr/local/share/demo ]",
        "cat /etc/tmpfiles.d/demo.conf",
    ] {
        let (done, _) = run(&format!("demo\nif {test}; then touch /etc/new; fi"));
        assert_eq!(said(&done).len(), 1, "{test}: {:?}", said(&done));
    }
    // Whoever is asked for output makes nothing.
    let (done, system) = run("x=$(demo --version)\n[ -e /etc/new ] || touch /etc/new");
    assert_eq!((said(&done).len(), system.effects.as_slice()), (1, &[file("/etc/new", "")][..]));
}

#[test]
fn what_was_left_in_doubt_stays_in_doubt() {
    let doubt = "if [ \"$(uname -r)\" = x ]; then touch /etc/new; rm /etc/demo.conf; adduser --system demo; fi\n";
    for test in ["[ -e /etc/new ]", "[ ! -e /etc/demo.conf ]", "grep -q 1 /etc/demo.conf", "getent passwd demo"] {
        unhandled(&format!("{doubt}if {test}; then touch /etc/then; fi"), "touch /etc/then: whether it runs depends on");
    }
    unhandled(&format!("{doubt}chown demo /var/lib"), "whether there is demo is not known");
    // What is done afterwards is certain again.
    let (_, system) = run(&format!("{doubt}rm -rf /etc/demo.conf; echo x > /etc/new; grep -q x /etc/new && touch /etc/then"));
    assert!(system.kind("/etc/then").is_some());
    // A way that was not taken leaves nothing open.
    no_op("if date | grep -q x; then touch /etc/new; exit 1; fi; if [ -e /etc/new ]; then touch /etc/then; fi");
    unhandled("x=$(date); echo $x > /etc/new; if grep -q 2026 /etc/new; then touch /etc/then; fi", "touch /etc/then: whether it runs");
}

#[test]
fn a_key_that_is_not_made_is_missed_by_nothing_else() {
    // bind9
    let text = "if [ ! -s /etc/bind/rndc.key ]; then rndc-confgen -a; fi\n\
                uid=$(ls -ln /etc/bind/rndc.key | awk '{print $3}')\n\
                if [ \"$uid\" = 0 ]; then chown www-data /etc/bind/rndc.key; chgrp mail /etc/bind/rndc.key /var/cache/bind; \
                chmod g+r /etc/bind/rndc.key /etc/bind/named.conf* || true; chmod g+rwx /var/cache/bind; fi";
    let (done, system) = run_with(&[("/etc/bind/named.conf", "", 0o640), ("/var/cache/bind/x", "", 0o644)], text);
    assert_eq!(said(&done).len(), 1, "{:?}", said(&done));
    assert!(said(&done)[0].starts_with("rndc-confgen -a: a private key in an image is everybody's"));
    let group = Owner { user: None, group: Some("mail".into()) };
    let mode = |path: &str, change: &str| Effect::Mode { path: path.into(), change: ModeChange::Symbolic(change.into()), recursive: false };
    assert_eq!(
        system.effects,
        [
            Effect::Owner { path: "/var/cache/bind".into(), owner: group, recursive: false, follow: true },
            mode("/etc/bind/named.conf", "g+r"),
            mode("/var/cache/bind", "g+rwx"),
        ]
    );
    unhandled("ssh-keygen -q -f /etc/key; cp /etc/key.pub /etc/copy", "what is in /etc/key.pub is not known");
    // Dates and lengths of files are not known here.
    unhandled("x=$(ls -ln /etc/demo.conf); case \"$x\" in *2026*) touch /etc/new ;; esac", "touch /etc/new: whether it runs");
}

#[test]
fn a_pattern_that_finds_nothing_is_no_file_that_a_command_made() {
    // xfonts-utils: update-fonts-alias after update-fonts-dir
    let each = "for f in /etc/fonts/*.alias; do [ -e \"$f\" ] || continue; touch /etc/new; done";
    let (done, _) = run(&format!("demo\n{each}"));
    assert_eq!(said(&done), ["demo: what `demo` does is not known"]);
    // Of a file that may be there it is not known whether the pattern finds it.
    unhandled(&format!("if date | grep -q x; then touch /etc/fonts/a.alias; fi\n{each}"), "touch /etc/new: whether it runs depends on");
    unhandled(&format!("if date | grep -q x; then mkdir /etc/fonts; fi\n{each}"), "touch /etc/new: whether it runs depends on");
}

#[test]
fn a_question_asked_until_the_answer_is_good_has_an_end() {
    // slapd's config
    let text = "n=0; while true; do n=$((n + 1)); x=$(date); if [ \"$x\" = 1 ]; then break; fi; done\necho $n > /etc/n; touch /etc/after";
    let (done, system) = run(text);
    assert_eq!(system.effects, [file("/etc/after", "")]);
    assert_eq!(said(&done), ["echo $n > /etc/n: what it writes to /etc/n is not known"]);
    unhandled("while true; do n=$((n + 1)); done", "does not end");
    // One that certainly ends, ends there.
    assert_eq!(effects("n=0; until [ $n = 40 ]; do n=$((n + 1)); done; echo $n > /etc/n"), [file("/etc/n", "40\n")]);
}

#[test]
fn who_owns_what_is_known() {
    // mariadb-server and squid
    no_op("find /var/lib ! -uid 0 -print0 -or ! -gid 0 -print0 | xargs -0 -r sudo chown 0:0");
    no_op("find /var/lib -follow -not -group root -print0 2>/dev/null | xargs -0 --no-run-if-empty chgrp root");
    let chown = |owner: &str| Effect::Owner {
        path: "/var/lib".into(),
        owner: Owner { user: Some(owner.into()), group: None },
        recursive: false,
        follow: true,
    };
    assert_eq!(effects("find /var/lib ! -user www-data -print0 | xargs -0 chown nobody"), [chown("nobody")]);
    assert_eq!(effects("if [ \"$(stat -c %u:%g:%n /var/lib)\" = 0:0:/var/lib ]; then chown nobody /var/lib; fi"), [chown("nobody")]);
    assert_eq!(effects("[ $(stat -c %a /etc/demo.conf) = 644 ]; chown nobody /var/lib"), [chown("nobody")]);
    unhandled("if [ \"$(stat -c %Y /etc/demo.conf)\" = 1 ]; then touch /etc/new; fi", "touch /etc/new: whether it runs depends on");
}

#[test]
fn what_find_does_is_done_where_all_of_it_is_known() {
    // freeradius
    let files = [("/srv/a/one", "", 0o644), ("/srv/a/b/two", "2", 0o644), ("/srv/a/c/x", "", 0o644)];
    let bits = |path: &str, mode| Effect::Mode { path: path.into(), change: ModeChange::Bits(mode), recursive: false };
    let (done, system) = run_with(&files, "find /srv/a -type f -exec chmod 640 '{}' \\;");
    assert_eq!(
        (said(&done), system.effects),
        (vec![], ["/srv/a/b/two", "/srv/a/c/x", "/srv/a/one"].map(|path| bits(path, 0o640)).to_vec())
    );
    let (done, system) = run_with(&files, "find /srv/a -type f -empty -delete\nfind /srv/a -type d -empty -delete");
    assert_eq!(said(&done), [""; 0]);
    let there = ["/srv/a/one", "/srv/a/c/x", "/srv/a/c", "/srv/a/b/two"].map(|path| system.kind(path).is_some());
    assert_eq!(there, [false, false, false, true]);
    for odd in ["-mtime 1 -delete", "-name x -o -delete", "-delete -print", "! -exec false \\;"] {
        let (done, _) = run_with(&files, &format!("find /srv/a {odd}"));
        assert_eq!(said(&done), [format!("find /srv/a {odd}: find acts on what it finds")]);
    }
}

#[test]
fn files_of_packages_are_listed() {
    // postgresql-client-common
    let mut system = MemorySystem::new();
    system.versions.insert("demo".into(), "1".into());
    let text = b"#!/bin/sh\ndpkg -L demo not-there | grep -v doc > /etc/list\n";
    let done = run_as(&mut system, "postinst", text, &["configure", ""]);
    assert_eq!((said(&done), system.effects), (vec![], vec![file("/etc/list", "/usr/bin/demo\n")]));
}

#[test]
fn postfix_is_set_up_as_far_as_its_machine_is_not_asked_for() {
    let main = ("/etc/postfix/main.cf", "# a\nmynetworks = 127.0.0.0/8\n  [::1]/128\nmyorigin = x\n", 0o644);
    let text = "db_fset postfix/mynetworks changed true; db_fget postfix/mynetworks changed; [ $RET = true ] || exit 0\n\
                postconf -e mynetworks=10.0.0.0/8 'inet_interfaces=all'\npostconf -e \"myhostname=$(hostname)\"\n\
                if [ $(postconf -hx default_transport) != smtp ] || [ $(postconf -h inet_interfaces) != all ]; then touch /etc/new; fi";
    let (done, system) = run_with(&[main], text);
    assert_eq!(said(&done), ["postconf -e \"myhostname=$(hostname)\": one of its arguments is not known"]);
    assert_eq!(system.effects, [file(main.0, "# a\nmynetworks = 10.0.0.0/8\nmyorigin = x\ninet_interfaces = all\n")]);
    let (done, _) =
        run_with(&[main], "db_fget postfix/mynetworks changed; [ $RET = false ]; [ $(postconf -h mynetworks) = x ] || touch /etc/new");
    assert!(said(&done)[0].starts_with("touch /etc/new: whether it runs depends on"), "{:?}", said(&done));
}

#[test]
fn an_editor_of_nothing_prints_nothing() {
    // squid
    let text = "x=$(printf '' | sed -ne 's/a/b/p; t end; d; :end q'); [ -n \"$x\" ] || x=proxy; echo $x > /etc/x";
    assert_eq!(effects(text), [file("/etc/x", "proxy\n")]);
    // erlang-base
    no_op("for p in $(printf '' | awk '{if ($1 ~ /^Package:/) {print $2}}'); do touch /etc/$p; done");
    // mariadb-server of bookworm: there is room enough, or it would not have been installed.
    no_op("if df --portability /var/. | tail -n 1 | awk '{ exit ($4>1000) }'; then exit 1; fi");
    // chrony
    no_op("dpkg-statoverride --update --add root adm 0750 /var/log/not-there");
}

#[test]
fn all_accounts_are_listed() {
    // libsane1
    let text = "if ! getent group | grep -q '^scanner:'; then touch /etc/new; fi";
    let groups = ("/etc/group", "root:x:0:\n", 0o644);
    assert_eq!(run_with(&[groups], text).1.effects, [file("/etc/new", "")]);
    let (done, _) = run_with(&[groups], &format!("if date | grep -q x; then addgroup --system scanner; fi\n{text}"));
    assert!(said(&done).iter().any(|said| said.starts_with("touch /etc/new: whether it runs depends on")), "{:?}", said(&done));
}

#[test]
fn secrets_that_openssl_makes_are_not_made() {
    // rabbitmq-server
    let text = "if [ ! -e /var/lib/cookie ]; then openssl rand -base64 -out /var/lib/cookie 42; chmod 0400 /var/lib/cookie; fi";
    let (done, system) = run(&format!("touch /usr/bin/openssl\n{text}"));
    assert_eq!((said(&done).len(), system.effects.len()), (1, 1), "{:?}", said(&done));
    assert!(said(&done)[0].contains("a private key in an image is everybody's"), "{:?}", said(&done));
    unhandled("openssl x509 -in a -out /etc/b", "what openssl writes is not known");
}

#[test]
fn font_folders_are_indexed_by_scripts_of_the_image() {
    // xfonts-base with xfonts-utils: what the program in it would have made is said.
    let tools = [
        ("/usr/sbin/update-fonts-dir", "#!/bin/sh\nmkfontdir /usr/share/fonts/$1\n", 0o755),
        ("/usr/bin/mkfontdir", "#!/bin/sh\nexec mkfontscale -b \"$@\"\n", 0o755),
        ("/usr/bin/mkfontscale", "\u{7f}ELF", 0o755),
    ];
    let text = "if command -v update-fonts-dir >/dev/null; then update-fonts-dir misc; fi";
    let (done, _) = run_with(&tools, text);
    assert_eq!(said(&done), ["exec mkfontscale -b \"$@\": what `mkfontscale` does is not known"]);
    let (done, _) = run_with(&[], text);
    assert_eq!((done.class, said(&done)), (Class::NoOp, vec![]));
}

#[test]
fn add_ons_of_emacs_are_set_up_whoever_comes_last() {
    let folder = "/usr/lib/emacsen-common/packages";
    let script =
        "#!/bin/sh\nset -e\n(cd /usr/share/$1/site-lisp; ln -s ../../demo/start.el .)\n\"$1\" -batch -f batch-byte-compile start.el\n";
    let (install, compat) = (format!("{folder}/install/demo"), format!("{folder}/compat/demo"));
    let files = [
        (install.as_str(), script, 0o755),
        (&compat, "0\n", 0o644),
        ("/usr/bin/emacs", "", 0o755),
        ("/usr/share/emacs/site-lisp/x", "", 0o644),
        ("/var/lib/emacsen-common/state/package/installed/x", "", 0o644),
        ("/var/lib/emacsen-common/state/flavor/installed/.x", "", 0o644),
    ];
    let (addon, flavour) = ("emacs-package-install --postinst demo", "/usr/lib/emacsen-common/emacs-install emacs");
    for (first, second) in [(addon, flavour), (flavour, addon)] {
        let (done, system) = run_with(&files, &format!("{first}\n{second}"));
        assert_eq!(said(&done), [""; 0]);
        assert_eq!(system.link("/usr/share/emacs/site-lisp/start.el").as_deref(), Some("../../demo/start.el"));
    }
}

#[test]
fn a_trigger_that_a_script_sets_off_is_told() {
    assert_eq!(effects("dpkg-trigger --by-package=demo --no-await update-demo"), [Effect::Trigger("update-demo".into())]);
    no_op("dpkg-trigger /etc/php/8.4/fpm/conf.d");
    unhandled("if [ $(uname -r) = 1 ]; then dpkg-trigger update-demo; fi", "dpkg-trigger update-demo: whether it runs depends on");
}

#[test]
fn a_key_that_is_not_made_is_there_for_the_packages_that_follow() {
    // ssl-cert makes it, dovecot-core links to it; the link is made and dangles, which the check of links says.
    let mut system = MemorySystem::new();
    let script = |text: &str| format!("#!/bin/sh\nset -e\n{text}\n").into_bytes();
    run_as(&mut system, "postinst", &script("make-ssl-cert generate-default-snakeoil"), &["configure", ""]);
    let key = "/etc/ssl/private/ssl-cert-snakeoil.key";
    let done = run_as(&mut system, "postinst", &script(&format!("if [ -e {key} ]; then ln -s {key} /etc/own.key; fi")), &["configure", ""]);
    assert_eq!(said(&done), [""; 0]);
    assert_eq!(system.link("/etc/own.key").as_deref(), Some(key));
    assert!(system.kind(key).is_none());
}
