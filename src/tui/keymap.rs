//! Keys: how they are written, and which action they mean where.

use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use toml::{Table, Value};

use super::action::{ACTIONS, Action, Scope};
use super::preferences::ConfigText;
use super::theme::suggest;
use crate::{Error, Result};

/// One key press, as keymaps write it: `b`, `G`, `ctrl-p`, `shift-tab`, `pgup`, `space`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

/// Names of keys that are no character, as they are written and shown.
const NAMED: [(&str, KeyCode); 17] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("space", KeyCode::Char(' ')),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pgup", KeyCode::PageUp),
    ("pgdn", KeyCode::PageDown),
    ("f1", KeyCode::F(1)),
    ("f5", KeyCode::F(5)),
];

impl Key {
    /// The key of a terminal event: shift is part of a character, and `BackTab` is shift-tab.
    pub fn of(event: &KeyEvent) -> Self {
        let mut modifiers = event.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        let code = match event.code {
            KeyCode::BackTab => {
                modifiers |= KeyModifiers::SHIFT;
                KeyCode::Tab
            }
            KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => {
                modifiers -= KeyModifiers::SHIFT;
                KeyCode::Char(c.to_ascii_lowercase())
            }
            KeyCode::Char(c) => {
                modifiers -= KeyModifiers::SHIFT;
                KeyCode::Char(c)
            }
            code => code,
        };
        Key { code, modifiers }
    }

    /// The terminal event of this key.
    pub fn event(self) -> KeyEvent {
        KeyEvent::new(self.code, self.modifiers)
    }
}

impl FromStr for Key {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut rest = text;
        let mut modifiers = KeyModifiers::NONE;
        while let Some((head, tail)) = rest.split_once('-').filter(|(head, tail)| !head.is_empty() && !tail.is_empty()) {
            modifiers |= match head {
                "ctrl" => KeyModifiers::CONTROL,
                "alt" => KeyModifiers::ALT,
                "shift" => KeyModifiers::SHIFT,
                _ => break,
            };
            rest = tail;
        }
        let mut chars = rest.chars();
        let code = match (chars.next(), chars.next()) {
            (Some(c), None) if !c.is_control() => KeyCode::Char(c),
            _ => NAMED.iter().find(|(name, _)| *name == rest).map(|(_, code)| *code).ok_or_else(|| {
                Error::usage(format!("`{text}` is not a key"))
                    .hint(format!("write a character, {}, with ctrl-, alt- or shift- before it", NAMED.map(|(name, _)| name).join(", ")))
            })?,
        };
        Ok(Key::of(&KeyEvent::new(code, modifiers)))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (modifier, name) in [(KeyModifiers::CONTROL, "ctrl-"), (KeyModifiers::ALT, "alt-"), (KeyModifiers::SHIFT, "shift-")] {
            if self.modifiers.contains(modifier) {
                f.write_str(name)?;
            }
        }
        let arrow = match self.code {
            KeyCode::Up => Some("↑"),
            KeyCode::Down => Some("↓"),
            KeyCode::Left => Some("←"),
            KeyCode::Right => Some("→"),
            _ => None,
        };
        let named = NAMED.iter().find(|(_, code)| *code == self.code).map(|(name, _)| *name);
        match (arrow.or(named), self.code) {
            (Some(name), _) => f.write_str(name),
            (None, KeyCode::Char(c)) => write!(f, "{c}"),
            (None, code) => write!(f, "{code}"),
        }
    }
}

/// Splits `jj<space>b<ctrl-p>` into keys; `<` and `>` themselves are `<lt>` and `<gt>`.
pub fn parse_sequence(text: &str) -> Result<Vec<Key>> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((name, tail)) = rest.strip_prefix('<').and_then(|inner| inner.split_once('>')) {
            keys.push(match name {
                "lt" => "<".parse()?,
                "gt" => ">".parse()?,
                name => name.parse()?,
            });
            rest = tail;
        } else {
            keys.push(Key::of(&KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
            rest = &rest[c.len_utf8()..];
        }
    }
    Ok(keys)
}

/// Which key means which action in which scope.
#[derive(Clone, Debug)]
pub struct Keymap {
    bindings: Vec<(Scope, Key, Action)>,
}

impl Keymap {
    /// The defaults of the action table.
    pub fn standard() -> Self {
        let mut bindings = Vec::new();
        for entry in ACTIONS {
            for scope in entry.scopes {
                // The table's keys are checked by a test; one that did not parse would be left out here.
                bindings.extend(entry.keys.iter().filter_map(|key| Some((*scope, key.parse().ok()?, entry.action))));
            }
        }
        Keymap { bindings }
    }

    /// The defaults with a user's changes: `[SCOPE] ACTION = ["key", …]` tables; `config` says on which line a mistake is.
    /// An action's list replaces its keys; `[]` takes them all away.
    pub fn with_overrides(overrides: &Table, config: &ConfigText) -> Result<Self> {
        let mut map = Self::standard();
        for (scope_name, actions) in overrides {
            let here = config.place(&["keys", scope_name]);
            let scope = Scope::ALL.into_iter().find(|s| s.name() == scope_name).ok_or_else(|| {
                Error::usage(format!("{here}: there is no key scope `{scope_name}`"))
                    .hint(suggest(scope_name, Scope::ALL.iter().map(|s| s.name())))
            })?;
            let actions = actions.as_table().ok_or_else(|| Error::usage(format!("{here}: `{scope_name}` must be a table of actions")))?;
            for (name, keys) in actions {
                map.replace(scope, name, keys, &config.place(&["keys", scope_name, name]))?;
            }
        }
        let Some((key, a, b)) = map.conflict() else { return Ok(map) };
        // One of the two is the user's own: that is the line to look at.
        let own = |name: &str| overrides.iter().find(|(_, actions)| actions.get(name).is_some()).map(|(scope, _)| scope.as_str());
        let place = [a, b].into_iter().find_map(|name| Some(config.place(&["keys", own(name)?, name])));
        let place = place.unwrap_or_else(|| config.name.clone());
        Err(Error::usage(format!("{place}: `{key}` would mean both `{a}` and `{b}`")).hint("give one of them another key"))
    }

