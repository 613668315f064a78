//! Reads the files that declare schemas (`gschema.dtd` of GLib), and those that give keys other defaults.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::super::glib_table::Table;
use super::super::xml;
use super::schema::{Key, Member, Schema};
use super::text::Text;
use super::variant::Type;
use super::words::{Use, Words};

/// Everything that has been read.
#[derive(Debug, Default)]
pub(super) struct Schemas {
    pub schemas: Table<Schema>,
    /// Enumerations and flags, by `enum ID` and `flags ID`.
    words: Table<Words>,
}

/// What is being read.
#[derive(Default)]
struct Open {
    /// Elements, the innermost last.
    elements: Vec<String>,
    domain: Option<String>,
    schema: Option<(String, Schema)>,
    key: Option<(String, Key)>,
    words: Option<(String, Words)>,
    /// What is between the tags of an element that has text.
    text: Option<String>,
    /// A default as it is written.
    default: Option<String>,
    /// `messages` or `time`, and the context.
    translation: Option<(u8, Option<String>)>,
}

type Read<T> = Result<T, String>;

impl Schemas {
    /// Reads a file with schemas. One with a mistake counts for nothing, and what the mistake is comes back.
    pub(super) fn read(&mut self, text: &str) -> Read<()> {
        let before = (self.schemas.len(), self.words.len());
        let read = self.read_all(text);
        if read.is_err() {
            self.schemas.truncate(before.0);
            self.words.truncate(before.1);
        }
        read
    }

    fn read_all(&mut self, text: &str) -> Read<()> {
        let mut reader = Reader::from_str(text);
        let mut open = Open::default();
        loop {
            match &reader.read_event().map_err(|error| error.to_string())? {
                Event::Start(element) => self.start(&mut open, element)?,
                Event::Empty(element) => {
                    self.start(&mut open, element)?;
                    self.end(&mut open)?;
                }
                Event::End(_) => self.end(&mut open)?,
                Event::Eof => return if open.elements.is_empty() { Ok(()) } else { Err("it ends too early".into()) },
                other => xml::text(other)?.iter().for_each(|text| open.push(text)),
            }
        }
    }

    fn start(&mut self, open: &mut Open, element: &BytesStart<'_>) -> Read<()> {
        let name = String::from(element.name().as_ref());
        let container = open.elements.last().cloned().unwrap_or_default();
        open.elements.push(name.clone());
        // What has a prefix is for other programs.
        if open.elements.iter().any(|name| name.contains(':')) {
            return Ok(());
        }
        let given = |name: &str| -> Read<Option<String>> {
            let attribute = element.try_get_attribute(name).map_err(|error| error.to_string())?;
            let value = attribute.map(|attribute| attribute.normalized_value(XmlVersion::Implicit1_0).map(|value| value.into_owned()));
            value.transpose().map_err(|error| error.to_string())
        };
        let needed = |attribute: &str| given(attribute)?.ok_or_else(|| format!("<{name}> has no {attribute}"));
        match (container.as_str(), name.as_str()) {
            ("", "schemalist") => open.domain = given("gettext-domain")?,
            ("schemalist", "schema") => {
                let domain = given("gettext-domain")?.or(open.domain.clone());
                let schema = Schema {
                    path: given("path")?,
                    domain,
                    extends: given("extends")?,
                    list_of: given("list-of")?,
                    members: Table::default(),
                };
                open.schema = Some((needed("id")?, self.begun(schema)?));
            }
            ("schemalist", kind @ ("enum" | "flags")) => {
                let of = if kind == "enum" { Use::Enum } else { Use::Flags };
                open.words = Some((format!("{kind} {}", needed("id")?), Words::new(of)));
            }
            ("enum" | "flags", "value") => open.add_word(&needed("nick")?, &needed("value")?)?,
            ("schema", "key") => {
                let words = match (given("enum")?, given("flags")?) {
                    (Some(id), _) => Some(format!("enum {id}")),
                    (_, Some(id)) => Some(format!("flags {id}")),
                    _ => None,
                };
                let key = match words {
                    Some(id) => {
                        let words = self.words.get(&id).cloned().ok_or_else(|| format!("there is no {id}"))?;
                        let text = Type::Basic(b's');
                        Key::new(if words.of == Use::Flags { Type::Array(Box::new(text)) } else { text }, words)
                    }
                    None => Key::new(Type::parse(&needed("type")?).ok_or("a type is not one")?, Words::default()),
                };
                open.key = Some((needed("name")?, key));
            }
            ("schema", "child") => {
                let (name, schema) = (needed("name")? + "/", needed("schema")?);
                open.add_member(&name, Member::Child(schema))?;
            }
            ("schema", "override") => {
                let name = needed("name")?;
                let key = self.overridden(open, &name).ok_or_else(|| format!("there is no key {name} to override"))?;
                open.key = Some((name, key));
                open.begin_default(given("l10n")?, given("context")?)?;
            }
            ("key", "default") => open.begin_default(given("l10n")?, given("context")?)?,
            ("key", "summary" | "description") => open.text = Some(String::new()),
            ("key", "range") => open.set_range(given("min")?, given("max")?)?,
            ("key", "choices" | "aliases") => {}
            ("choices", "choice") => {
                let value = needed("value")?;
                open.key()?.words.add(&value, 0).then_some(()).ok_or_else(|| format!("there are two choices {value}"))?;
            }
            ("aliases", "alias") => {
                let (value, target) = (needed("value")?, needed("target")?);
                open.key()?.words.add_alias(&value, &target).then_some(()).ok_or_else(|| format!("{value} is no alias of {target}"))?;
            }
            _ => return Err(format!("<{name}> may not be in <{container}>")),
        }
        Ok(())
    }

