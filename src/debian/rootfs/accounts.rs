//! Users and groups (R6): `/etc/passwd`, `/etc/group` and their shadows, as `adduser` would write them.

use super::ids::system_id;

/// A line of `/etc/passwd` (passwd(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub gecos: String,
    pub home: String,
    pub shell: String,
    /// Made by a script, not one of `base-passwd`'s.
    pub is_added: bool,
}

/// A line of `/etc/group` (group(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub name: String,
    pub gid: u32,
    pub members: Vec<String>,
    /// Made by a script, not one of `base-passwd`'s.
    pub is_added: bool,
}

/// Every user and group, in the order of their lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Accounts {
    pub users: Vec<User>,
    pub groups: Vec<Group>,
}

/// The gid of `nogroup` in `base-passwd`.
const NOGROUP: u32 = 65534;

impl Accounts {
    /// Reads `passwd` and `group`; who was known before keeps being an added one or not, and new lines are `is_added`.
    pub(super) fn read(&mut self, passwd: &str, group: &str, is_added: bool) {
        let users = passwd.lines().filter_map(|line| {
            let [name, _, uid, gid, gecos, home, shell] = line.split(':').collect::<Vec<_>>()[..] else { return None };
            let known = self.user(name).map_or(is_added, |user| user.is_added);
            let (uid, gid) = (uid.parse().ok()?, gid.parse().ok()?);
            Some(User { name: name.into(), uid, gid, gecos: gecos.into(), home: home.into(), shell: shell.into(), is_added: known })
        });
        let users = users.collect();
        let groups = group.lines().filter_map(|line| {
            let [name, _, gid, members] = line.split(':').collect::<Vec<_>>()[..] else { return None };
            let known = self.group(name).map_or(is_added, |group| group.is_added);
            let members = members.split(',').filter(|m| !m.is_empty()).map(str::to_owned).collect();
            Some(Group { name: name.into(), gid: gid.parse().ok()?, members, is_added: known })
        });
        let groups = groups.collect();
        *self = Accounts { users, groups };
    }

    pub(super) fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }

    pub(super) fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// Adds a group, or finds the one of that name.
    pub(super) fn add_group(&mut self, name: &str, gid: Option<u32>) -> Result<u32, String> {
        check_name(name)?;
        if let Some(group) = self.group(name) {
            return Ok(group.gid);
        }
        let is_free = |gid: u32| self.groups.iter().all(|group| group.gid != gid);
        let gid = match gid {
            Some(gid) if is_free(gid) => gid,
            Some(gid) => return Err(format!("the group id {gid} is taken")),
            // The user of that name has its number, or will get the same.
            None => match self.user(name).map(|user| user.uid).filter(|uid| is_free(*uid)) {
                Some(uid) => uid,
                None => system_id(name, is_free).ok_or("no group id is free")?,
            },
        };
        self.groups.push(Group { name: name.into(), gid, members: Vec::new(), is_added: true });
        Ok(gid)
    }

    /// Adds `user`, whose ids are decided here; one of that name stays as it is. `group` is its group, made when it is not there.
    pub(super) fn add_user(&mut self, mut user: User, uid: Option<u32>, group: Option<&str>) -> Result<(u32, u32), String> {
        check_name(&user.name)?;
        if [&user.gecos, &user.home, &user.shell].iter().any(|text| text.contains([':', '\n'])) {
            return Err("a field has a colon or a line break".into());
        }
        if let Some(user) = self.user(&user.name) {
            return Ok((user.uid, user.gid));
        }
        let is_free = |uid: u32| self.users.iter().all(|user| user.uid != uid);
        let own_group = group == Some(&user.name) && self.group(&user.name).is_none();
        user.uid = match uid {
            Some(uid) if is_free(uid) => uid,
            Some(uid) => return Err(format!("the user id {uid} is taken")),
            // With a group of its own the number must be free for both.
            None => {
                let both = |id| is_free(id) && (!own_group || self.groups.iter().all(|group| group.gid != id));
                system_id(&user.name, both).ok_or("no user id is free")?
            }
        };
        user.gid = match group {
            Some(name) if own_group => self.add_group(name, Some(user.uid).filter(|gid| self.groups.iter().all(|g| g.gid != *gid)))?,
            Some(name) => self.add_group(name, None)?,
            None => self.group("nogroup").map_or(NOGROUP, |group| group.gid),
        };
        let ids = (user.uid, user.gid);
        self.users.push(user);
        Ok(ids)
    }

    /// Puts `user` into `group`.
    pub(super) fn add_member(&mut self, user: &str, group: &str) -> Result<(), String> {
        self.user(user).ok_or_else(|| format!("there is no user `{user}`"))?;
        let group = self.groups.iter_mut().find(|g| g.name == group).ok_or_else(|| format!("there is no group `{group}`"))?;
        if !group.members.iter().any(|member| member == user) {
            group.members.push(user.into());
        }
        Ok(())
    }

    /// The id of a user by name or number.
    pub(super) fn uid(&self, text: &str) -> Option<u32> {
        self.user(text).map(|user| user.uid).or_else(|| text.parse().ok())
    }

    /// The id of a group by name or number.
    pub(super) fn gid(&self, text: &str) -> Option<u32> {
        self.group(text).map(|group| group.gid).or_else(|| text.parse().ok())
    }

    /// `/etc/passwd`. With a shadow file the password is there (`x`), without it nobody can log in (`*`).
    pub(super) fn passwd(&self, shadow: bool) -> String {
        let line =
            |u: &User| format!("{}:{}:{}:{}:{}:{}:{}\n", u.name, if shadow { "x" } else { "*" }, u.uid, u.gid, u.gecos, u.home, u.shell);
        self.users.iter().map(line).collect()
    }

    /// `/etc/group`.
    pub(super) fn groups(&self, shadow: bool) -> String {
        let password = |g: &Group| if shadow || g.is_added { "x" } else { "*" };
        self.groups.iter().map(|g| format!("{}:{}:{}:{}\n", g.name, password(g), g.gid, g.members.join(","))).collect()
    }

    /// `/etc/shadow` (shadow(5)), with the day on which passwords were last changed: never possible to log in with one.
    pub(super) fn shadow(&self, day: u64) -> String {
        let line = |u: &User| match u.is_added {
            false => format!("{}:*:{day}:0:99999:7:::\n", u.name),
            true => format!("{}:!:{day}::::::\n", u.name),
        };
        self.users.iter().map(line).collect()
    }

    /// `/etc/gshadow` (gshadow(5)).
    pub(super) fn gshadow(&self) -> String {
        let password = |g: &Group| if g.is_added { "!" } else { "*" };
        self.groups.iter().map(|g| format!("{}:{}::{}\n", g.name, password(g), g.members.join(","))).collect()
    }
}

