//! The table of commands: how each is treated, and why those that do nothing do nothing.

use super::{
    accounts, apache, capabilities, conditions, copies, debconf, dictionaries, dpkg, emacs, filters, find, keys, listing, ownership, pam,
    paths, postfix, postgresql, queries, sed, sgml_catalog, sysusers, tmpfiles, wrappers, xml_catalog,
};
use crate::debian::script::reason::{BOOT, CACHE, DOCUMENTATION, MODULES};
use crate::debian::script::shell::{Shell, Status, Value};

/// How a command is treated.
#[derive(Clone, Copy)]
pub(in super::super) enum Treatment {
    /// It succeeds and changes nothing that an image has: why.
    Nothing(#[allow(dead_code, reason = "the reason is for the reader of the table")] &'static str),
    /// It does what cannot be done in an image: why.
    Refused(&'static str),
    /// It makes files from the whole system, at the end.
    Generator,
    /// It does something: with an argument that is not known, it is not handled.
    Act(fn(&mut Shell<'_>, &[String]) -> Status),
    /// It only asks: with an argument that is not known, its answer is not known.
    Query(fn(&mut Shell<'_>, &[String]) -> Status),
    /// It can do with arguments that are not known.
    Words(fn(&mut Shell<'_>, &[Value]) -> Status),
    /// It answers as a shell does where the image does not have it, and scripts go on without it; else it is treated so.
    Installed(&'static Treatment),
}

use Treatment::{Act, Generator, Installed, Nothing, Query, Refused, Words};

const SERVICES: &str = "an image has no running services; its entrypoint starts what it is for";
const BYTECODE: &str = "bytecode is a cache that is made when a program runs";
const KERNEL: &str = "an image has no kernel, no devices and no security modules of its own";
const DEBCONF: &str = "debconf's dialogue, which nobody sees";
const UPGRADES: &str = "only upgrades and removals have something to do";
const NOTICE: &str = "it tells somebody something";
const SCREEN: &str = "it moves no file";
const DATABASE: &str = "it makes a database, which belongs in a volume: run it when the container starts";
const LOADERS: &str = "it asks each module what it loads: programs with GTK load PNG and JPEG and no SVG, GIF or others until \
     `/usr/lib/*/gdk-pixbuf-2.0/gdk-pixbuf-query-loaders --update-cache` runs in the container";
const INPUT_METHODS: &str = "it asks each module what it is for: programs with GTK know no input methods but their own until \
     `/usr/lib/*/libgtk-3-0*/gtk-query-immodules-3.0 --update-cache` runs in the container";
const EDITORS: &str = "tables of dictionaries for Emacs, jed and SquirrelMail, which ask aspell and hunspell themselves without them";
const CHECK: &str = "it looks at files and changes none";

/// Every command known, by the name it is called by (the last part of its path).
const COMMANDS: &[(&str, Treatment)] = &[
    // services
    ("deb-systemd-helper", Nothing(SERVICES)),
    ("deb-systemd-invoke", Nothing(SERVICES)),
    ("systemctl", Nothing(SERVICES)),
    ("invoke-rc.d", Nothing(SERVICES)),
    ("update-rc.d", Nothing(SERVICES)),
    ("service", Nothing(SERVICES)),
    ("start-stop-daemon", Nothing(SERVICES)),
    ("rc-service", Nothing(SERVICES)),
    ("runit-helper", Nothing(SERVICES)),
    ("initctl", Nothing(SERVICES)),
    ("telinit", Nothing(SERVICES)),
    ("policy-rc.d", Nothing(SERVICES)),
    ("dbus-send", Nothing(SERVICES)),
    ("gdbus", Nothing(SERVICES)),
    ("busctl", Nothing(SERVICES)),
    ("loginctl", Nothing(SERVICES)),
    ("killall", Nothing(SERVICES)),
    ("pkill", Nothing(SERVICES)),
    ("kill", Nothing(SERVICES)),
    ("sleep", Nothing(SERVICES)),
    ("lpstat", Words(queries::no)),
    ("pg_lsclusters", Words(queries::nothing)),
    ("pidof", Words(queries::no)),
    ("pgrep", Words(queries::no)),
    ("mountpoint", Query(queries::mountpoint)),
    ("apache2ctl", Nothing(SERVICES)),
    ("runlevel", Words(queries::no)),
    ("ischroot", Words(queries::yes)),
    ("systemd-detect-virt", Words(queries::yes)),
    // the machine
    ("systemd-hwdb", Nothing(KERNEL)),
    ("systemd-sysctl", Nothing(KERNEL)),
    ("systemd-machine-id-setup", Nothing("a machine gets its id when it starts")),
    ("dbus-uuidgen", Nothing("a machine gets its id when it starts")),
    ("journalctl", Nothing(SERVICES)),
    ("udevadm", Nothing(KERNEL)),
    ("sysctl", Nothing(KERNEL)),
    ("modprobe", Nothing(KERNEL)),
    ("depmod", Nothing(KERNEL)),
    ("apparmor_parser", Nothing(KERNEL)),
    ("aa-enabled", Words(queries::no)),
    ("restorecon", Nothing(KERNEL)),
    ("selinuxenabled", Words(queries::no)),
    ("update-initramfs", Nothing(BOOT)),
    ("update-grub", Nothing(BOOT)),
    ("kernel-install", Nothing(BOOT)),
    ("update-binfmts", Nothing(KERNEL)),
    ("sync", Nothing(SCREEN)),
    // bytecode
    ("py3compile", Nothing(BYTECODE)),
    ("py3clean", Nothing(BYTECODE)),
    ("pycompile", Nothing(BYTECODE)),
    ("pyclean", Nothing(BYTECODE)),
    ("pypy3compile", Nothing(BYTECODE)),
    ("emacs", Words(emacs::emacs)),
    ("emacs-install", Act(emacs::install)),
    ("emacs-package-install", Act(emacs::package_install)),
    ("pypy3clean", Nothing(BYTECODE)),
    // desktops
    ("update-menus", Nothing(CACHE)),
    ("update-icon-caches", Nothing(CACHE)),
    ("gtk-update-icon-cache", Nothing(CACHE)),
    ("fc-cache", Nothing(CACHE)),
    ("gio-querymodules", Nothing(MODULES)),
    ("vlc-cache-gen", Nothing(MODULES)),
    ("appstreamcli", Nothing(CACHE)),
    ("update-info-dir", Nothing(DOCUMENTATION)),
    ("install-info", Nothing(DOCUMENTATION)),
    ("install-docs", Nothing(DOCUMENTATION)),
    ("helpztags", Nothing(DOCUMENTATION)),
    ("mandb", Nothing(DOCUMENTATION)),
    ("update-icon-cache", Nothing(CACHE)),
    ("gdk-pixbuf-query-loaders", Refused(LOADERS)),
    ("gtk-query-immodules-3.0", Refused(INPUT_METHODS)),
    // dictionaries
    ("update-default-wordlist", Installed(&Act(dictionaries::word_lists))),
    ("update-default-ispell", Installed(&Act(dictionaries::ispell))),
    ("ispell-autobuildhash", Installed(&Act(dictionaries::ispell))),
    ("aspell-autobuildhash", Act(dictionaries::aspell)),
    ("update-dictcommon-aspell", Nothing(EDITORS)),
    ("update-dictcommon-hunspell", Nothing(EDITORS)),
    ("pg_updatedicts", Installed(&Act(postgresql::update_dictionaries))),
    // upgrades
    ("dpkg-maintscript-helper", Nothing(UPGRADES)),
    ("dpkg-trigger", Act(dpkg::trigger)),
    ("ucfr", Nothing("ucf's register of files, used by upgrades")),
    ("ucfq", Words(queries::unknown)),
    // telling
    ("logger", Nothing(NOTICE)),
    ("wall", Nothing(NOTICE)),
    ("notify-reboot-required", Nothing(NOTICE)),
    ("clear", Nothing(SCREEN)),
    ("stty", Nothing(SCREEN)),
    ("tput", Nothing(SCREEN)),
    ("passwd", Nothing("a new account has no password: there is nothing to lock")),
    ("chage", Nothing("a new account has no password: there is nothing to age")),
    ("nscd", Nothing(SERVICES)),
    // checking
    ("named-checkconf", Nothing(CHECK)),
    ("pg_checksystem", Nothing(CHECK)),
    ("proftpd", Nothing(CHECK)),
    ("sshd", Words(queries::unknown)),
    // debconf
    ("db_version", Nothing(DEBCONF)),
    ("db_capb", Nothing(DEBCONF)),
    ("db_title", Nothing(DEBCONF)),
    ("db_settitle", Nothing(DEBCONF)),
    ("db_info", Nothing(DEBCONF)),
    ("db_beginblock", Nothing(DEBCONF)),
    ("db_endblock", Nothing(DEBCONF)),
    ("db_go", Nothing(DEBCONF)),
    ("db_subst", Nothing(DEBCONF)),
    ("db_stop", Nothing(DEBCONF)),
    ("db_purge", Nothing(DEBCONF)),
    ("db_unregister", Nothing(DEBCONF)),
    ("db_register", Nothing(DEBCONF)),
    ("db_reset", Nothing(DEBCONF)),
    ("db_x_loadtemplatefile", Nothing(DEBCONF)),
    ("db_progress", Nothing(DEBCONF)),
    ("db_input", Words(debconf::input)),
    ("db_get", Words(debconf::get)),
    ("db_set", Words(debconf::set)),
    ("db_fset", Words(debconf::set_flag)),
    ("db_fget", Words(debconf::flag)),
    ("db_metaget", Words(debconf::unknown)),
    // accounts
    ("adduser", Act(accounts::adduser)),
    ("addgroup", Act(accounts::addgroup)),
    ("useradd", Act(accounts::useradd)),
    ("groupadd", Act(accounts::groupadd)),
    ("usermod", Act(accounts::usermod)),
    ("gpasswd", Act(accounts::gpasswd)),
    ("deluser", Act(accounts::remove_user)),
    ("userdel", Act(accounts::remove_user)),
    ("delgroup", Act(accounts::remove_group)),
    ("groupdel", Act(accounts::remove_group)),
    ("groupmod", Act(accounts::modify)),
    ("chfn", Act(accounts::modify)),
    ("chsh", Act(accounts::modify)),
    ("systemd-sysusers", Installed(&Act(sysusers::sysusers))),
    ("systemd-tmpfiles", Installed(&Act(tmpfiles::tmpfiles))),
    ("getent", Query(queries::getent)),
    ("id", Query(queries::id)),
    // files
    ("mkdir", Act(paths::mkdir)),
    ("rmdir", Act(paths::rmdir)),
    ("rm", Act(paths::rm)),
    ("unlink", Act(paths::rm)),
    ("mv", Act(paths::mv)),
    ("ln", Act(paths::ln)),
    ("touch", Act(paths::touch)),
    ("mktemp", Act(paths::mktemp)),
    ("tempfile", Act(paths::mktemp)),
    ("cp", Act(copies::cp)),
    ("install", Act(copies::install)),
    ("ucf", Act(copies::ucf)),
    ("tee", Act(copies::tee)),
    ("chmod", Act(ownership::chmod)),
    ("chown", Act(ownership::chown)),
    ("chgrp", Act(ownership::chgrp)),
    ("dpkg-statoverride", Act(ownership::statoverride)),
    ("setcap", Installed(&Act(capabilities::setcap))),
    // questions
    ("test", Words(conditions::test)),
    ("[", Words(conditions::bracket)),
    ("[[", Words(conditions::double_bracket)),
    ("echo", Words(queries::echo)),
    ("printf", Query(queries::printf)),
    ("basename", Query(queries::basename)),
    ("dirname", Query(queries::dirname)),
    ("readlink", Query(queries::readlink)),
    ("realpath", Query(queries::realpath)),
    ("dpkg-realpath", Query(queries::realpath)),
    ("ls", Query(listing::ls)),
    ("find", Act(find::find)),
    ("seq", Query(queries::seq)),
    ("uname", Query(queries::uname)),
    ("arch", Query(queries::uname)),
    ("date", Words(queries::unknown)),
    ("stat", Query(listing::stat)),
    ("getcap", Installed(&Query(capabilities::getcap))),
    ("hostname", Words(queries::unknown)),
    ("df", Words(queries::unknown)),
    ("du", Words(queries::unknown)),
    ("ps", Words(queries::unknown)),
    ("ldd", Words(queries::unknown)),
    ("md5sum", Words(queries::unknown)),
    ("sha1sum", Words(queries::unknown)),
    ("sha256sum", Words(queries::unknown)),
    ("sha512sum", Words(queries::unknown)),
    ("whoami", Words(queries::unknown)),
    ("locale", Words(queries::unknown)),
    ("expr", Query(queries::expr)),
    ("nproc", Words(queries::unknown)),
    ("tty", Words(queries::no)),
    ("bc", Words(queries::unknown)),
    ("ypwhich", Words(queries::no)),
    // text
    ("cat", Query(filters::cat)),
    ("head", Query(filters::head)),
    ("tail", Query(filters::tail)),
    ("cut", Query(filters::cut)),
    ("tr", Query(filters::tr)),
    ("grep", Query(filters::grep)),
    ("egrep", Query(filters::grep)),
    ("fgrep", Query(filters::grep)),
    ("sort", Query(filters::sort)),
    ("uniq", Query(filters::uniq)),
    ("wc", Query(filters::wc)),
    ("fmt", Words(queries::unknown)),
    ("fold", Words(queries::unknown)),
    ("awk", Query(filters::awk)),
    ("mawk", Query(filters::awk)),
    ("gawk", Query(filters::awk)),
    ("cmp", Query(filters::same)),
    ("diff", Query(filters::same)),
    ("sed", Words(sed::sed)),
    // other commands
    ("env", Words(wrappers::env)),
    ("nice", Words(wrappers::prefix)),
    ("nohup", Words(wrappers::prefix)),
    ("setsid", Words(wrappers::prefix)),
    ("setpriv", Words(wrappers::as_user)),
    ("runuser", Words(wrappers::as_user)),
    ("su", Words(wrappers::su)),
    ("ionice", Words(wrappers::prefix)),
    ("sh", Words(wrappers::sh)),
    ("bash", Words(wrappers::sh)),
    ("dash", Words(wrappers::sh)),
    ("xargs", Words(wrappers::xargs)),
    // packages
    ("dpkg", Query(dpkg::dpkg)),
    ("dpkg-query", Query(dpkg::query)),
    ("dpkg-architecture", Query(dpkg::architecture)),
    ("dpkg-divert", Act(dpkg::divert)),
    ("update-alternatives", Act(dpkg::alternatives)),
    ("update-catalog", Installed(&Act(sgml_catalog::update))),
    ("update-xmlcatalog", Installed(&Act(xml_catalog::update))),
    ("ldconfig", Generator),
    ("update-ca-certificates", Generator),
    ("glib-compile-schemas", Generator),
    ("update-shells", Generator),
    ("locale-gen", Generator),
    ("update-desktop-database", Generator),
    ("update-mime-database", Generator),
    ("libgvc6-config-update", Generator),
    ("pam-auth-update", Act(pam::update)),
    ("shadowconfig", Generator),
    ("pwconv", Generator),
    ("grpconv", Generator),
    ("postconf", Words(postfix::postconf)),
    ("mariadb-install-db", Refused(DATABASE)),
    ("mysql_install_db", Refused(DATABASE)),
    ("mysqld", Refused(DATABASE)),
    ("slapadd", Refused(DATABASE)),
    ("a2enmod", Act(apache::enable_module)),
    ("a2ensite", Act(apache::enable_site)),
    ("a2enconf", Act(apache::enable_configuration)),
    ("a2dismod", Act(apache::disable_module)),
    ("a2query", Installed(&Query(apache::query))),
    ("ssh-keygen", Act(keys::ssh_keygen)),
    ("make-ssl-cert", Act(keys::make_ssl_cert)),
    ("rndc-confgen", Act(keys::rndc_confgen)),
    ("openssl", Act(keys::openssl)),
];

/// How the command called `name` is treated; `None` when it is not in the table.
pub(in super::super) fn treatment(name: &str) -> Option<Treatment> {
    // Init scripts do nothing, whatever they are called.
    if name.starts_with("/etc/init.d/") {
        return Some(Nothing(SERVICES));
    }
    let base = name.rsplit('/').next().unwrap_or(name);
    COMMANDS.iter().find(|(known, _)| *known == base).map(|(_, treatment)| *treatment)
}

#[cfg(test)]
mod tests {
    use super::COMMANDS;

    #[test]
    fn every_command_is_in_the_table_once() {
        let mut names: Vec<&str> = COMMANDS.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
