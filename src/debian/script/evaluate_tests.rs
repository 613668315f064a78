//! Small scripts against a system in memory.

use proptest::prelude::*;

use super::memory_system::{Bytes, MemorySystem, Node};
use super::{Call, Class, Effect, Emulations, Evaluation, ModeChange, Owner, System, evaluate};

pub(super) fn run_as(system: &mut MemorySystem, script: &str, text: &[u8], arguments: &[&str]) -> Evaluation {
    let call = Call { package: "demo", version: "1.0-1", script, text, arguments };
    evaluate(&call, system, &Emulations::default())
}

/// A postinst with `set -e`, on a new system.
pub(super) fn run(text: &str) -> (Evaluation, MemorySystem) {
    let mut system = MemorySystem::new();
    system.file("/usr/bin/demo", "", 0o755);
    system.file("/etc/demo.conf", "port = 1\n", 0o644);
    let done = run_as(&mut system, "postinst", format!("#!/bin/sh\nset -e\n{text}\n").as_bytes(), &["configure", ""]);
    (done, system)
}

#[track_caller]
pub(super) fn effects(text: &str) -> Vec<Effect> {
    let (done, system) = run(text);
    assert_eq!(done.unhandled, [], "{text}");
    system.effects
}

#[track_caller]
pub(super) fn no_op(text: &str) {
    let (done, _) = run(text);
    assert_eq!((done.class, done.unhandled), (Class::NoOp, vec![]), "{text}");
}

/// The script has something that is not handled, and says these words.
#[track_caller]
pub(super) fn unhandled(text: &str, words: &str) {
    let (done, _) = run(text);
    assert_eq!(done.class, Class::Unhandled, "{text}");
    let said: Vec<String> = done.unhandled.iter().map(|u| format!("{}: {}", u.command, u.why)).collect();
    assert!(said.iter().any(|said| said.contains(words)), "{text}\n{said:?}");
}

pub(super) fn file(path: &str, text: &str) -> Effect {
    Effect::File { path: path.into(), bytes: text.as_bytes().to_vec(), mode: None, owner: Owner::default() }
}

#[test]
fn a_tilde_is_somebody_s_home() {
    let made = |script: &str| {
        let (done, mut system) = run("adduser --system --home /srv/ftp ftp");
        assert_eq!(done.unhandled, []);
        system.effects.clear();
        let done = run_as(&mut system, "postinst", format!("#!/bin/sh\n{script}\n").as_bytes(), &["configure", ""]);
        assert_eq!(done.unhandled, [], "{script}");
        system.effects
    };
    for (word, path) in [("~ftp/x", "/srv/ftp/x"), ("~/x", "/root/x"), ("/etc/~ftp", "/etc/~ftp"), ("/etc/'~ftp'", "/etc/~ftp")] {
        assert_eq!(made(&format!("touch {word}")), [file(path, "")], "{word}");
    }
    assert_eq!(made("x=~ftp; touch $x/y"), [file("/srv/ftp/y", "")]);
}

#[test]
fn folders_are_searched_with_all_that_is_in_them() {
    let script = "#!/bin/sh\nset -e\ngrep -qr 'port = [0-9]' /etc/demo && touch /etc/has\n! grep -q port /etc/demo 2>/dev/null\n\
                  grep -rq nothing /etc/demo || touch /etc/has-not";
    let mut system = MemorySystem::new();
    ["/etc/demo", "/etc/demo/sub"].iter().for_each(|folder| system.put(folder, Node::Directory, 0o755));
    for name in ["a", "sub/b"] {
        system.file(&format!("/etc/demo/{name}"), if name == "a" { "x\n" } else { "port = 1\n" }, 0o644);
    }
    let done = run_as(&mut system, "postinst", script.as_bytes(), &["configure", ""]);
    assert_eq!((done.unhandled, &system.effects[..]), (vec![], &[file("/etc/has", ""), file("/etc/has-not", "")][..]));
}

