//! How the entries of a layer are written into a record: folders once, then rows of folder, name, kind, mode, owner and group.

use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Entries;
use crate::image::EntryKind;

#[derive(Serialize)]
struct Out<'a> {
    folders: Vec<(u32, &'a str)>,
    rows: RowsOut<'a>,
}

struct RowsOut<'a>(&'a Entries);

impl Serialize for RowsOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.0.len()))?;
        for entry in self.0.iter() {
            rows.serialize_element(&(entry.folder, entry.name, entry.kind, entry.mode, entry.uid, entry.gid))?;
        }
        rows.end()
    }
}

impl Serialize for Entries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let folders = (1..self.folders() as u32).map(|folder| self.parent(folder)).collect();
        Out { folders, rows: RowsOut(self) }.serialize(serializer)
    }
}

#[derive(Deserialize)]
struct In {
    folders: Vec<(u32, String)>,
    rows: RowsIn,
}

/// Rows whose folders are not there yet.
struct RowsIn(Entries);

impl<'de> Deserialize<'de> for RowsIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rows;
        impl<'de> Visitor<'de> for Rows {
            type Value = RowsIn;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("rows of a layer's entries")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<RowsIn, A::Error> {
                let mut entries = Entries::default();
                while let Some((folder, name, kind, mode, uid, gid)) = rows.next_element::<(u32, String, EntryKind, _, _, _)>()? {
                    let pushed = entries.push_in(folder, &name, kind, mode, (uid, gid));
                    pushed.ok_or_else(|| A::Error::custom("a row that no tar has"))?;
                }
                Ok(RowsIn(entries))
            }
        }
        deserializer.deserialize_seq(Rows)
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let In { folders, rows: RowsIn(mut entries) } = In::deserialize(deserializer)?;
        for (parent, name) in folders {
            // A folder comes after the one it is in: so there are no circles.
            let known = (parent as usize) < entries.folders();
            known.then(|| entries.add_folder(parent, &name)).flatten().ok_or_else(|| D::Error::custom("a folder in no folder"))?;
        }
        if entries.iter().any(|entry| entry.folder as usize >= entries.folders()) {
            return Err(D::Error::custom("an entry in no folder"));
        }
        entries.finish();
        Ok(entries)
    }
}
