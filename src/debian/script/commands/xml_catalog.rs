//! `update-xmlcatalog` (xml-core): the XML catalogues of `/etc/xml`, which tell xsltproc, xmllint and others where DTDs and style
//! sheets are that documents name by an address on the network.
//!
//! A catalogue is written anew from the entries in `/var/lib/xml-core` at every call. The program has them in the order of Perl's
//! hashes, which is another one each time, unless `--sort` is given; here they are always sorted.

use std::collections::BTreeMap;

use super::options::Options;
use super::paths::{is_file, worse};
use crate::debian::script::shell::{Shell, Status};

const HEADER: &str = "/usr/share/xml-core/catalog.header";
const FOOTER: &str = "/usr/share/xml-core/catalog.footer";

/// A catalogue and what is added to it.
struct Addition {
    /// The catalogue.
    path: String,
    /// Where its entries are kept.
    data: String,
    /// `delegatePublic publicIdStartString="…"`.
    key: String,
    /// `catalog="file:///etc/xml/docbook-xml.xml"`.
    value: String,
    /// The file that must be there for it.
    needs: String,
}

pub(super) fn update(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "file id local package type");
    if options.has(&["del"]) {
        return shell.refuse("entries of XML catalogues are added only");
    }
    if options.stranger("add file id local package root type verbose sort").is_some() || !options.has(&["add"]) {
        return Some(1);
    }
    let Some(addition) = addition(&options) else { return Some(1) };
    if !is_file(shell, &addition.needs) {
        return shell.missing(&addition.needs, Some(1));
    }
    add(shell, addition)
}

/// What the options ask for; `None` when the program would refuse them.
fn addition(options: &Options) -> Option<Addition> {
    let value = |name: &str| options.value(&[name]);
    let (kind, id) = (value("type")?, value("id")?);
    let (delegate, start, exact) = match kind {
        "public" => ("delegatePublic", "publicIdStartString", "publicId"),
        "system" => ("delegateSystem", "systemIdStartString", "systemId"),
        "uri" => ("delegateURI", "uriStartString", "name"),
        _ => return None,
    };
    let delegated = |path: String, data: &str, to: String| Addition {
        path,
        data: format!("/var/lib/xml-core/{data}"),
        key: format!("{delegate} {start}=\"{id}\""),
        value: format!("catalog=\"file://{to}\""),
        needs: to,
    };
    match (options.has(&["root"]), value("package"), value("local"), value("file")) {
        (true, Some(package), None, None) => Some(delegated("/etc/xml/catalog".into(), "catalog", format!("/etc/xml/{package}.xml"))),
        (false, Some(package), Some(local), None) => Some(delegated(format!("/etc/xml/{package}.xml"), package, local.to_owned())),
        (false, None, Some(local), Some(file)) => Some(Addition {
            path: local.to_owned(),
            data: format!("/var/lib/xml-core/{}", local.replace('/', "_")),
            key: format!("{kind} {exact}=\"{id}\""),
            value: format!("uri=\"{file}\""),
            needs: file.to_owned(),
        }),
        _ => None,
    }
}

fn add(shell: &mut Shell<'_>, addition: Addition) -> Status {
    let Addition { path, data, key, value, .. } = addition;
    let known = match shell.read(&data) {
        None => Some(String::new()),
        Some(known) => known,
    };
    let texts = [HEADER, FOOTER].map(|path| shell.read(path).flatten());
    let (Some(known), [Some(header), Some(footer)]) = (known, texts) else {
        return shell.refuse(format!("what {path} is made of is not at hand"));
    };
    let mut entries: BTreeMap<&str, &str> = known.lines().filter_map(entry).collect();
    if *entries.entry(&key).or_insert(&value) != value {
        return Some(1);
    }
    let kept: String = entries.iter().map(|(key, value)| format!("<{key}><{value}>\n")).collect();
    let listed: String = entries.iter().map(|(key, value)| format!("<{key} {value}/>\n")).collect();
    let done = shell.write_file(&data, Some(kept));
    worse(done, shell.write_file(&path, Some(header + &listed + &footer)))
}

/// `<KEY><VALUE>`.
fn entry(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix('<')?.strip_suffix('>')?.split_once("><")
}
