//! File capabilities (capabilities(7), "File capabilities"): the extended attribute `security.capability` of a program, which gives who
//! starts it some of root's rights. Its value is `struct vfs_ns_cap_data` of `linux/capability.h`; as text it is what getcap(8) shows.

mod text;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use text::ParseCapabilitiesError;

/// `VFS_CAP_REVISION_MASK` of the first word, and what it may say.
const REVISION_MASK: u32 = 0xff00_0000;
const REVISION_2: u32 = 0x0200_0000;
const REVISION_3: u32 = 0x0300_0000;
/// `VFS_CAP_FLAGS_EFFECTIVE`, the only flag.
const EFFECTIVE: u32 = 1;

/// What a program gets when it is started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// What it may use, whoever starts it: bit N is capability number N.
    pub permitted: u64,
    /// What it may use when who starts it hands it on.
    pub inheritable: u64,
    /// Whether it uses them from the beginning: one bit for all, since it is for programs that know nothing of capabilities.
    pub effective: bool,
    /// The user that is root in the user namespace they count in; 0 for everywhere.
    pub root: u32,
}

impl Capabilities {
    /// The value of the attribute: revision 2, or 3 when they are for one namespace only, as setcap(8) writes it.
    pub fn to_bytes(self) -> Vec<u8> {
        let revision = if self.root == 0 { REVISION_2 } else { REVISION_3 };
        let half = |set: u64, high: bool| if high { (set >> 32) as u32 } else { set as u32 };
        let mut words = vec![revision | if self.effective { EFFECTIVE } else { 0 }];
        for high in [false, true] {
            words.extend([half(self.permitted, high), half(self.inheritable, high)]);
        }
        words.extend((self.root != 0).then_some(self.root));
        words.into_iter().flat_map(u32::to_le_bytes).collect()
    }

    /// Whether they give nothing.
    pub fn is_empty(self) -> bool {
        self.permitted | self.inheritable == 0
    }

    fn read(value: &[u8]) -> Option<Self> {
        let words: Vec<u32> =
            value.chunks_exact(4).map(|word| word.iter().rev().fold(0, |sum, byte| (sum << 8) | u32::from(*byte))).collect();
        let first = *words.first().filter(|_| value.len() <= LONGEST && value.len().is_multiple_of(4))?;
        if first & !(REVISION_MASK | EFFECTIVE) != 0 {
            return None;
        }
        let both = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
        let (permitted, inheritable, root) = match (first & REVISION_MASK, &words[1..]) {
            (REVISION_2, [p, i, more_p, more_i]) => (both(*p, *more_p), both(*i, *more_i), 0),
            (REVISION_3, [p, i, more_p, more_i, root]) => (both(*p, *more_p), both(*i, *more_i), *root),
            _ => return None,
        };
        Some(Capabilities { permitted, inheritable, effective: first & EFFECTIVE != 0, root })
    }
}

/// Bytes of the longest value there is, revision 3.
const LONGEST: usize = 24;

/// What the attribute of a file in a layer says. Written and read as text: as getcap shows it, or the bytes in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileCapabilities {
    /// What Linux reads in it, revision 2 or 3.
    Set(Capabilities),
    /// Bytes that Linux does not let be set; of a value that is too long those that say so.
    Damaged(Box<[u8]>),
}

impl FileCapabilities {
    /// What `value` says.
    pub fn read(value: &[u8]) -> Self {
        match Capabilities::read(value) {
            Some(capabilities) => FileCapabilities::Set(capabilities),
            None => FileCapabilities::Damaged(value[..value.len().min(LONGEST + 1)].into()),
        }
    }

    /// The value of the attribute.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            FileCapabilities::Set(capabilities) => capabilities.to_bytes(),
            FileCapabilities::Damaged(bytes) => bytes.to_vec(),
        }
    }

    /// What it gives a program, when that can be read.
    pub fn set(&self) -> Option<Capabilities> {
        match self {
            FileCapabilities::Set(capabilities) => Some(*capabilities),
            FileCapabilities::Damaged(_) => None,
        }
    }

    /// What is wrong with it, in words; `None` when it is as it should be.
    pub fn damage(&self) -> Option<String> {
        let FileCapabilities::Damaged(bytes) = self else { return None };
        let revision = bytes.first_chunk().map(|first| u32::from_le_bytes(*first) >> 24);
        Some(match (bytes.len(), revision) {
            (length, _) if length > LONGEST => format!("more than {LONGEST} bytes"),
            (_, Some(1)) => "revision 1, which Linux lets nobody set any more".to_owned(),
            (20, Some(2)) | (24, Some(3)) => "flags that no kernel has".to_owned(),
            (length, Some(revision @ (2 | 3))) => format!("{length} bytes, which revision {revision} does not have"),
            (_, Some(revision)) => format!("revision {revision}, which no kernel has"),
            (length, None) => format!("{length} bytes"),
        })
    }

    /// How many bytes of memory it takes.
    pub fn memory(&self) -> usize {
        size_of::<Self>() + if let FileCapabilities::Damaged(bytes) = self { bytes.len() } else { 0 }
    }
}