#[test]
fn what_services_and_caches_want_is_nothing() {
    no_op("if [ \"$1\" = configure ] || [ \"$1\" = abort-upgrade ]; then deb-systemd-helper unmask demo.service >/dev/null || true; fi");
    no_op(
        "if deb-systemd-helper --quiet was-enabled demo; then deb-systemd-helper enable demo; else deb-systemd-helper update-state demo; fi",
    );
    no_op("dpkg-maintscript-helper rm_conffile /etc/old 1.0~ -- \"$@\"");
    no_op("if which py3compile >/dev/null 2>&1; then py3compile -p demo; fi\nif command -v pypy3compile; then pypy3compile || true; fi");
    no_op(". /usr/share/debconf/confmodule\ndb_version 2.0\ndb_stop");
    no_op("case \"$1\" in configure) ;; abort-*) exit 0 ;; *) echo bad >&2; exit 1 ;; esac");
    no_op("if true; then which not-there >/dev/null && not-there; fi\nexit 0");
    no_op("[ -d /run/systemd/system ] && systemctl daemon-reload || true\n#DEBHELPER#\nexit 0");
    // nagios4-cgi closes a subshell and the condition at once, dovecot-core cuts bytes.
    no_op("if [ -e /etc/not-there ]; then ( touch /etc/new\n) fi\n[ \"$(echo conf.d/x | cut -b -7)\" = conf.d/ ] || touch /etc/new");
}

#[test]
fn conditions_and_expansions_are_those_of_the_shell() {
    let said = |text: &str| match effects(text).as_slice() {
        [Effect::File { bytes, .. }] => String::from_utf8(bytes.clone()).unwrap(),
        other => panic!("{text}: {other:?}"),
    };
    // Every row was checked with dash.
    for (text, expected) in [
        ("x=a.b.c; echo ${x%.*} ${x%%.*} ${x#*.} ${x##*.} ${#x} > /etc/o", "a.b a b.c c 5\n"),
        ("echo ${y:-d} ${y-e} ${1:+set} \"${2:-empty}\" > /etc/o", "d e set empty\n"),
        ("f() { local x=in; echo $x $1 $#; }; x=out; (f a b; echo $x) > /etc/o", "in a 2\nout\n"),
        ("for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done > /etc/o", "1\n3\n"),
        ("i=0; while [ $i -lt 3 ]; do i=$((i + 1)); done; echo $i > /etc/o", "3\n"),
        ("printf '%s=%s\\n' a 1 b 2 > /etc/o", "a=1\nb=2\n"),
        ("cat > /etc/o <<EOF\n$1 `echo x` \\$z\nEOF", "configure x $z\n"),
        ("cat > /etc/o <<-'EOF'\n\t$1\n\tEOF", "$1\n"),
        ("echo 'a b' | while read x y; do echo $y$x; done > /etc/o", "ba\n"),
        ("sed 's/port = .*/port = 2/' /etc/demo.conf > /etc/o", "port = 2\n"),
        ("IFS=:; set -- a:b; x=c:d; for i in $x; do echo $i; done > /etc/o", "c\nd\n"),
        ("cd /etc; for f in d*.conf; do echo $f; done > /etc/o", "demo.conf\n"),
        ("if false; then :; elif ! false && true; then echo yes; fi > /etc/o", "yes\n"),
        ("x=$(false) || echo no > /etc/o", "no\n"),
        ("case abc in a*|x) echo one ;; *) echo two ;; esac > /etc/o", "one\n"),
        ("echo \"$(echo \"a  b\")\" '$x' > /etc/o", "a  b $x\n"),
        ("{ echo a; echo b >&2; } > /etc/o 2>&1", "a\nb\n"),
        ("until false; do break; done; echo $? $((2 * (3 + 1))) > /etc/o", "0 8\n"),
        ("x='a   b'; echo $x \"$x\" > /etc/o", "a b a   b\n"),
        ("set -- -a -b v x; while getopts ab: o; do echo $o${OPTARG:-}; done > /etc/o", "a\nbv\n"),
        ("for i in $(seq 3 -1 1); do [ $i = 2 ] || continue; echo $i; done > /etc/o", "2\n"),
        ("find /etc -mindepth 1 ! \\( -name 'o*' -o -type d \\) -printf '%f\\n' > /etc/o", "demo.conf\n"),
        ("set -- a b c; shift $(expr 3 - 1); echo $1 > /etc/o", "c\n"),
        ("x=1; f() { local x; echo $x; x=2; }; (f; echo $x) > /etc/o", "1\n1\n"),
        ("expr abc : a.c > /etc/o", "3\n"),
        ("x= y=''; echo \"[$x$y]\" > /etc/o", "[]\n"),
        ("set -- \"a b\" c; for i; do echo \"$i\"; done > /etc/o; ", "a b\nc\n"),
    ] {
        assert_eq!(said(text), expected, "{text}");
    }
}

