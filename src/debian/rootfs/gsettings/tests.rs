//! Against what `glib-compile-schemas` wrote, and with what nobody should write.

use proptest::prelude::*;

use super::super::glib_table::Table;
use super::read::Schemas;
use super::schema::compiled;
use super::text::Text;
use super::variant::Type;
use crate::image::Digest;

/// Every row was checked with `g_variant_parse` and `g_variant_get_data` of GLib 2.84.
#[test]
fn values_are_serialised_as_glib_does() {
    for (of, text, bytes) in [
        ("b", "true", &b"\x01"[..]),
        ("i", "-0x10", b"\xf0\xff\xff\xff"),
        ("d", "1.5", b"\0\0\0\0\0\0\xf8?"),
        ("s", r#"'a\'\u00e9\n'"#, "a'é\n\0".as_bytes()),
        ("ay", r"b'a\101\n'", b"aA\n\0"),
        ("as", "['a', 'bc']", b"a\0bc\0\x02\x05"),
        ("as", "@as []", b""),
        ("(si)", "('a', 1)", b"a\0\0\0\x01\0\0\0\x02"),
        ("(yu)", "(1, 2)", b"\x01\0\0\0\x02\0\0\0"),
        ("a{sv}", "{'a': <1>, 'b': <'x'>}", b"a\0\0\0\0\0\0\0\x01\0\0\0\0i\x02\0b\0\0\0\0\0\0\0x\0\0s\x02\x0f\x1d"),
        ("mas", "nothing", b""),
        ("ms", "'a'", b"a\0\0"),
        ("mi", "just 1", b"\x01\0\0\0"),
        ("v", "<(1, 'a')>", b"\x01\0\0\0a\0\0(is)"),
        ("u", "uint32 7", b"\x07\0\0\0"),
    ] {
        let value = Text::parse(text).and_then(|parsed| parsed.value(&Type::parse(of).unwrap()));
        assert_eq!(value.map(|value| value.bytes).as_deref(), Some(bytes), "{text} as {of}");
    }
    for (of, text) in [
        ("y", "256"),
        ("u", "-1"),
        ("s", "1"),
        ("as", "['a'"),
        ("v", "<[]>"),
        ("(s)", "('a')"),
        ("i", "1 2"),
        ("as", "['a',]"),
        ("(ii)", "(1,2,)"),
        ("s", r"'\u0000'"),
    ] {
        assert_eq!(Text::parse(text).and_then(|parsed| parsed.value(&Type::parse(of).unwrap())), None, "{text} as {of}");
    }
}

/// The hash is that of the file which `glib-compile-schemas` of GLib 2.74 and 2.84 writes.
#[test]
fn a_database_is_the_one_that_glib_compiles() {
    let mut schemas = Schemas::default();
    assert_eq!(schemas.read(include_str!("test.gschema.xml")), Ok(()));
    let wrong = schemas.override_defaults(include_str!("test.gschema.override"));
    assert!(matches!(wrong.as_slice(), [wrong] if wrong.contains("level cannot be 9")), "{wrong:?}");
    let hash = Digest::of(&compiled(&schemas.schemas));
    assert_eq!(hash.hex(), "e452630ff9b8cd85f8f36d2f834b47b32dfddc1dba23f1f131911423e9e809dd");
}

#[test]
fn a_mistake_takes_its_file_away_and_no_other() {
    let mut schemas = Schemas::default();
    let file = |id: &str, default: &str| {
        format!(
            "<schemalist><schema id='{id}'><key name='k' type='i'><default>{default}</default><range min='1'/></key></schema></schemalist>"
        )
    };
    assert_eq!(schemas.read(&file("a", "1")), Ok(()));
    for wrong in [&*file("a", "1"), &file("b", "0"), &file("b", "x"), &file("b", "1")[..40], "<schemalist><enum id='e'/></schemalist>"] {
        assert!(schemas.read(wrong).is_err(), "{wrong}");
    }
    assert_eq!(schemas.schemas.len(), 1);
    assert_eq!(schemas.override_defaults("[a]\nk=0\nother=1\n[c]\nk=1\n[a:GNOME]\nk=3\n").len(), 2);
    assert!(compiled(&schemas.schemas).starts_with(b"GVariant"));
}

proptest! {
    #[test]
    fn a_table_has_all_it_was_given(names in prop::collection::btree_set("[a-z\u{e9}]{0,6}", 0..200)) {
        let mut table = Table::default();
        for name in &names {
            table.insert(name, ());
        }
        let mut found: Vec<&str> = table.iter().map(|(name, ())| name).collect();
        found.sort_unstable();
        prop_assert!(found.iter().eq(names.iter()));
    }

    #[test]
    fn any_file_is_read(text in "(<(schemalist|schema id='a'|key name='k' type='(i|as)'|enum id='e'|default|/default|/key|/schema|range min='1'/|a:b)>|[\\['1a&;,]){0,12}") {
        let mut schemas = Schemas::default();
        let _ = schemas.read(&text);
        let _ = schemas.override_defaults(&text);
        compiled(&schemas.schemas);
    }

    #[test]
    fn any_text_is_read(text in r#"([\[\](){}<>,:'"\\@as0-9.x -]|b'|just |nothing|uint32 |é|\\u){0,40}"#, of in "[asiv(){}m]{0,6}") {
        if let (Some(text), Some(of)) = (Text::parse(&text), Type::parse(&of)) {
            let _ = text.value(&of);
        }
        prop_assert!(Text::parse(&"[".repeat(10_000)).is_none() && Type::parse(&"a".repeat(10_000)).is_none());
    }
}
