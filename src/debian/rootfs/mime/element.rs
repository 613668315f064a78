//! Elements of an XML file, read from it and written as libxml2 does.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::super::xml;

/// The namespace of the elements that are known.
pub(super) const FREEDESKTOP: &str = "http://www.freedesktop.org/standards/shared-mime-info";
/// How many elements a file may have; freedesktop.org's has some 45,000.
const MOST: usize = 200_000;
/// How deep elements may be in each other.
const DEPTH: usize = 64;

/// An element.
#[derive(Clone, Debug, Default)]
pub(super) struct Element {
    /// As it is written: `comment`, `x:thing`.
    pub name: String,
    pub namespace: String,
    /// As they are written, without declarations of namespaces.
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Child>,
}

/// Namespaces that an element declares, by their prefixes.
type Declared = Vec<(String, String)>;

/// What is in an element.
#[derive(Clone, Debug)]
pub(super) enum Child {
    Element(Element),
    Text(String),
}

impl Element {
    /// The root of a file.
    pub(super) fn read(text: &str) -> Result<Element, String> {
        let mut reader = Reader::from_str(text);
        let mut open: Vec<(Element, Declared)> = Vec::new();
        let (mut root, mut count) = (None, 0);
        loop {
            let event = reader.read_event().map_err(|error| error.to_string())?;
            let (begins, ends) = match &event {
                Event::Start(element) => (Some(element), false),
                Event::Empty(element) => (Some(element), true),
                Event::End(_) => (None, true),
                Event::Eof => return root.filter(|_| open.is_empty()).ok_or_else(|| "it ends too early".into()),
                _ => (None, false),
            };
            if let Some(element) = begins {
                count += 1;
                if count > MOST || open.len() == DEPTH {
                    return Err("it has too many elements".into());
                }
                open.push(begun(element, &open)?);
            }
            if let (Some(text), Some((element, _))) = (xml::text(&event)?, open.last_mut()) {
                match element.children.last_mut() {
                    Some(Child::Text(before)) => before.push_str(&text),
                    _ => element.children.push(Child::Text(text)),
                }
            }
            if ends && let Some((element, _)) = open.pop() {
                match open.last_mut() {
                    Some((outer, _)) => outer.children.push(Child::Element(element)),
                    None => root = root.or(Some(element)),
                }
            }
        }
    }

    /// Whether it is the element `name` of freedesktop.org.
    pub(super) fn is(&self, name: &str) -> bool {
        self.namespace == FREEDESKTOP && self.local_name() == name
    }

    pub(super) fn local_name(&self) -> &str {
        self.name.rsplit(':').next().unwrap_or_default()
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|child| match child {
            Child::Element(element) => Some(element),
            Child::Text(_) => None,
        })
    }

    /// Writes it, with declarations of namespaces that are not around it. What has text in it is written as it is.
    pub(super) fn write(&self, out: &mut String, around: &[&str]) {
        out.push('<');
        out.push_str(&self.name);
        let prefix = self.name.split_once(':').map(|(prefix, _)| prefix);
        if !around.contains(&self.namespace.as_str()) {
            out.push_str(&prefix.map_or_else(|| " xmlns=\"".to_owned(), |prefix| format!(" xmlns:{prefix}=\"")));
            escape(out, &self.namespace, true);
            out.push('"');
        }
        for (name, value) in &self.attributes {
            out.push(' ');
            out.push_str(name);
            out.push_str("=\"");
            escape(out, value, true);
            out.push('"');
        }
        if self.children.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        let around = [around, &[self.namespace.as_str()]].concat();
        for child in &self.children {
            match child {
                Child::Element(element) => element.write(out, &around),
                Child::Text(text) => escape(out, text, false),
            }
        }
        out.push_str("</");
        out.push_str(&self.name);
        out.push('>');
    }
}

/// An element that begins inside `open`, and the namespaces it declares.
fn begun(element: &BytesStart<'_>, open: &[(Element, Declared)]) -> Result<(Element, Declared), String> {
    let name = String::from(element.name().as_ref());
    let (mut attributes, mut declared) = (Vec::new(), Vec::new());
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?.into_owned();
        let key = String::from(attribute.key.as_ref());
        match key.strip_prefix("xmlns") {
            Some("") => declared.push((String::new(), value)),
            Some(prefix) if prefix.starts_with(':') => declared.push((prefix[1..].to_owned(), value)),
            _ => attributes.push((key, value)),
        }
    }
    let prefix = name.split_once(':').map_or("", |(prefix, _)| prefix);
    let scopes = std::iter::once(&declared).chain(open.iter().rev().map(|(_, declared)| declared));
    let namespace = scopes.flatten().find(|(known, _)| known == prefix).map(|(_, namespace)| namespace.clone()).unwrap_or_default();
    Ok((Element { name, namespace, attributes, children: Vec::new() }, declared))
}

/// Adds text, in an attribute's quotes or between tags.
pub(super) fn escape(out: &mut String, text: &str, is_attribute: bool) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#13;"),
            '"' if is_attribute => out.push_str("&quot;"),
            '\n' if is_attribute => out.push_str("&#10;"),
            '\t' if is_attribute => out.push_str("&#9;"),
            c => out.push(c),
        }
    }
}
