//! `config6a` of Graphviz: which of its plugins can do what, without which `dot` knows no format.
//!
//! `dot -c` (`libgvc6-config-update` in Debian) loads every plugin and lists what it finds, in the order of their names. What a plugin
//! can do is the same on every architecture, and in bookworm and trixie, which both have Graphviz 2.42: `graphviz.config` is what it
//! writes when all plugins are there.

use super::Root;
use super::generated::Additions;

const ALL: &str = include_str!("graphviz.config");
/// The Graphviz that the list is of.
const SERIES: &str = "2.42.";

/// The list, for the plugins that are there.
pub(super) fn generate(root: &Root, out: &mut Additions) {
    let Some(library) = root.package("libgvc6") else { return };
    let plugins_in = |folder: &String| {
        let mut names = root.names(folder);
        names.retain(|name| name.starts_with("libgvplugin_") && name.ends_with(".so.6"));
        names
    };
    // `usr/lib/TRIPLET/graphviz`
    let folders = root.names("usr/lib").into_iter().map(|triplet| format!("usr/lib/{triplet}/graphviz"));
    let Some((plugins, folder)) = folders.map(|folder| (plugins_in(&folder), folder)).find(|(plugins, _)| !plugins.is_empty()) else {
        return;
    };
    let config = format!("{folder}/config6a");
    if !library.version.starts_with(SERIES) {
        out.remarks.push(format!(
            "/{config}, without which `dot` knows no format, is made for Graphviz {SERIES}x only, and this is {}: \
                                  run `dot -c` when the container starts, or take the file from an installed system into `files`",
            library.version
        ));
        return;
    }
    let newest = plugins.iter().filter_map(|name| root.resolve(&format!("{folder}/{name}"))).map(|(_, node)| root.age(node)).max();
    let (text, unknown) = listed(&plugins);
    out.remarks.extend(unknown.iter().map(|plugin| format!("what /{folder}/{plugin} can do is not known; /{config} is without it")));
    out.file(&config, text, newest.unwrap_or_default().max(library.newest));
}

/// The list for `plugins`, and those that are not known.
fn listed(plugins: &[String]) -> (String, Vec<&str>) {
    let mut blocks = Vec::new();
    let mut head = String::new();
    for line in ALL.split_inclusive('\n') {
        if line.starts_with("libgvplugin_") {
            blocks.push((line.split(' ').next().unwrap_or_default(), String::new()));
        }
        blocks.last_mut().map_or(&mut head, |(_, block)| block).push_str(line);
    }
    let unknown = plugins.iter().map(String::as_str).filter(|plugin| !blocks.iter().any(|(name, _)| name == plugin)).collect();
    let there = blocks.into_iter().filter(|(name, _)| plugins.iter().any(|plugin| plugin == name)).map(|(_, block)| block);
    (head + &there.collect::<String>(), unknown)
}

#[cfg(test)]
mod tests {
    use super::listed;
    use crate::image::Digest;

    /// With the plugins of libgvc6 alone, as `dot -c` of bookworm and of trixie wrote it.
    #[test]
    fn only_plugins_that_are_there_are_listed() {
        let names = ["core", "dot_layout", "gd", "neato_layout", "pango", "visio", "webp", "xlib"];
        let plugins: Vec<String> = names.iter().map(|name| format!("libgvplugin_{name}.so.6")).collect();
        let (text, unknown) = listed(&plugins);
        assert_eq!(unknown, [""; 0]);
        assert_eq!(Digest::of(text.as_bytes()).hex(), "2c2f13d02fc8853a77c2a87761f6167a462c5d48bfe904295867b0289f747c71");
        assert_eq!(listed(&["libgvplugin_new.so.6".into()]).1, ["libgvplugin_new.so.6"]);
    }
}
