//! What the files in `/usr/share/mime/packages` say of types, put together.

use super::super::glib_table::Table;
use super::element::{Element, FREEDESKTOP, escape};
use super::magic::{Magic, TreeMagic, importance};

/// A pattern that takes away what others say of the type.
const NO_GLOBS: &str = "__NOGLOBS__";
/// No name of a file is longer.
const LONGEST: usize = 255;

/// A pattern of names.
#[derive(Clone, Debug)]
pub(super) struct Glob {
    pub pattern: String,
    pub of: String,
    pub weight: u32,
    pub deletes: bool,
    pub is_case_sensitive: bool,
}

/// What stands in a type's own file.
#[derive(Debug, Default)]
pub(super) struct Type {
    fields: Vec<Element>,
    /// How new the newest file is that says something of it.
    age: u64,
}

/// A file that is made.
pub(super) struct File {
    /// Below `/usr/share/mime`.
    pub name: String,
    pub bytes: Vec<u8>,
    /// How new it is; `None`: as everything together. So a package that adds a type changes no file of the others.
    pub age: Option<u64>,
}

/// Everything that is said of types.
#[derive(Debug, Default)]
pub(super) struct Database {
    pub types: Table<Type>,
    pub globs: Table<Vec<Glob>>,
    pub magic: Vec<Magic>,
    pub tree_magic: Vec<TreeMagic>,
    /// Types by `NAMESPACE ELEMENT`.
    pub roots: Table<String>,
    pub parents: Table<Vec<String>>,
    pub aliases: Table<String>,
    pub icons: Table<String>,
    pub generic_icons: Table<String>,
}

impl Database {
    /// Reads a file that is so new; what is wrong with it comes back.
    pub(super) fn read(&mut self, text: &str, age: u64) -> Vec<String> {
        let root = match Element::read(text) {
            Ok(root) => root,
            Err(wrong) => return vec![wrong],
        };
        if !root.is("mime-info") {
            return vec![format!("<{}> instead of <mime-info>", root.name)];
        }
        root.elements().filter_map(|element| self.read_type(element, age).err()).collect()
    }

    fn read_type(&mut self, element: &Element, age: u64) -> Result<(), String> {
        let of = element.attribute("type").filter(|_| element.is("mime-type"));
        let of = of.ok_or_else(|| format!("<{}> instead of a <mime-type>", element.name))?;
        // The two parts become the name of a file.
        let is_type =
            |(media, sub): (&str, &str)| !sub.contains('/') && ![media, sub].iter().any(|part| part.starts_with('.') || part.is_empty());
        if !of.split_once('/').is_some_and(is_type) || of.len() > LONGEST || of.contains(char::is_control) {
            return Err(format!("`{of}` is no type"));
        }
        let known = self.types.entry(of);
        known.age = known.age.max(age);
        for field in element.elements() {
            let is_copied = match field.namespace == FREEDESKTOP {
                true => self.read_field(of, field).map_err(|wrong| format!("{of}: {wrong}"))?,
                false => true,
            };
            if is_copied {
                let fields = &mut self.types.entry(of).fields;
                let language = field.attribute("xml:lang");
                if field.is("comment")
                    && let Some(old) = fields.iter().position(|old| old.is("comment") && old.attribute("xml:lang") == language)
                {
                    fields.remove(old);
                }
                fields.push(field.clone());
            }
        }
        Ok(())
    }

    /// Whether the field stands in the type's own file, too.
    fn read_field(&mut self, of: &str, field: &Element) -> Result<bool, String> {
        let name = field.local_name();
        match name {
            "glob" => {
                let weight = importance(field, "weight")?;
                let pattern = field.attribute("pattern").filter(|pattern| !pattern.is_empty()).ok_or("a <glob> without pattern")?;
                if pattern.len() > LONGEST || pattern.contains('\n') {
                    return Err("a pattern that no name can have".into());
                }
                let is_case_sensitive = field.attribute("case-sensitive") == Some("true");
                let pattern = if is_case_sensitive { pattern.to_owned() } else { pattern.to_ascii_lowercase() };
                self.add_glob(Glob { pattern, of: of.to_owned(), weight, deletes: false, is_case_sensitive });
            }
            "glob-deleteall" => {
                let nothing = Glob { pattern: NO_GLOBS.into(), of: of.to_owned(), weight: 0, deletes: true, is_case_sensitive: false };
                self.add_glob(nothing);
            }
            "magic" => self.magic.push(Magic::read(of, field)?),
            "magic-deleteall" => self.magic.push(Magic::deleting(of)),
            "treemagic" => self.tree_magic.push(TreeMagic::read(of, field)?),
            "alias" | "sub-class-of" => {
                let other = field.attribute("type").filter(|other| other.contains('/')).ok_or_else(|| format!("<{name}> of no type"))?;
                match name {
                    "alias" => self.aliases.set(other, of.to_owned()),
                    _ => self.parents.entry(of).push(other.to_owned()),
                }
            }
            "root-XML" => {
                let (namespace, local) = (field.attribute("namespaceURI"), field.attribute("localName"));
                let (Some(namespace), Some(local)) = (namespace, local) else { return Err("an incomplete <root-XML>".into()) };
                if namespace.is_empty() && local.is_empty() || [namespace, local].concat().contains([' ', '\n']) {
                    return Err(format!("a <root-XML> of `{namespace}` `{local}`"));
                }
                self.roots.set(&format!("{namespace} {local}"), of.to_owned());
            }
            "icon" | "generic-icon" => {
                let Some(icon) = field.attribute("name") else { return Ok(false) };
                let icons = if name == "icon" { &mut self.icons } else { &mut self.generic_icons };
                icons.set(of, icon.to_owned());
            }
            "comment" | "acronym" | "expanded-acronym" => {}
            _ => return Ok(false),
        }
        Ok(!matches!(name, "magic" | "magic-deleteall" | "treemagic" | "root-XML"))
    }

