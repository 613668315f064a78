//! The users and groups of an image: `/etc/passwd` (passwd(5)) and `/etc/group` (group(5)).

use crate::debian::rootfs::{Content, Root};
use crate::{Error, Result};

/// A larger account file is none.
const MAX_ACCOUNTS: u64 = 1 << 20;

/// What the two files say.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Accounts {
    passwd: String,
    group: String,
}

impl Accounts {
    /// The accounts of the image: the project's own files, else what the packages and rules made of them.
    pub(in super::super) fn of(root: &Root) -> Result<Self> {
        let file = |path: &str| {
            let mut bytes = Vec::new();
            match root.nodes().get(path).map(|node| &node.content) {
                Some(Content::File(made)) => bytes.extend_from_slice(made),
                Some(Content::Local(content)) if content.size() > MAX_ACCOUNTS => {
                    return Err(Error::usage(format!("what `files` puts at /{path} is too large for it")));
                }
                Some(Content::Local(content)) => content.read(&mut |piece| {
                    bytes.extend_from_slice(piece);
                    Ok(())
                })?,
                _ => {}
            }
            Ok(bytes)
        };
        Ok(Accounts::new(&file("etc/passwd")?, &file("etc/group")?))
    }

    /// The accounts that `passwd` and `group` define.
    fn new(passwd: &[u8], group: &[u8]) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Accounts { passwd: text(passwd), group: text(group) }
    }

    /// The ids of `user[:group]`. Numbers are themselves; a user without a group has the one in `/etc/passwd`, or 0 when the
    /// user is a number that is not in it (as container runtimes do).
    ///
    /// # Errors
    /// When a name is not there; says which there are.
    pub(in super::super) fn ids(&self, owner: &str) -> Result<(u64, u64)> {
        let (user, group) = owner.split_once(':').map_or((owner, None), |(user, group)| (user, Some(group)));
        let (uid, own_group) = match user.parse::<u32>() {
            Ok(uid) => (uid, entries(&self.passwd).find(|e| e.id == uid).and_then(|e| e.group)),
            Err(_) => {
                let entry = entries(&self.passwd).find(|e| e.name == user).ok_or_else(|| missing("user", user, "passwd", &self.passwd))?;
                (entry.id, entry.group)
            }
        };
        let gid = match group {
            None => own_group.unwrap_or(0),
            Some(group) => match group.parse::<u32>() {
                Ok(gid) => gid,
                Err(_) => entries(&self.group).find(|e| e.name == group).ok_or_else(|| missing("group", group, "group", &self.group))?.id,
            },
        };
        Ok((u64::from(uid), u64::from(gid)))
    }
}

struct Entry<'a> {
    name: &'a str,
    id: u32,
    /// Of a user: its first group.
    group: Option<u32>,
}

/// The entries of either file: `name:password:id[:group…]`.
fn entries(text: &str) -> impl Iterator<Item = Entry<'_>> {
    text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, _, id) = (fields.next()?, fields.next()?, fields.next()?.parse().ok()?);
        Some(Entry { name, id, group: fields.next().and_then(|field| field.parse().ok()) })
    })
}

fn missing(what: &str, name: &str, file: &str, text: &str) -> Error {
    let near = entries(text).map(|e| (strsim::normalized_damerau_levenshtein(e.name, name), e.name)).filter(|(like, _)| *like >= 0.5);
    let near = near.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| format!("did you mean `{name}`? "));
    Error::failed(format!("the image has no {what} `{name}` in /etc/{file}"))
        .hint(format!("{}a number works without an entry: `1000:1000`; or add a package that brings the {what}", near.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_resolved_as_runtimes_do() {
        let accounts =
            Accounts::new(b"root:*:0:0:root:/root:/bin/bash\nwww-data:*:33:34::/:/x\nodd\nbad:x:y:z\n", b"root:*:0:\nstaff:*:50:\n");
        for (owner, ids) in
            [("root", (0, 0)), ("www-data", (33, 34)), ("33", (33, 34)), ("1000", (1000, 0)), ("www-data:staff", (33, 50)), ("7:9", (7, 9))]
        {
            assert_eq!(accounts.ids(owner).unwrap(), ids, "{owner}");
        }
        let error = accounts.ids("www-dta").unwrap_err();
        assert_eq!(error.message(), "the image has no user `www-dta` in /etc/passwd");
        assert!(error.advice().unwrap().starts_with("did you mean `www-data`? "), "{error:?}");
        assert!(accounts.ids("root:bad").is_err() && accounts.ids("bad").is_err());
    }
}