/// What every tool that reads these files takes as a name.
fn check_name(name: &str) -> Result<(), String> {
    let fits = !name.is_empty()
        && name.len() <= 32
        && !name.starts_with('-')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.$".contains(c));
    if fits { Ok(()) } else { Err(format!("`{name}` is no name for a user or group")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:*:0:0:root:/root:/bin/bash\nnobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
    const GROUP: &str = "root:*:0:\nshadow:*:42:\nnogroup:*:65534:\n";

    fn accounts() -> Accounts {
        let mut accounts = Accounts::default();
        accounts.read(PASSWD, GROUP, false);
        accounts
    }

    fn user(name: &str) -> User {
        let (home, shell) = (format!("/var/lib/{name}"), "/usr/sbin/nologin".into());
        User { name: name.into(), uid: 0, gid: 0, gecos: String::new(), home, shell, is_added: true }
    }

    #[test]
    fn files_are_as_adduser_leaves_them() {
        let mut accounts = accounts();
        assert_eq!((accounts.passwd(false), accounts.groups(false)), (PASSWD.into(), GROUP.into()));
        assert_eq!(accounts.add_user(user("redis"), None, Some("redis")), Ok((122, 122)));
        assert_eq!(accounts.add_user(user("redis"), None, Some("redis")), Ok((122, 122)));
        assert_eq!(accounts.add_user(user("_apt"), None, None), Ok((42, 65534)));
        accounts.add_member("redis", "shadow").unwrap();
        accounts.add_member("redis", "shadow").unwrap();
        assert!(
            accounts
                .passwd(true)
                .ends_with("redis:x:122:122::/var/lib/redis:/usr/sbin/nologin\n_apt:x:42:65534::/var/lib/_apt:/usr/sbin/nologin\n")
        );
        assert_eq!(accounts.groups(true), "root:x:0:\nshadow:x:42:redis\nnogroup:x:65534:\nredis:x:122:\n");
        assert_eq!(
            accounts.shadow(20000),
            "root:*:20000:0:99999:7:::\nnobody:*:20000:0:99999:7:::\nredis:!:20000::::::\n_apt:!:20000::::::\n"
        );
        assert!(accounts.gshadow().ends_with("shadow:*::redis\nnogroup:*::\nredis:!::\n"));
        assert!(accounts.add_member("redis", "none").is_err() && accounts.add_member("none", "redis").is_err());
    }

    #[test]
    fn ids_do_not_depend_on_the_order_or_on_others() {
        let names = ["redis", "postgres", "unheard-of", "other-daemon"];
        let ids = |order: &[usize]| {
            let mut accounts = accounts();
            order.iter().for_each(|index| drop(accounts.add_user(user(names[*index]), None, Some(names[*index]))));
            names.map(|name| accounts.user(name).map(|u| (u.uid, u.gid)))
        };
        assert_eq!(ids(&[0, 1, 2, 3]), ids(&[3, 1, 2, 0]));
        let alone = ids(&[2])[2];
        assert_eq!(ids(&[0, 1, 2, 3])[2], alone);
        // The group may come first, too.
        let mut accounts = accounts();
        let gid = accounts.add_group("unheard-of", None).unwrap();
        assert_eq!(accounts.add_user(user("unheard-of"), None, Some("unheard-of")), Ok((gid, gid)));
        assert_eq!(alone, Some((gid, gid)));
    }

    #[test]
    fn what_would_break_the_files_is_refused() {
        let mut accounts = accounts();
        assert!(accounts.add_group("a:b", None).is_err() && accounts.add_group("", None).is_err());
        assert!(accounts.add_user(User { gecos: "a:b".into(), ..user("x") }, None, None).is_err());
        assert!(accounts.add_user(user("x"), Some(0), None).is_err() && accounts.add_group("x", Some(42)).is_err());
    }
}