impl From<Capabilities> for FileCapabilities {
    fn from(capabilities: Capabilities) -> Self {
        FileCapabilities::Set(capabilities)
    }
}

impl fmt::Display for FileCapabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileCapabilities::Set(capabilities) => capabilities.fmt(f),
            FileCapabilities::Damaged(bytes) => {
                f.write_str("0x")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

impl FromStr for FileCapabilities {
    type Err = ParseCapabilitiesError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("0x").filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit())) {
            // What is written so cannot be read, and nothing else is written so.
            Some(digits) => hex(digits).map(|bytes| FileCapabilities::read(&bytes)).ok_or(ParseCapabilitiesError),
            None => text.parse().map(FileCapabilities::Set),
        }
    }
}

/// The bytes that `digits`, two for each, stand for.
fn hex(digits: &str) -> Option<Vec<u8>> {
    let even = digits.len().is_multiple_of(2).then_some(digits)?;
    (0..even.len()).step_by(2).map(|at| u8::from_str_radix(even.get(at..at + 2)?, 16).ok()).collect()
}

impl Serialize for FileCapabilities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FileCapabilities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NET_RAW: Capabilities = Capabilities { permitted: 1 << 13, inheritable: 0, effective: true, root: 0 };

    #[test]
    fn values_are_those_that_setcap_writes() {
        // Read with getfattr from files on which setcap 2.66 had set them.
        for (text, value) in [
            ("cap_net_raw=ep", "0100000200200000000000000000000000000000"),
            ("cap_net_raw=i", "0000000200000000002000000000000000000000"),
            ("cap_checkpoint_restore=eip", "0100000200000000000000000001000000010000"),
            ("cap_chown=p [rootid=1000]", "0000000301000000000000000000000000000000e8030000"),
        ] {
            let capabilities: FileCapabilities = text.parse().unwrap();
            assert_eq!(capabilities.to_bytes(), hex(value).unwrap(), "{text}");
            assert_eq!(FileCapabilities::read(&hex(value).unwrap()).to_string(), text);
        }
    }

    #[test]
    fn what_linux_does_not_read_is_damaged_and_says_why() {
        let damage = |bytes: &[u8]| FileCapabilities::read(bytes).damage().unwrap();
        let mut value = NET_RAW.to_bytes();
        assert_eq!(FileCapabilities::read(&value).damage(), None);
        assert_eq!(damage(&value[..19]), "19 bytes, which revision 2 does not have");
        value[0] = 3;
        assert_eq!(damage(&value), "flags that no kernel has");
        value[3] = 4;
        assert_eq!(damage(&value), "revision 4, which no kernel has");
        assert_eq!(damage(b"ab"), "2 bytes");
        // Of kernels before 2.6.25.
        assert_eq!(damage(&hex("010000010020000000000000").unwrap()), "revision 1, which Linux lets nobody set any more");
        assert_eq!(damage(&[2; 1 << 20]), "more than 24 bytes");
        assert_eq!(FileCapabilities::read(&[2; 1 << 20]).memory(), size_of::<FileCapabilities>() + 25);
    }

    proptest! {
        #[test]
        fn any_value_is_read_and_survives_json(value in proptest::collection::vec(any::<u8>(), 0..30), like_one: bool) {
            let mut value = value;
            if like_one && let Some([first, second, third, revision, ..]) = value.get_mut(..) {
                (*first, *second, *third, *revision) = (*first & 1, 0, 0, *revision & 3);
            }
            let read = FileCapabilities::read(&value);
            let json = serde_json::to_string(&read).unwrap();
            prop_assert_eq!(serde_json::from_str::<FileCapabilities>(&json).unwrap(), read.clone(), "{}", json);
            prop_assert_eq!(FileCapabilities::read(&read.to_bytes()), read.clone());
            prop_assert_eq!(read.damage().is_none(), read.set().is_some());
        }

        #[test]
        fn a_set_survives_bytes_and_text(permitted: u64, inheritable: u64, effective: bool, root: u32) {
            let set = Capabilities { permitted, inheritable, effective, root };
            prop_assert_eq!(FileCapabilities::read(&set.to_bytes()), set.into());
            prop_assert_eq!(FileCapabilities::from(set).to_string().parse::<FileCapabilities>().unwrap(), set.into());
        }
    }
}