    fn end(&mut self, open: &mut Open) -> Read<()> {
        let prefixed = open.elements.iter().any(|name| name.contains(':'));
        let name = open.elements.pop().unwrap_or_default();
        if prefixed {
            return Ok(());
        }
        let text = open.text.take();
        match name.as_str() {
            "default" => open.default = text,
            "override" => {
                open.default = text;
                open.end_key()?;
            }
            "key" => open.end_key()?,
            "enum" | "flags" => {
                if let Some((id, words)) = open.words.take()
                    && (words.is_empty() || !self.words.insert(&id, words))
                {
                    return Err(format!("{id} is empty or there twice"));
                }
            }
            "schema" => {
                if let Some((id, schema)) = open.schema.take()
                    && !self.schemas.insert(&id, schema)
                {
                    return Err(format!("there are two schemas {id}"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A new schema, if those it names are there; it is a list of the same as the one it extends.
    fn begun(&self, mut schema: Schema) -> Read<Schema> {
        for other in schema.extends.iter().chain(&schema.list_of) {
            self.schemas.get(other).ok_or_else(|| format!("there is no schema {other} yet"))?;
        }
        if schema.list_of.is_none() {
            schema.list_of = schema.extends.as_ref().and_then(|other| self.schemas.get(other)?.list_of.clone());
        }
        Ok(schema)
    }

    /// The key `name` of a schema that the open one extends, without its default.
    fn overridden(&self, open: &Open, name: &str) -> Option<Key> {
        let mut schema = open.schema.as_ref().map(|(_, schema)| schema)?;
        loop {
            schema = self.schemas.get(schema.extends.as_ref()?)?;
            if let Some(Member::Key(key)) = schema.members.get(name) {
                return Some(Key { range: key.range.clone(), ..Key::new(key.of.clone(), key.words.clone()) });
            }
        }
    }

    /// Does what a file of overrides says; lines that fit nothing count for nothing, and what they are comes back.
    pub(super) fn override_defaults(&mut self, text: &str) -> Vec<String> {
        let (mut wrong, mut group) = (Vec::new(), "");
        for line in text.lines().map(str::trim_ascii_start).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.trim_end().strip_suffix(']')) {
                group = name;
                continue;
            }
            let (id, desktop) = group.split_once(':').map_or((group, None), |(id, desktop)| (id, Some(desktop)));
            let Some(schema) = self.schemas.get_mut(id) else { continue };
            let (name, text) = line.split_once('=').unwrap_or((line, ""));
            let key = match schema.members.get_mut(name.trim_end()) {
                Some(Member::Key(key)) if desktop.is_none() || key.translated.is_none() => key,
                _ => {
                    wrong.push(format!("{id} has no key {} to override", name.trim_end()));
                    continue;
                }
            };
            match (key.value(text), desktop) {
                (None, _) => wrong.push(format!("{id} {} cannot be {}", name.trim_end(), text.trim())),
                (Some(value), None) => key.default = Some(value),
                (Some(value), Some(desktop)) => key.desktops.set(desktop, value),
            }
        }
        wrong
    }
}

impl Open {
    fn push(&mut self, text: &str) {
        if let Some(all) = &mut self.text {
            all.push_str(text);
        }
    }

    fn key(&mut self) -> Read<&mut Key> {
        self.key.as_mut().map(|(_, key)| key).ok_or_else(|| "it is in no key".into())
    }

    fn add_word(&mut self, nick: &str, number: &str) -> Read<()> {
        let wrong = || format!("{nick} cannot be {number}");
        let (_, words) = self.words.as_mut().ok_or_else(wrong)?;
        let text = Text::parse(number).ok_or_else(wrong)?;
        let of = if words.of == Use::Flags { b'u' } else { b'i' };
        let value = text.value(&Type::Basic(of)).ok_or_else(wrong)?;
        let number = value.bytes.try_into().map(u32::from_le_bytes).map_err(|_| wrong())?;
        // No flag at all is an empty array.
        (words.of == Use::Flags && number == 0 || words.add(nick, number)).then_some(()).ok_or_else(wrong)
    }

    fn begin_default(&mut self, l10n: Option<String>, context: Option<String>) -> Read<()> {
        let domain = self.schema.as_ref().and_then(|(_, schema)| schema.domain.as_ref());
        self.translation = match l10n.as_deref() {
            None => None,
            Some(_) if domain.is_none() => return Err("something is translated and has no gettext-domain".into()),
            Some("messages") => Some((b'm', context)),
            Some("time") => Some((b't', context)),
            Some(other) => return Err(format!("l10n may not be {other}")),
        };
        self.text = Some(String::new());
        Ok(())
    }

    fn set_range(&mut self, least: Option<String>, greatest: Option<String>) -> Read<()> {
        let key = self.key()?;
        let ends = match &key.of {
            Type::Basic(b'y') => ("0", "255"),
            Type::Basic(b'n') => ("-32768", "32767"),
            Type::Basic(b'q') => ("0", "65535"),
            Type::Basic(b'i') => ("-2147483648", "2147483647"),
            Type::Basic(b'u') => ("0", "4294967295"),
            Type::Basic(b'x') => ("-9223372036854775808", "9223372036854775807"),
            Type::Basic(b't') => ("0", "18446744073709551615"),
            Type::Basic(b'd') => ("-inf", "inf"),
            _ => return Err("a range is of no number".into()),
        };
        let end = |given: Option<String>, usual: &str| Text::parse(given.as_deref().unwrap_or(usual))?.value(&key.of);
        let (Some(least), Some(greatest)) = (end(least, ends.0), end(greatest, ends.1)) else { return Err("a range is no number".into()) };
        key.range = Some((least, greatest));
        Ok(())
    }

    /// The default is looked at when everything about the key is known.
    fn end_key(&mut self) -> Read<()> {
        let Some((name, mut key)) = self.key.take() else { return Ok(()) };
        let text = self.default.take().ok_or_else(|| format!("{name} has no default"))?;
        key.default = Some(key.value(&text).ok_or_else(|| format!("{name} cannot be {}", text.trim()))?);
        key.translated = self.translation.take().map(|(kind, context)| {
            let text = text.trim_ascii();
            (kind, context.map_or_else(|| text.to_owned(), |context| format!("{context}\u{4}{text}")))
        });
        self.add_member(&name, Member::Key(Box::new(key)))
    }

    fn add_member(&mut self, name: &str, member: Member) -> Read<()> {
        let (id, schema) = self.schema.as_mut().ok_or("it is in no schema")?;
        schema.members.insert(name, member).then_some(()).ok_or_else(|| format!("{id} has {name} twice"))
    }
}
