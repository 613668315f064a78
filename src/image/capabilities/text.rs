//! Capabilities as people write them: cap_from_text(3), `cap_net_raw,cap_net_admin=ep`.

use std::fmt;
use std::str::FromStr;

use super::Capabilities;

/// The names of `linux/capability.h`, from number 0 on.
const NAMES: [&str; 41] = [
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

/// All that have a name: what `all` means.
const ALL: u64 = (1 << NAMES.len()) - 1;
/// How a namespace's root is shown, as by `getcap -n`.
const ROOT: &str = " [rootid=";
/// Effective without anything to be effective, which getcap shows as `=`.
const ONLY_EFFECTIVE: &str = "=e";

/// A text that is no capabilities, or such as no file can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseCapabilitiesError;

impl fmt::Display for ParseCapabilitiesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these are no capabilities of a file (cap_from_text(3))")
    }
}

impl std::error::Error for ParseCapabilitiesError {}

/// The three sets of a process; of a file, effective is one bit.
#[derive(Default)]
struct Sets {
    effective: u64,
    permitted: u64,
    inheritable: u64,
}

impl Sets {
    /// Applies one clause: a list of names, and operators with flags behind it.
    fn clause(&mut self, clause: &str) -> Option<()> {
        let (list, mut actions) = clause.split_at(clause.find(['=', '+', '-'])?);
        let capabilities = if list.is_empty() { ALL } else { self::list(list)? };
        // Without a list there is one operator, and it is `=`.
        if list.is_empty() {
            let flags = actions.strip_prefix('=')?;
            flags.bytes().all(|flag| b"eip".contains(&flag)).then_some(())?;
        }
        let mut is_first = true;
        while let Some(mut operator) = actions.chars().next() {
            actions = actions.strip_prefix(operator).unwrap_or_default();
            if operator == '=' {
                // `=+` and `=-` are operators too: what was there counts for nothing.
                is_first.then(|| self.each("eip", |set| *set &= !capabilities))?;
                operator = actions.chars().next().filter(|next| matches!(next, '+' | '-')).unwrap_or(operator);
                actions = actions.strip_prefix(['+', '-']).unwrap_or(actions);
            }
            is_first = false;
            let flags = flags(&mut actions);
            match operator {
                '-' if !flags.is_empty() => self.each(flags, |set| *set &= !capabilities),
                '+' if flags.is_empty() => return None,
                '+' | '=' => self.each(flags, |set| *set |= capabilities),
                _ => return None,
            }
        }
        Some(())
    }

    fn each(&mut self, flags: &str, change: impl Fn(&mut u64)) {
        for (flag, set) in [('e', &mut self.effective), ('p', &mut self.permitted), ('i', &mut self.inheritable)] {
            if flags.contains(flag) {
                change(set);
            }
        }
    }

    /// What a file can have of them: what is effective has to be so for all (cap_set_file(3)).
    fn of_file(&self) -> Option<Capabilities> {
        let all = self.permitted | self.inheritable;
        let effective = self.effective != 0;
        let fits = !effective || all & !self.effective == 0;
        fits.then_some(Capabilities { permitted: self.permitted, inheritable: self.inheritable, effective, root: 0 })
    }
}

/// Takes the flags at the beginning of `actions`.
fn flags<'a>(actions: &mut &'a str) -> &'a str {
    let end = actions.find(|c| !matches!(c, 'e' | 'i' | 'p')).unwrap_or(actions.len());
    let (flags, rest) = actions.split_at(end);
    *actions = rest;
    flags
}

/// The capabilities of a list: names, `all`, numbers as in C.
fn list(list: &str) -> Option<u64> {
    list.split(',').try_fold(0, |set, name| {
        let lower = name.to_ascii_lowercase();
        let number = || match (lower.strip_prefix("0x"), lower.strip_prefix('0')) {
            (Some(digits), _) => number(digits, 16),
            (_, Some(digits)) if !digits.is_empty() => number(digits, 8),
            _ => number(&lower, 10),
        };
        let one = match NAMES.iter().position(|known| *known == lower) {
            Some(at) => 1 << at,
            None if lower == "all" => ALL,
            None => 1u64.checked_shl(number()?)?,
        };
        Some(set | one)
    })
}

fn number(digits: &str, base: u32) -> Option<u32> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(digits, base).ok().filter(|_| plain)
}

impl FromStr for Capabilities {
    type Err = ParseCapabilitiesError;

