//! XML and SGML catalogues, on a system in memory. What is expected is what `update-xmlcatalog` and `update-catalog` write.

use super::evaluate_tests::run_as;
use super::memory_system::{Bytes, MemorySystem, Node};
use super::{Class, Evaluation};

/// A system with xml-core and sgml-base, on which a postinst has run.
fn configured(text: &str) -> (Evaluation, MemorySystem) {
    let mut system = MemorySystem::new();
    for folder in ["/etc/xml", "/etc/sgml", "/var/lib/xml-core", "/var/lib/sgml-base", "/usr/share/xml-core", "/usr/share/sgml-base"] {
        system.put(folder, Node::Directory, 0o755);
    }
    for (path, text) in [
        ("/usr/sbin/update-xmlcatalog", "#!/usr/bin/perl\n"),
        ("/usr/sbin/update-catalog", "#!/usr/bin/perl\n"),
        ("/usr/share/xml-core/catalog.header", "<catalog>\n"),
        ("/usr/share/xml-core/catalog.footer", "</catalog>\n"),
        ("/usr/share/sgml-base/catalog.centralized", "-- CATALOG --\n"),
        ("/usr/share/one.xml", ""),
        ("/etc/sgml/one.cat", "-- CATALOG nothing -- CATALOG \"/usr/share/one.xml\"\n"),
        ("/etc/sgml/stale.cat", "BASE /usr/share CATALOG \"two.xml\"\n"),
    ] {
        system.file(path, text, 0o644);
    }
    let done = run_as(&mut system, "postinst", format!("#!/bin/sh\nset -e\n{text}\n").as_bytes(), &["configure", ""]);
    (done, system)
}

#[track_caller]
fn is(system: &MemorySystem, path: &str, text: &str) {
    let Some(Node::File(Bytes::Here(bytes))) = system.files.get(path).map(|inode| &inode.node) else { panic!("there is no {path}") };
    assert_eq!(String::from_utf8_lossy(bytes), text, "{path}");
}

#[test]
fn xml_catalogues_are_written_from_their_entries() {
    let (done, system) = configured(
        "update-xmlcatalog --sort --add --type system --id 'http://x/y.dtd' --package p --local /usr/share/one.xml\n\
         update-xmlcatalog --add --type public --id '-//X//Y//EN' --package p --local /usr/share/one.xml\n\
         update-xmlcatalog --add --type public --id '-//X//Y//EN' --package p --local /usr/share/one.xml\n\
         update-xmlcatalog --add --type uri --id 'http://x/' --package p --root\n\
         ! update-xmlcatalog --add --type uri --id 'http://x/' --package other --root\n\
         ! update-xmlcatalog --add --type uri --id 'http://x/' --package p --local /usr/share/two.xml",
    );
    assert_eq!((done.class, done.unhandled), (Class::Emulated, vec![]));
    let one = "catalog=\"file:///usr/share/one.xml\"";
    let (public, url) = ("delegatePublic publicIdStartString=\"-//X//Y//EN\"", "delegateSystem systemIdStartString=\"http://x/y.dtd\"");
    is(&system, "/etc/xml/p.xml", &format!("<catalog>\n<{public} {one}/>\n<{url} {one}/>\n</catalog>\n"));
    is(&system, "/var/lib/xml-core/p", &format!("<{public}><{one}>\n<{url}><{one}>\n"));
    is(
        &system,
        "/etc/xml/catalog",
        "<catalog>\n<delegateURI uriStartString=\"http://x/\" catalog=\"file:///etc/xml/p.xml\"/>\n</catalog>\n",
    );
}

#[test]
fn sgml_catalogues_that_name_what_is_not_there_are_left_out() {
    let (done, system) = configured(
        "update-catalog --quiet --add /etc/sgml/new.cat /usr/share/one.xml\nupdate-catalog --add --super /etc/sgml/new.cat\n\
         update-catalog --quiet --update-super",
    );
    assert_eq!((done.class, done.unhandled), (Class::Emulated, vec![]));
    is(&system, "/etc/sgml/new.cat", "-- /etc/sgml/new.cat --\nCATALOG /usr/share/one.xml\n");
    is(
        &system,
        "/var/lib/sgml-base/supercatalog",
        "--\n## This file is created by update-catalog with update-super.\n## Please see update-catalog(8) for how to modify this file.\n--\n\
         CATALOG /etc/sgml/new.cat\nCATALOG /etc/sgml/one.cat\n",
    );
}
