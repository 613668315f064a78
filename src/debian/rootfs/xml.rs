//! What the readers of XML files have in common.

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

/// The text that `event` adds to an element, if it is one that does.
///
/// # Errors
/// It names a character or an entity that there is not.
pub(super) fn text(event: &Event<'_>) -> Result<Option<String>, String> {
    Ok(match event {
        Event::Text(text) => Some(text.xml10_content().into_owned()),
        Event::CData(text) => Some(text.xml10_content().into_owned()),
        Event::GeneralRef(name) => {
            let character = name.resolve_char_ref().map_err(|error| error.to_string())?.map(String::from);
            Some(character.or_else(|| resolve_predefined_entity(name).map(str::to_owned)).ok_or("an entity is not known")?)
        }
        _ => None,
    })
}
