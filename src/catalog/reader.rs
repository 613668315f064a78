//! Walks a parsed TOML table and collects every problem on the way, so that all are shown at once.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::check::{self, Checked, Fault, shorten};
use super::diagnostic::Problem;
use super::schema;

/// A value and where it stands.
pub(super) type Text = Spanned<String>;

/// A table of the file, with what it is called in messages.
#[derive(Clone, Copy)]
pub(super) struct Section<'t, 'i> {
    pub table: &'t DeTable<'i>,
    pub keys: &'static schema::Table,
}

impl<'t, 'i> Section<'t, 'i> {
    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'i>>> {
        debug_assert!(self.keys.get(key).is_some(), "{key} is not in the schema");
        self.table.get(key)
    }

    fn example(&self, key: &str) -> String {
        match self.keys.get(key).map(|k| k.example).filter(|e| !e.is_empty()) {
            Some(example) => format!("for example `{key} = {example}`"),
            None => format!("write it as a table: `[{key}]`"),
        }
    }
}

/// From offsets to lines: looked up, not counted from the top for every entry, because files can be large.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    /// Of this text.
    pub fn new(text: &str) -> Self {
        Lines(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at).collect())
    }

    /// The line of the byte at `offset`, from 1.
    pub fn of(&self, offset: usize) -> usize {
        self.0.partition_point(|end| *end < offset) + 1
    }
}

/// Collects problems.
#[derive(Default)]
pub(super) struct Reader {
    pub problems: Vec<Problem>,
    /// Problems that say something is missing; after a syntax error they would only repeat it.
    pub absences: Vec<Problem>,
    /// Ranges that hold secrets and must not be shown.
    pub secrets: Vec<Range<usize>>,
}

impl Reader {
    /// Notes a problem at `span`.
    pub fn problem(&mut self, message: impl Into<String>, span: Range<usize>, label: &str, help: Option<String>) {
        self.problems.push(Problem { message: message.into(), span: Some(span), label: label.to_owned(), help });
    }

    /// Notes that something is missing from what stands at `span`.
    pub fn absence(&mut self, message: impl Into<String>, span: Option<Range<usize>>, help: &str) {
        self.absences.push(Problem { message: message.into(), span, label: String::new(), help: Some(help.to_owned()) });
    }

    /// Notes a check's answer.
    pub fn check(&mut self, checked: Checked, span: &Range<usize>) -> bool {
        match checked {
            Ok(()) => true,
            Err(Fault { message, help }) => {
                self.problem(message, span.clone(), "", help);
                false
            }
        }
    }

    /// `value` as a table with the keys of `keys`; unknown keys are problems. `shown` names it: `[registry]`.
    pub fn table<'t, 'i>(&mut self, value: &'t Spanned<DeValue<'i>>, shown: &str, keys: &'static schema::Table) -> Option<Section<'t, 'i>> {
        let Some(table) = value.get_ref().as_table() else {
            let example: Vec<&str> = keys.keys.iter().map(|k| k.name).take(4).collect();
            let help = format!("`{shown}` has keys like {}", example.join(", "));
            self.mismatch(shown, "a table", value, help);
            return None;
        };
        Some(self.section(table, shown, keys))
    }

    /// `table` with the keys of `keys`; unknown keys are problems.
    pub fn section<'t, 'i>(&mut self, table: &'t DeTable<'i>, shown: &str, keys: &'static schema::Table) -> Section<'t, 'i> {
        for key in table.keys().filter(|k| keys.get(k.get_ref()).is_none()) {
            let message = format!("unknown key `{}` in `{shown}`", shorten(key.get_ref()));
            self.problem(message, key.span(), "", Some(keys.advice(key.get_ref())));
        }
        Section { table, keys }
    }

    /// A string.
    pub fn text(&mut self, section: &Section, key: &str, rule: impl Fn(&str) -> Checked) -> Option<String> {
        let value = section.get(key)?;
        let text = self.string(value, &format!("`{key}`"), || section.example(key))?;
        self.check(check::text(&text).and_then(|()| rule(&text)), &value.span()).then_some(text)
    }

    /// Text that names a place on the network. One with an `@` that is refused may hold a password, and is not shown.
    pub fn address(&mut self, section: &Section, key: &str, rule: impl Fn(&str) -> Checked) -> Option<String> {
        let address = self.text(section, key, rule);
        if let Some(value) = section.get(key).filter(|v| address.is_none() && v.get_ref().as_str().is_some_and(|text| text.contains('@'))) {
            self.secrets.push(value.span());
        }
        address
    }

    /// `true` or `false`.
    pub fn flag(&mut self, section: &Section, key: &str) -> Option<bool> {
        let value = section.get(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.mismatch(&format!("`{key}`"), "`true` or `false`", value, section.example(key));
        }
        flag
    }