    /// Reads what setcap(8) reads, and a root as `getcap -n` shows it.
    fn from_str(text: &str) -> Result<Self, ParseCapabilitiesError> {
        let (text, root) = match text.split_once(ROOT).and_then(|(text, root)| Some((text, root.strip_suffix(']')?))) {
            Some((text, root)) => (text, root.parse().map_err(|_| ParseCapabilitiesError)?),
            None => (text, 0),
        };
        let mut sets = Sets::default();
        let mut clauses = text.split_ascii_whitespace();
        let read = clauses.try_for_each(|clause| sets.clause(clause));
        let capabilities = read.and_then(|()| sets.of_file()).ok_or(ParseCapabilitiesError)?;
        Ok(Capabilities { root, ..capabilities })
    }
}

impl fmt::Display for Capabilities {
    /// As getcap shows it where all have the same flags; otherwise one clause for each combination of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (permitted, inheritable) = (self.permitted, self.inheritable);
        let e = if self.effective { "e" } else { "" };
        let groups = [(permitted & inheritable, "ip"), (permitted & !inheritable, "p"), (inheritable & !permitted, "i")];
        let clauses: Vec<String> = groups
            .into_iter()
            .filter(|(set, _)| *set != 0)
            .map(|(set, flags)| {
                let named = |number: usize| NAMES.get(number).map_or_else(|| number.to_string(), |name| (*name).to_owned());
                let names: Vec<String> = (0..64).filter(|number| set >> number & 1 == 1).map(named).collect();
                let list = if set == ALL { String::new() } else { names.join(",") };
                format!("{list}={e}{flags}")
            })
            .collect();
        match clauses.as_slice() {
            [] if self.effective => f.write_str(ONLY_EFFECTIVE)?,
            [] => f.write_str("=")?,
            clauses => f.write_str(&clauses.join(" "))?,
        }
        if self.root != 0 { write!(f, "{ROOT}{}]", self.root) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<(u64, u64, bool)> {
        let Capabilities { permitted, inheritable, effective, .. } = text.parse().ok()?;
        Some((permitted, inheritable, effective))
    }

    #[test]
    fn texts_are_read_as_libcap_reads_them() {
        const RAW: u64 = 1 << 13;
        for (text, expected) in [
            ("cap_net_raw+ep", (RAW, 0, true)),
            ("CAP_NET_RAW=+ep", (RAW, 0, true)),
            ("cap_net_raw=eip", (RAW, RAW, true)),
            ("cap_net_raw+i", (0, RAW, false)),
            ("cap_net_bind_service=+ep cap_net_raw=+ep", (RAW | 1 << 10, 0, true)),
            ("cap_net_raw-epi", (0, 0, false)),
            ("cap_net_raw=ep cap_net_raw=", (0, 0, false)),
            ("cap_net_raw=ep cap_net_admin+ei", (RAW, 1 << 12, true)),
            ("13,0x0,01=ep", (RAW | 3, 0, true)),
            ("all=ep", (ALL, 0, true)),
            ("=ep cap_sys_admin-ep", (ALL & !(1 << 21), 0, true)),
            ("cap_chown-ep+p", (1, 0, false)),
            ("cap_net_raw+e", (0, 0, true)),
            ("\t63=p ", (1 << 63, 0, false)),
            ("", (0, 0, false)),
            ("=", (0, 0, false)),
        ] {
            assert_eq!(read(text), Some(expected), "{text}");
        }
        for text in [
            "cap_net_raw",
            "cap_net_raw+",
            "cap_net_raw+EP",
            "cap_net_raw==ep",
            "cap_net_raw=ep=p",
            "cap_net_raw=+",
            "+ep",
            "=+ep",
            "=ep-e",
            "cap_net_raw,=ep",
            ",cap_net_raw=ep",
            "cap_net_raw =ep",
            "net_raw=ep",
            "cap_13=ep",
            "64=ep",
            "+1=ep",
            "cap_net_raw=ep cap_chown=p",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn every_name_is_read_and_shown() {
        for (number, name) in NAMES.iter().enumerate() {
            let text = format!("{name}=ep");
            assert_eq!(read(&text), Some((1 << number, 0, true)));
            assert_eq!(text.parse::<Capabilities>().unwrap().to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,30}", like_one in "(cap_chown|all|13|0x1)?([=+-][eip]{0,3}){1,3}( (cap_kill,0)?=[eip]{0,2})?") {
            let _ = text.parse::<Capabilities>();
            if let Ok(read) = like_one.parse::<Capabilities>() {
                prop_assert_eq!(read.to_string().parse::<Capabilities>().unwrap(), read, "{}", like_one);
            }
        }
    }
}