    /// Gives the action called `name` other keys in `scope`; `place` is where that is written.
    fn replace(&mut self, scope: Scope, name: &str, keys: &Value, place: &str) -> Result<()> {
        let known = || ACTIONS.iter().filter(|e| e.scopes.contains(&scope));
        let entry = known().find(|e| e.name == name).ok_or_else(|| {
            Error::usage(format!("{place}: `{}` has no action `{name}`", scope.name())).hint(suggest(name, known().map(|e| e.name)))
        })?;
        let words: Option<Vec<&str>> = match keys {
            Value::String(key) => Some(vec![key.as_str()]),
            Value::Array(keys) => keys.iter().map(Value::as_str).collect(),
            _ => None,
        };
        let words = words.ok_or_else(|| Error::usage(format!("{place}: `{name}` must be a list of keys, like [\"x\", \"ctrl-k\"]")))?;
        self.bindings.retain(|(s, _, a)| (*s, *a) != (scope, entry.action));
        for word in words {
            let key: Key = word.parse().map_err(|e: Error| e.context(format!("{place}: {name}")))?;
            self.bindings.push((scope, key, entry.action));
        }
        Ok(())
    }

    /// What `key` means on a screen with `scope`: its own bindings first, then the global ones.
    pub fn action(&self, scope: Scope, key: Key) -> Option<Action> {
        let find = |scope| self.bindings.iter().find(|(s, k, _)| *s == scope && *k == key).map(|(_, _, action)| *action);
        find(scope).or_else(|| find(Scope::Global))
    }

    /// The keys of `action` in `scope` (or globally), as they are shown.
    pub fn keys(&self, scope: Scope, action: Action) -> Vec<String> {
        let of = |scope| self.bindings.iter().filter(move |(s, _, a)| *s == scope && *a == action).map(|(_, key, _)| key.to_string());
        let own: Vec<String> = of(scope).collect();
        if own.is_empty() && scope != Scope::Global { of(Scope::Global).collect() } else { own }
    }

    /// Two actions that share a key where both are reachable.
    pub fn conflict(&self) -> Option<(Key, &'static str, &'static str)> {
        for (i, (scope, key, action)) in self.bindings.iter().enumerate() {
            for (other_scope, other_key, other) in &self.bindings[i + 1..] {
                let both_reachable = scope == other_scope || *scope == Scope::Global || *other_scope == Scope::Global;
                if both_reachable && key == other_key && action != other {
                    return Some((*key, action.entry().name, other.entry().name));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_as_they_are_written() {
        for text in ["b", "G", "ctrl-p", "shift-tab", "pgup", "space", "enter", "/", "?", "-", "ctrl--", "alt-x", "f5"] {
            assert_eq!(text.parse::<Key>().unwrap().to_string(), text);
        }
        for bad in ["", "hyper-x", "ctrl-", "entr", "\u{1b}"] {
            assert!(bad.parse::<Key>().is_err(), "{bad}");
        }
        let sequence: Vec<String> = parse_sequence("j<space>B<ctrl-p><lt>").unwrap().iter().map(Key::to_string).collect();
        assert_eq!(sequence, ["j", "space", "B", "ctrl-p", "<"]);
    }

    #[test]
    fn no_key_means_two_things_and_every_default_parses() {
        assert_eq!(Keymap::standard().conflict(), None);
        for entry in ACTIONS {
            for key in entry.keys {
                key.parse::<Key>().unwrap();
            }
        }
    }

    #[test]
    fn a_users_keys_replace_defaults_and_mistakes_are_explained() {
        let map = |text: &str| {
            let config = ConfigText { name: "config.toml".into(), text: format!("mouse = true\n{text}") };
            let table: Table = config.text.parse().unwrap();
            Keymap::with_overrides(table["keys"].as_table().unwrap(), &config)
        };
        let mine = map("[keys.builds]\ncancel = [\"ctrl-k\"]").unwrap();
        assert_eq!(mine.action(Scope::Builds, "ctrl-k".parse().unwrap()), Some(Action::Cancel));
        assert_eq!(mine.action(Scope::Builds, "x".parse().unwrap()), None);
        for (text, line, needle) in [
            ("[keys.build]\ncancel = []", 2, "`builds`"),
            ("[keys.builds]\nretry = []\ncancl = []", 4, "`cancel`"),
            ("[keys]\nbuilds.retry = \"alt-r\"\nbuilds.cancel = [\"q\"]", 4, "another key"),
            ("[keys.builds]\ncancel = [\"ctr-k\"]", 3, "ctrl-"),
        ] {
            let error = map(text).unwrap_err();
            assert!(error.advice().unwrap_or_default().contains(needle), "{text}: {error:?}");
            assert!(error.message().contains(&format!("config.toml:{line}: ")), "{text}: {error:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_keys_or_an_error(text in "\\PC{0,30}") {
            let _ = text.parse::<Key>();
            let _ = parse_sequence(&text);
        }
    }
}
