//! One line of the log, read.

use serde_json::Value;

use super::clean::clean;

/// What every record begins with; other lines are somebody else's words.
const PREFIX: &[u8] = b"@nix ";

/// One line of standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A record.
    Record(Record),
    /// Words of something that knows no records: `ssh`, a plugin, Nix before it has set up its log.
    Text(String),
    /// A record that says nothing to us, or is none.
    Nothing,
}

/// A record. Activities are named by numbers of 64 bits; their types and those of results are Nix's numbers (`logging.hh`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// An activity begins.
    Start { id: u64, activity: u64, text: String, fields: Vec<Field> },
    /// It has ended, well or not.
    Stop { id: u64 },
    /// It tells something.
    Result { id: u64, result: u64, fields: Vec<Field> },
    /// Words for people.
    Message { level: u64, text: String, place: Option<String>, trace: Vec<String> },
}

/// A field of an activity or a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// A number.
    Number(u64),
    /// Text, for terminals.
    Text(String),
}

impl Line {
    /// Reads a line. Never fails: what cannot be understood is [`Line::Nothing`].
    pub fn parse(line: &[u8]) -> Self {
        let Some(json) = line.strip_prefix(PREFIX) else {
            let text = clean(&String::from_utf8_lossy(line));
            return if text.trim().is_empty() { Line::Nothing } else { Line::Text(text.trim_end().to_owned()) };
        };
        let record = serde_json::from_slice::<Value>(json).ok().and_then(|value| record(&value));
        record.map_or(Line::Nothing, Line::Record)
    }
}

fn record(value: &Value) -> Option<Record> {
    let number = |key: &str| value.get(key).and_then(Value::as_u64);
    let words = |key: &str| clean(value.get(key).and_then(Value::as_str).unwrap_or_default());
    Some(match value.get("action")?.as_str()? {
        "start" => Record::Start { id: number("id")?, activity: number("type")?, text: words("text"), fields: fields(value) },
        "stop" => Record::Stop { id: number("id")? },
        "result" => Record::Result { id: number("id")?, result: number("type")?, fields: fields(value) },
        "msg" => Record::Message {
            level: number("level").unwrap_or(0),
            text: clean(value.get("msg")?.as_str()?).trim_end().to_owned(),
            place: place(value),
            trace: value.get("trace").and_then(Value::as_array).into_iter().flatten().filter_map(step).collect(),
        },
        _ => return None,
    })
}

fn fields(value: &Value) -> Vec<Field> {
    let field = |value: &Value| match value {
        Value::String(text) => Field::Text(text.clone()),
        // What is no number that we know keeps its place.
        other => Field::Number(other.as_u64().unwrap_or(0)),
    };
    value.get("fields").and_then(Value::as_array).into_iter().flatten().map(field).collect()
}

/// `file:line:column`, as far as it is known.
fn place(value: &Value) -> Option<String> {
    let file = clean(value.get("file")?.as_str()?);
    let number = |key: &str| value.get(key).and_then(Value::as_u64).map(|n| format!(":{n}")).unwrap_or_default();
    let place = format!("{}{}", number("line"), number("column"));
    // Some versions have it in the file already.
    Some(if file.ends_with(&place) { file } else { file + &place })
}

/// A step of a trace: what was being done, and where.
fn step(value: &Value) -> Option<String> {
    let said = clean(value.get("raw_msg")?.as_str()?).trim().to_owned();
    Some(match place(value) {
        Some(place) => format!("{said} ({place})"),
        None => said,
    })
}