#[test]
fn accounts_are_made_once() {
    let text = "if ! getent passwd demo >/dev/null; then\n adduser --system --group --home /var/lib/demo --no-create-home --quiet demo\nfi\nadduser demo adm";
    let made = effects(text);
    let user = Effect::User {
        name: "demo".into(),
        uid: None,
        group: Some("demo".into()),
        gecos: String::new(),
        home: "/var/lib/demo".into(),
        shell: "/usr/sbin/nologin".into(),
        make_home: false,
    };
    assert_eq!(made, [user, Effect::Member { user: "demo".into(), group: "adm".into() }]);
    no_op("adduser --system --group www-data; addgroup --system adm; getent group mail || groupadd mail");
    let (_, system) = run("useradd -r -M -d /srv -s /bin/false -c 'A demo' demo; chown demo: /etc/demo.conf");
    assert_eq!(system.users["demo"].gecos, "A demo");
    assert_eq!(system.files["/etc/demo.conf"].owner.user.as_deref(), Some("demo"));
}

#[test]
fn files_links_and_modes_come_out() {
    assert_eq!(
        effects("mkdir -p /etc /var/lib/demo"),
        [Effect::Directory { path: "/var/lib/demo".into(), mode: None, owner: Owner::default(), parents: true }]
    );
    assert_eq!(
        effects("chmod 0644 /etc/demo.conf; chmod 640 /etc/demo.conf"),
        [Effect::Mode { path: "/etc/demo.conf".into(), change: ModeChange::Bits(0o640), recursive: false }]
    );
    assert_eq!(
        effects("rm -f /nothing; ln -sf demo /usr/bin/d; ln -sf demo /usr/bin/d"),
        [Effect::Link { path: "/usr/bin/d".into(), target: "demo".into(), force: true }]
    );
    assert_eq!(effects("echo x >> /etc/demo.conf"), [file("/etc/demo.conf", "port = 1\nx\n")]);
    let text = "t=$(mktemp); sed s/1/2/ /etc/demo.conf > $t; ucf --three-way $t /etc/new.conf; rm -f $t";
    assert!(matches!(effects(text).as_slice(), [Effect::File { path, bytes, .. }] if path == "/etc/new.conf" && bytes == b"port = 2\n"));
    assert!(matches!(effects("update-alternatives --install /usr/bin/x x /usr/bin/demo 5 --slave /a a /b").as_slice(),
        [Effect::Alternative(a)] if a.priority == 5 && a.slaves.len() == 1));
    // A temporary file takes its mode along.
    let text = "t=$(mktemp); cp -a /etc/demo.conf $t; mv $t /etc/a; t=$(mktemp); echo x > $t; mv $t /etc/b";
    let modes: Vec<Option<u32>> =
        effects(text).into_iter().map(|effect| if let Effect::File { mode, .. } = effect { mode } else { None }).collect();
    assert_eq!(modes, [Some(0o644), Some(0o600)]);
    assert_eq!(effects("ldconfig"), [Effect::Generator("ldconfig")]);
}

#[test]
fn capabilities_are_set_where_there_is_setcap() {
    let set = |path: &str, text: &str| Effect::Capabilities { path: path.into(), capabilities: text.parse().ok() };
    let fall_back = "if setcap cap_net_raw+ep /usr/bin/demo; then touch /etc/yes; else touch /etc/no; fi";
    assert_eq!(effects(fall_back), [file("/etc/no", "")]);
    let with = |text: &str| effects(&format!("{}{text}", "touch /usr/sbin/setcap /usr/sbin/getcap; ")).split_off(2);
    assert_eq!(with(fall_back), [set("/usr/bin/demo", "cap_net_raw=ep"), file("/etc/yes", "")]);
    assert_eq!(
        with("setcap -q cap_net_raw=+ep /bin/demo 'cap_chown=p cap_kill=i' /etc/demo.conf"),
        [set("/bin/demo", "cap_net_raw=ep"), set("/etc/demo.conf", "cap_chown=p cap_kill=i")]
    );
    let taken = with("setcap -n 7 =p /bin/demo; setcap -r /bin/demo; setcap -r /bin/demo || getcap -v /bin/demo > /etc/o");
    assert_eq!(taken[1..], [Effect::Capabilities { path: "/bin/demo".into(), capabilities: None }, file("/etc/o", "/bin/demo\n")]);
    let asked = with("setcap all=ep /bin/demo; getcap /etc/demo.conf /bin/demo > /etc/o; setcap -v =ep /bin/demo >> /etc/o");
    assert_eq!(asked[1..], [file("/etc/o", "/bin/demo =ep\n"), file("/etc/o", "/bin/demo =ep\n/bin/demo: OK\n")]);
    // Not what setcap takes: no capabilities, no file, a folder, a link, nothing there.
    for wrong in
        ["cap_nothing=ep /bin/demo", "cap_chown=ep", "cap_chown=ep /etc", "cap_chown=ep /bin/link", "cap_chown=ep /none", "-v =p /bin/demo"]
    {
        let text = format!("ln -s demo /bin/link; setcap {wrong} > /dev/null || touch /etc/wrong");
        assert_eq!(with(&text)[1..], [file("/etc/wrong", "")], "{wrong}");
    }
    unhandled("touch /sbin/setcap; echo =p | setcap - /bin/demo", "standard input");
    unhandled("touch /sbin/setcap; if date | grep -q x; then setcap =p /bin/demo; fi", "depends on");
}

