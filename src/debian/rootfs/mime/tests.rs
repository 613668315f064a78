//! With what nobody should write, and what is easily got wrong.

use proptest::prelude::*;

use super::cache::cache;
use super::database::Database;
use crate::image::Digest;

fn read(types: &str) -> (Database, Vec<String>) {
    let mut database = Database::default();
    let wrong = database.read(&format!("<mime-info xmlns='http://www.freedesktop.org/standards/shared-mime-info'>{types}</mime-info>"), 1);
    database.sort();
    (database, wrong)
}

fn file(database: &Database, name: &str) -> String {
    let files = database.files();
    let file = files.iter().find(|file| file.name == name).unwrap_or_else(|| panic!("there is no {name}"));
    String::from_utf8_lossy(&file.bytes).into_owned()
}

/// What `update-mime-database` 2.2 and 2.4 write of the same file; of its cache, the hash.
#[test]
fn types_are_written_as_the_program_does() {
    let mut database = Database::default();
    assert_eq!(database.read(include_str!("test.xml"), 1), [""; 0]);
    database.sort();
    assert_eq!(
        file(&database, "text/x-a.xml"),
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <mime-type xmlns=\"http://www.freedesktop.org/standards/shared-mime-info\" type=\"text/x-A\">\n  \
         <!--Created automatically by update-mime-database. DO NOT EDIT!-->\n  \
         <comment xml:lang=\"de\">D &amp; \"d\"</comment>\n  <comment>A</comment>\n  <glob pattern=\"*.AA\"/>\n  \
         <glob pattern=\"*.C\" case-sensitive=\"true\" weight=\"60\"/>\n  \
         <x:more xmlns:x=\"urn:x\" y=\"&lt;&#10;\"> <x:in/></x:more>\n  <alias type=\"text/a\"/>\n</mime-type>\n"
    );
    assert!(file(&database, "globs2").ends_with(
        "\n0:text/x-b:__NOGLOBS__\n60:text/x-A:*.C:cs\n60:text/x-A:*.C\n50:text/x-b:[mm]x*\n50:text/x-A:*.aa\n50:text/x-b:*.b.aa\n\
         50:text/x-b:makefile\n50:text/x-b:*é\n"
    ));
    assert_eq!(
        file(&database, "magic"),
        "MIME-Magic\0\n[0:text/x-b]\n>0=\0\u{b}__NOMAGIC__\n[60:text/x-A]\n>0=\0\u{3}AB\n&\u{fffd}\u{f}\0+4\n1>4=\0\u{2}\u{1}\u{2}~2\n\
         1>4=\0\u{4}\u{7}\0\0\0&\u{fffd}\u{fffd}\0\0\n"
    );
    assert_eq!(
        file(&database, "treemagic"),
        "MIME-TreeMagic\0\n[50:x-content/c]\n>\"A/B\"=directory,non-empty\n1>\"C\"=any,match-case,executable,text/plain\n"
    );
    assert_eq!(Digest::of(&cache(&database)).hex(), "92ed67adb9ca5de14d581abc23907e0b155837ad0041aa91fbd03d3ec71b5080");
}

#[test]
fn a_mistake_is_told_and_takes_no_other_type_away() {
    let (database, wrong) = read(
        "<mime-type type='a'/><mime-type type='../x'/><mime-type type='a/b'><glob pattern='*.b' weight='x'/><glob pattern='*.c'/></mime-type>\
         <mime-type type='a/c'><magic><match type='byte' offset='0' value='256'/></magic></mime-type><mime-type type='a/d'><glob pattern='d'/></mime-type>",
    );
    assert_eq!(wrong.len(), 4, "{wrong:?}");
    assert_eq!(file(&database, "types"), "a/b\na/c\na/d\n");
    assert!(file(&database, "globs").ends_with("EDIT!\na/d:d\n"));
    assert_eq!(Database::default().read("<mime-info/>", 0).len() + Database::default().read("<a><b></a>", 0).len(), 2);
}

proptest! {
    #[test]
    fn any_file_is_read(text in "(<mime-type type='a/[b-d]'>|</mime-type>|<glob pattern='[*a\\[é.]{0,4}'/>|<magic>|</magic>|<match type='(string|big32)' offset='[0-9:]{0,4}' value='[\\\\x0-9a]{0,4}'>|</match>|<alias type='x/y'/>|&amp;|<!--|-->|<é:a/>){0,14}") {
        let (database, _) = read(&text);
        database.files();
        cache(&database);
    }
}