    fn add_glob(&mut self, glob: Glob) {
        self.globs.entry(&glob.pattern.clone()).push(glob);
    }

    /// Sorts what has priorities, as it is written everywhere.
    pub(super) fn sort(&mut self) {
        self.magic.sort_by(|a, b| {
            let of = |magic: &Magic| magic.of.split_once('/').map(|(media, sub)| (media.to_owned(), sub.to_owned()));
            match a.deletes || b.deletes {
                true => b.deletes.cmp(&a.deletes),
                false => b.priority.cmp(&a.priority).then_with(|| of(a).cmp(&of(b))),
            }
        });
        self.tree_magic.sort_by(|a, b| b.priority.cmp(&a.priority).then_with(|| a.of.split('/').cmp(b.of.split('/'))));
    }

    /// Each text file by its name, and each type's own.
    pub(super) fn files(&self) -> Vec<File> {
        const HEAD: &str = "# This file was automatically generated by the\n# update-mime-database command. DO NOT EDIT!\n";
        let mut globs: Vec<&Glob> = self.globs.iter().flat_map(|(_, globs)| globs).collect();
        globs.sort_by_key(|glob| (!glob.deletes, std::cmp::Reverse(glob.weight)));
        let simple: String = globs.iter().map(|glob| format!("{}:{}\n", glob.of, glob.pattern)).collect();
        let weighted = globs.iter().map(|glob| {
            let line = format!("{}:{}:{}", glob.weight, glob.of, glob.pattern);
            // Older readers know no flags.
            if glob.is_case_sensitive { format!("{line}:cs\n{line}\n") } else { format!("{line}\n") }
        });
        let mut magic = b"MIME-Magic\0\n".to_vec();
        self.magic.iter().for_each(|one| one.write(&mut magic));
        let mut tree_magic = "MIME-TreeMagic\0\n".to_owned();
        self.tree_magic.iter().for_each(|one| one.write(&mut tree_magic));
        let pairs = |table: &Table<String>, between: &str| table.iter().map(|(a, b)| format!("{a}{between}{b}\n")).collect::<Vec<_>>();
        let sorted = |mut lines: Vec<String>| {
            lines.sort();
            lines.concat()
        };
        let parents = self.parents.iter().flat_map(|(of, parents)| parents.iter().map(move |parent| format!("{of} {parent}\n")));
        let texts = [
            ("globs", HEAD.to_owned() + &simple),
            ("globs2", HEAD.to_owned() + &weighted.collect::<String>()),
            ("XMLnamespaces", sorted(pairs(&self.roots, " "))),
            ("subclasses", parents.collect()),
            ("aliases", sorted(pairs(&self.aliases, " "))),
            ("types", sorted(self.types.iter().map(|(of, _)| format!("{of}\n")).collect())),
            ("generic-icons", pairs(&self.generic_icons, ":").concat()),
            ("icons", pairs(&self.icons, ":").concat()),
            ("treemagic", tree_magic),
        ];
        let texts = texts.map(|(name, text)| (name, text.into_bytes())).into_iter().chain([("magic", magic)]);
        let texts = texts.map(|(name, bytes)| File { name: name.to_owned(), bytes, age: None });
        let types = self.types.iter().map(|(of, known)| {
            let (name, bytes) = (format!("{}.xml", of.to_ascii_lowercase()), own_file(of, &known.fields).into_bytes());
            File { name, bytes, age: Some(known.age) }
        });
        texts.chain(types).collect()
    }
}

/// A type's own file.
fn own_file(of: &str, fields: &[Element]) -> String {
    let mut text = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<mime-type xmlns=\"{FREEDESKTOP}\" type=\"");
    escape(&mut text, of, true);
    text.push_str("\">\n  <!--Created automatically by update-mime-database. DO NOT EDIT!-->\n");
    for field in fields {
        text.push_str("  ");
        field.write(&mut text, &[FREEDESKTOP]);
        text.push('\n');
    }
    text + "</mime-type>\n"
}