#[test]
fn what_is_not_known_is_said_and_not_guessed() {
    unhandled("demo --setup", "what `demo` does is not known");
    unhandled("if demo --ask; then touch /etc/new; fi", "depends on `demo --ask`");
    unhandled("x=$(uname -r); mkdir /var/lib/$x", "one of its arguments is not known");
    unhandled("case $(uname -r) in x*) touch /etc/x ;; esac", "depends on");
    unhandled("uname -r | grep -q x && exit 0; touch /etc/new", "depends on");
    unhandled("false", "would fail here");
    unhandled("rm /nothing", "would fail here");
    unhandled("echo $(uname -r) > /etc/x", "what it writes to /etc/x is not known");
    unhandled("set -- a b; shift $(date); rm -rf $1", "how many arguments it drops");
    unhandled("if [ x", "cannot be parsed");
    let (_, system) = run("if [ -n \"$(date)\" ]; then rm -rf /etc; fi");
    assert!(system.kind("/etc").is_some() && system.effects.is_empty());
}

#[test]
fn what_does_nothing_either_way_is_not_said() {
    no_op("if [ \"$(uname -r)\" = x ]; then systemctl restart demo; else echo hello; fi");
    unhandled("y=; if date | grep -q x; then y=a; fi; if [ -z \"$y\" ]; then touch /etc/new; fi", "depends on");
    no_op("x=$(date); case $x in a) y=1 ;; *) y=2 ;; esac; echo $y");
    // The installation succeeds, so the way that ends in failure was not taken.
    assert_eq!(effects("if ! date | grep -q x; then echo no >&2; exit 1; fi; touch /etc/new"), [file("/etc/new", "")]);
}

#[test]
fn scripts_of_the_image_are_interpreted() {
    let mut system = MemorySystem::new();
    system.file(
        "/usr/sbin/setup-demo",
        "#!/bin/sh\n[ \"$0$x$y$z\" = /usr/sbin/setup-demonoa ] || exit 1\nmkdir -p \"/var/lib/$1\"\n",
        0o755,
    );
    let done =
        run_as(&mut system, "postinst", b"#!/bin/sh -e\nx=no y=no\nexport y\nz=a setup-demo a\nnot-there || true\n", &["configure", ""]);
    assert_eq!((done.class, done.unhandled), (Class::Emulated, vec![]));
    assert!(system.kind("/var/lib/a").is_some());
}

#[test]
fn debconf_answers_with_defaults() {
    let mut system = MemorySystem::new();
    system.file("/var/lib/dpkg/info/demo.templates", "Template: demo/on\nType: boolean\nDefault: true\n", 0o644);
    system.file("/var/lib/dpkg/info/demo.config", "#!/bin/sh\n. /usr/share/debconf/confmodule\ndb_set demo/place /etc/on\n", 0o755);
    let text = b"#!/bin/sh\nset -e\n. /usr/share/debconf/confmodule\ndb_get demo/on\nif [ \"$RET\" = true ]; then db_get demo/place; touch \"$RET\"; fi\n";
    let done = run_as(&mut system, "postinst", text, &["configure", ""]);
    assert_eq!((done.class, done.unhandled), (Class::Emulated, vec![]));
    assert_eq!(system.files["/etc/on"].node, Node::File(Bytes::Here(Vec::new())));
}