    /// A whole number within `range`.
    pub fn number(&mut self, section: &Section, key: &str, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let value = section.get(key)?;
        let Some(integer) = value.get_ref().as_integer() else {
            self.mismatch(&format!("`{key}`"), "a whole number", value, section.example(key));
            return None;
        };
        let number = u32::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|n| range.contains(n));
        if number.is_none() {
            self.problem(format!("`{key}` must be from {} to {}", range.start(), range.end()), value.span(), "", None);
        }
        number
    }

    /// An array of strings, none twice.
    pub fn list(&mut self, section: &Section, key: &str, rule: impl Fn(&str) -> Checked) -> Option<Vec<Text>> {
        let value = section.get(key)?;
        let items = self.array(value, key, || section.example(key))?;
        let mut seen = BTreeSet::new();
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            if !self.check(check::text(item.get_ref()).and_then(|()| rule(item.get_ref())), &item.span()) {
                continue;
            }
            if seen.insert(item.get_ref().clone()) {
                out.push(item);
            } else {
                let help = Some("name it once".to_owned());
                self.problem(format!("`{}` is listed twice in `{key}`", shorten(item.get_ref())), item.span(), "", help);
            }
        }
        Some(out)
    }

    /// Words of a command line: an array of strings, or one string that is one word.
    pub fn words(&mut self, section: &Section, key: &str) -> Option<Vec<String>> {
        let value = section.get(key)?;
        let DeValue::String(one) = value.get_ref() else {
            let items = self.array(value, key, || section.example(key))?;
            let mut fine = true;
            for item in &items {
                fine &= self.check(check::text(item.get_ref()), &item.span());
            }
            return fine.then(|| items.into_iter().map(Spanned::into_inner).collect());
        };
        if one.split_whitespace().nth(1).is_some() {
            let parts: Vec<String> = one.split_whitespace().map(|w| format!("{:?}", w)).collect();
            let help = format!("no shell splits it; write `{key} = [{}]`", shorten(&parts.join(", ")));
            self.problem(format!("`{key}` is one word with spaces in it"), value.span(), "", Some(help));
            return None;
        }
        self.check(check::text(one), &value.span()).then(|| vec![one.to_string()])
    }

    /// A table of strings; `rule` is for its keys.
    pub fn map(&mut self, section: &Section, key: &str, rule: impl Fn(&str) -> Checked) -> Vec<(Text, Text)> {
        let mut out = Vec::new();
        for (name, value) in self.entries(section, key) {
            let shown = format!("`{}` of `{key}`", shorten(name.get_ref()));
            let fine = self.check(rule(name.get_ref()), &name.span());
            let Some(text) = self.string(value, &shown, || section.example(key)) else { continue };
            if self.check(check::text(&text), &value.span()) && fine {
                out.push((name, Spanned::new(value.span(), text)));
            }
        }
        out
    }

    /// An array of tables.
    pub fn tables<'t, 'i>(&mut self, section: &Section<'t, 'i>, key: &str) -> Vec<&'t Spanned<DeValue<'i>>> {
        let Some(value) = section.get(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.mismatch(&format!("`{key}`"), "an array of tables", value, section.example(key));
            return Vec::new();
        };
        items.iter().collect()
    }

    /// The entries of a table whose keys are the user's own, in file order.
    pub fn entries<'t, 'i>(&mut self, section: &Section<'t, 'i>, key: &str) -> Vec<(Text, &'t Spanned<DeValue<'i>>)> {
        let Some(value) = section.get(key) else { return Vec::new() };
        let Some(table) = value.get_ref().as_table() else {
            self.mismatch(&format!("`{key}`"), "a table", value, section.example(key));
            return Vec::new();
        };
        in_file_order(table)
    }

    /// `value` as an array of strings.
    fn array(&mut self, value: &Spanned<DeValue>, key: &str, example: impl Fn() -> String) -> Option<Vec<Text>> {
        let Some(items) = value.get_ref().as_array() else {
            let help = match value.get_ref() {
                DeValue::String(one) => format!("write `{key} = [{:?}]`", shorten(one)),
                _ => example(),
            };
            self.mismatch(&format!("`{key}`"), "an array of strings", value, help);
            return None;
        };
        let mut fine = true;
        let mut out = Vec::with_capacity(items.len());
        for item in items.iter() {
            match self.string(item, &format!("each of `{key}`"), &example) {
                Some(text) => out.push(Spanned::new(item.span(), text)),
                None => fine = false,
            }
        }
        fine.then_some(out)
    }

    /// `value` as a string.
    pub fn string(&mut self, value: &Spanned<DeValue>, shown: &str, example: impl Fn() -> String) -> Option<String> {
        match value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            other => {
                let help = match other {
                    DeValue::Integer(n) => format!("put it in quotes: `\"{}\"`", shorten(&n.to_string())),
                    DeValue::Float(n) => format!("put it in quotes: `\"{}\"`", shorten(&n.to_string())),
                    DeValue::Boolean(b) => format!("put it in quotes: `\"{b}\"`"),
                    _ => example(),
                };
                self.mismatch(shown, "a string", value, help);
                None
            }
        }
    }

    /// Notes a value of the wrong type.
    pub fn mismatch(&mut self, shown: &str, expected: &str, value: &Spanned<DeValue>, help: String) {
        let label = format!("this is {}", kind(value.get_ref()));
        self.problem(format!("{shown} must be {expected}"), value.span(), &label, Some(help));
    }
}

/// The entries of `table` in the order of the file (the parser's own order is alphabetical).
fn in_file_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(Text, &'t Spanned<DeValue<'i>>)> {
    let mut out: Vec<_> = table.iter().map(|(key, value)| (Spanned::new(key.span(), key.get_ref().to_string()), value)).collect();
    out.sort_by_key(|(key, _)| key.span().start);
    out
}

fn kind(value: &DeValue) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