#[test]
fn sysusers_and_tmpfiles_are_read() {
    let mut system = MemorySystem::new();
    for program in ["systemd-sysusers", "systemd-tmpfiles"] {
        system.file(&format!("/usr/bin/{program}"), "", 0o755);
    }
    system.put("/usr/lib/sysusers.d", Node::Directory, 0o755);
    system.file("/usr/lib/sysusers.d/demo.conf", "u demo - \"Demo user\" /var/lib/demo\nm demo adm\n", 0o644);
    system.put("/usr/lib/tmpfiles.d", Node::Directory, 0o755);
    system.file("/usr/lib/tmpfiles.d/demo.conf", "d /var/lib/demo 0750 demo demo -\nd /run/demo 0755 - - -\n", 0o644);
    let text = b"#!/bin/sh\nset -e\nsystemd-sysusers ${DPKG_ROOT:+--root=\"$DPKG_ROOT\"} demo.conf\nsystemd-tmpfiles ${DPKG_ROOT:+--root=\"$DPKG_ROOT\"} --create demo.conf || true\n";
    let done = run_as(&mut system, "postinst", text, &["configure", ""]);
    assert_eq!((done.class, done.unhandled), (Class::Emulated, vec![]));
    assert_eq!(system.users["demo"].gecos, "Demo user");
    assert_eq!(system.members("adm"), ["demo"]);
    let made = &system.files["/var/lib/demo"];
    assert_eq!((made.mode, made.owner.user.as_deref()), (0o750, Some("demo")));
    assert!(system.kind("/run/demo").is_none());
}

#[test]
fn what_is_no_shell_script_is_said() {
    for text in [&b"#!/usr/bin/perl\nprint 1;\n"[..], b"\x7fELF\x02", b"", b"#!/bin/sh\nif true; then\n", b"#!/bin/sh\necho \"a\n"] {
        let done = run_as(&mut MemorySystem::new(), "postinst", text, &["configure", ""]);
        assert_eq!(done.class, Class::Unhandled, "{text:?}");
    }
}

#[test]
fn nesting_without_end_is_refused() {
    for opening in ["(", "$(", "{ ", "if ", "${a:-", "\"$(", "$((", "`", "\"${a:-", "case x in x) ", "! ", "f() "] {
        let text = format!("#!/bin/sh\necho {}", opening.repeat(20_000));
        run_as(&mut MemorySystem::new(), "postinst", text.as_bytes(), &["configure", ""]);
        let text = format!("#!/bin/sh\n{}", opening.repeat(20_000));
        run_as(&mut MemorySystem::new(), "postinst", text.as_bytes(), &["configure", ""]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let text = [b"#!/bin/sh\n".as_slice(), &bytes].concat();
        run_as(&mut MemorySystem::new(), "postinst", &text, &["configure", ""]);
    }

    #[test]
    fn any_mixture_of_shell_words_is_answered(words in proptest::collection::vec(proptest::sample::select(vec![
        "if", "then", "fi", "else", "while", "do", "done", "case", "in", "esac", "for", "x", ";", "\n", "(", ")", "{", "}", "|", "&&", "||", "!",
        "$x", "\"", "'", "`", "$(", "${x%", "}", "<<EOF\n", "EOF\n", ">", "<", "2>&1", "[ -f /etc/x ]", "echo", "x=1", "f()", "rm", "-rf", "/etc",
        "exit", "return", "shift", "set", "-e", "eval", "read", "*", "sed", "s/a/b/", "grep", "$((", "))", "break", "unknown", "local", "exec", ";;",
    ]), 0..60)) {
        let text = format!("#!/bin/sh\n{}", words.join(" "));
        run_as(&mut MemorySystem::new(), "postinst", text.as_bytes(), &["configure", ""]);
    }
}

#[test]
fn another_user_may_ask_but_not_change() {
    let chown =
        |user: &str| format!("su -s /bin/sh {user} -c 'test -O /var/lib &&\n test -G /var/lib' || chown www-data:www-data /var/lib");
    no_op(&chown("root"));
    let owner = Owner { user: Some("www-data".into()), group: Some("www-data".into()) };
    assert_eq!(effects(&chown("www-data")), [Effect::Owner { path: "/var/lib".into(), owner, recursive: false, follow: true }]);
    unhandled("su - www-data -c 'touch /var/lib/x'", "depends on `what that user may change`");
    unhandled("su somebody -c true", "what another user's command does is not known");
}

#[test]
fn profiles_of_pam_are_chosen_by_their_defaults() {
    assert_eq!(effects("pam-auth-update --root \"$DPKG_ROOT\" --package"), [Effect::Generator("pam-auth-update")]);
    unhandled("pam-auth-update --package --enable mkhomedir", "by their defaults only");
}
