//! Theme files: reading, inheriting, resolving; the built-in ones and a user's folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use ratatui::style::{Color, Modifier, Style};
use toml::{Table, Value};

use super::{GlyphSet, Meaning, Theme};
use crate::error::IoContext;
use crate::{Error, Result};

/// The themes that come with the program: name and text.
pub const BUILT_IN: [(&str, &str); 8] = [
    ("auto", include_str!("../../../themes/auto.toml")),
    ("dark", include_str!("../../../themes/dark.toml")),
    ("light", include_str!("../../../themes/light.toml")),
    ("high-contrast", include_str!("../../../themes/high-contrast.toml")),
    ("no-color", include_str!("../../../themes/no-color.toml")),
    ("catppuccin", include_str!("../../../themes/catppuccin.toml")),
    ("dracula", include_str!("../../../themes/dracula.toml")),
    ("tokyo-night", include_str!("../../../themes/tokyo-night.toml")),
];

/// A theme file larger than this is not one.
const MAX_FILE: u64 = 256 * 1024;

/// Every theme that can be chosen, by name.
#[derive(Clone, Debug)]
pub struct Library {
    sources: Vec<Source>,
}

#[derive(Clone, Debug)]
struct Source {
    name: String,
    origin: String,
    text: String,
}

/// One theme file, checked but not yet joined with its parent.
struct File {
    inherits: Option<String>,
    palette: BTreeMap<String, String>,
    meanings: BTreeMap<&'static str, Value>,
    glyphs: Option<GlyphSet>,
    spinner: Option<bool>,
}

impl Library {
    /// The built-in themes.
    pub fn built_in() -> Self {
        let source =
            |(name, text): (&str, &str)| Source { name: name.into(), origin: format!("built-in theme `{name}`"), text: text.into() };
        Library { sources: BUILT_IN.map(source).to_vec() }
    }

    /// The built-in themes and every `*.toml` of `folder`, which may be missing; its files win over built-in names.
    pub fn with_folder(folder: &Path) -> Result<Self> {
        let mut library = Self::built_in();
        let Ok(entries) = std::fs::read_dir(folder) else { return Ok(library) };
        let mut files: Vec<_> =
            entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.extension().is_some_and(|x| x == "toml")).collect();
        files.sort();
        for path in files {
            let Some(name) = path.file_stem().map(|n| n.to_string_lossy().into_owned()) else { continue };
            if std::fs::metadata(&path).at("reading theme", &path)?.len() > MAX_FILE {
                return Err(
                    Error::usage(format!("{} is too large for a theme", path.display())).hint("a theme is a few dozen lines of TOML")
                );
            }
            let text = std::fs::read_to_string(&path).at("reading theme", &path)?;
            library.sources.retain(|s| s.name != name);
            library.sources.push(Source { name, origin: path.display().to_string(), text });
        }
        Ok(library)
    }

    /// The names that can be chosen, built-in ones first.
    pub fn names(&self) -> Vec<&str> {
        self.sources.iter().map(|s| s.name.as_str()).collect()
    }

    /// The theme called `name`, resolved.
    pub fn load(&self, name: &str) -> Result<Theme> {
        let mut chain = Vec::new();
        let mut next = Some(name.to_owned());
        while let Some(name) = next.take() {
            let source = self
                .sources
                .iter()
                .find(|s| s.name == name)
                .ok_or_else(|| Error::usage(format!("there is no theme `{name}`")).hint(suggest(&name, self.names().into_iter())))?;
            let file = File::parse(&source.text, &source.origin)?;
            next = file.inherits.clone();
            chain.push((source.origin.clone(), file));
            if chain.len() > 8 {
                return Err(Error::usage(format!("theme `{name}` inherits itself"))
                    .hint("follow its `inherits` lines: they must end at a theme without one"));
            }
        }
        resolve(name, chain)
    }
}

impl File {
    fn parse(text: &str, origin: &str) -> Result<Self> {
        let table: Table =
            text.parse().map_err(|error: toml::de::Error| Error::usage(format!("{origin}: {}", error.message())).source(error))?;
        let mut file = File { inherits: None, palette: BTreeMap::new(), meanings: BTreeMap::new(), glyphs: None, spinner: None };
        let wrong = |key: &str, what: &str| Error::usage(format!("{origin}: `{key}` must be {what}"));
        for (key, value) in &table {
            match key.as_str() {
                "name" => drop(value.as_str().ok_or_else(|| wrong(key, "a text"))?),
                "inherits" => file.inherits = Some(value.as_str().ok_or_else(|| wrong(key, "the name of a theme"))?.to_owned()),
                "palette" => {
                    for (name, color) in value.as_table().ok_or_else(|| wrong(key, "a table"))? {
                        file.palette.insert(name.clone(), color.as_str().ok_or_else(|| wrong(name, "a colour"))?.to_owned());
                    }
                }
                "meaning" => {
                    for (name, value) in value.as_table().ok_or_else(|| wrong(key, "a table"))? {
                        let meaning =
                            Meaning::named(name).ok_or_else(|| unknown(origin, "meaning", name, Meaning::ALL.map(Meaning::name)))?;
                        file.meanings.insert(meaning.name(), value.clone());
                    }
                }
                "glyphs" => {
                    for (name, value) in value.as_table().ok_or_else(|| wrong(key, "a table"))? {
                        file.glyphs = match (name.as_str(), value.as_str()) {
                            ("set", Some("unicode")) => Some(GlyphSet::Unicode),
                            ("set", Some("ascii")) => Some(GlyphSet::Ascii),
                            ("set", _) => return Err(wrong("glyphs.set", "\"unicode\" or \"ascii\"")),
                            _ => return Err(unknown(origin, "glyphs key", name, ["set"])),
                        };
                    }
                }
                "motion" => {
                    for (name, value) in value.as_table().ok_or_else(|| wrong(key, "a table"))? {
                        match name.as_str() {
                            "spinner" => file.spinner = Some(value.as_bool().ok_or_else(|| wrong("motion.spinner", "true or false"))?),
                            _ => return Err(unknown(origin, "motion key", name, ["spinner"])),
                        }
                    }
                }
                _ => return Err(unknown(origin, "key", key, ["name", "inherits", "palette", "meaning", "glyphs", "motion"])),
            }
        }
        Ok(file)
    }
}

/// Joins a theme with its ancestors (`chain`: itself first) and gives every meaning a style.
fn resolve(name: &str, chain: Vec<(String, File)>) -> Result<Theme> {
    let origin = chain.first().map(|(origin, _)| origin.clone()).unwrap_or_default();
    let (mut palette, mut meanings) = (BTreeMap::new(), BTreeMap::new());
    let (mut glyphs, mut spinner) = (GlyphSet::Unicode, true);
    for (_, file) in chain.into_iter().rev() {
        palette.extend(file.palette);
        meanings.extend(file.meanings);
        glyphs = file.glyphs.unwrap_or(glyphs);
        spinner = file.spinner.unwrap_or(spinner);
    }
    let source = Resolver { origin: &origin, palette: &palette, meanings: &meanings };
    let mut styles = [Style::new(); Meaning::ALL.len()];
    for meaning in Meaning::ALL {
        styles[meaning as usize] = source.style(meaning, 0)?;
    }
    Ok(Theme::new(name.to_owned(), glyphs, spinner, styles))
}

struct Resolver<'a> {
    origin: &'a str,
    palette: &'a BTreeMap<String, String>,
    meanings: &'a BTreeMap<&'static str, Value>,
}

impl Resolver<'_> {
    fn style(&self, meaning: Meaning, depth: usize) -> Result<Style> {
        let (name, fallback) = meaning.name_and_fallback();
        if depth > Meaning::ALL.len() {
            return Err(Error::usage(format!("{}: `{name}` is defined by itself", self.origin)).hint("give it a colour"));
        }
        match (self.meanings.get(name), fallback) {
            (Some(Value::String(word)), _) => self.word(meaning, word, depth),
            (Some(Value::Table(table)), _) => self.table(meaning, table),
            (Some(_), _) => {
                Err(Error::usage(format!("{}: `{name}` must be a colour or a table like {{ fg = \"red\", bold = true }}", self.origin)))
            }
            (None, Some(fallback)) => self.style(fallback, depth + 1),
            (None, None) => Ok(Style::new()),
        }
    }

    /// A colour, or the name of another meaning to look like.
    fn word(&self, meaning: Meaning, word: &str, depth: usize) -> Result<Style> {
        if !self.palette.contains_key(word)
            && let Some(other) = Meaning::named(word)
        {
            return self.style(other, depth + 1);
        }
        let color = self.color(word)?;
        Ok(if meaning == Meaning::Background { Style::new().bg(color) } else { Style::new().fg(color) })
    }

    fn table(&self, meaning: Meaning, table: &Table) -> Result<Style> {
        let name = meaning.name();
        let mut style = Style::new();
        for (key, value) in table {
            let modifier = match key.as_str() {
                "fg" | "bg" => {
                    let word = value.as_str().ok_or_else(|| Error::usage(format!("{}: `{name}.{key}` must be a colour", self.origin)))?;
                    let color = self.color(word)?;
                    style = if key == "fg" { style.fg(color) } else { style.bg(color) };
                    continue;
                }
                "bold" => Modifier::BOLD,
                "dim" => Modifier::DIM,
                "italic" => Modifier::ITALIC,
                "underline" => Modifier::UNDERLINED,
                "reverse" => Modifier::REVERSED,
                _ => {
                    return Err(unknown(
                        self.origin,
                        &format!("key of `{name}`"),
                        key,
                        ["fg", "bg", "bold", "dim", "italic", "underline", "reverse"],
                    ));
                }
            };
            match value.as_bool() {
                Some(true) => style = style.add_modifier(modifier),
                Some(false) => {}
                None => return Err(Error::usage(format!("{}: `{name}.{key}` must be true or false", self.origin))),
            }
        }
        Ok(style)
    }

    fn color(&self, word: &str) -> Result<Color> {
        let word = self.palette.get(word).map_or(word, String::as_str);
        Color::from_str(word).map_err(|_| {
            let names = self.palette.keys().map(String::as_str).chain([
                "reset",
                "red",
                "green",
                "yellow",
                "blue",
                "magenta",
                "cyan",
                "bright-black",
            ]);
            Error::usage(format!("{}: `{word}` is not a colour", self.origin))
                .hint(format!("{}; or write #rrggbb, an ANSI name or a number from 0 to 255", suggest(word, names)))
        })
    }
}

fn unknown<'a>(origin: &str, what: &str, word: &str, known: impl IntoIterator<Item = &'a str>) -> Error {
    Error::usage(format!("{origin}: unknown {what} `{word}`")).hint(suggest(word, known.into_iter()))
}

/// `did you mean `x`?`, or what there is.
pub(crate) fn suggest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let near =
        known.iter().map(|k| (strsim::jaro_winkler(k, word), k)).filter(|(likeness, _)| *likeness > 0.8).max_by(|a, b| a.0.total_cmp(&b.0));
    match near {
        Some((_, near)) => format!("did you mean `{near}`?"),
        None => format!("there are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(color: Color) -> f64 {
        let Color::Rgb(r, g, b) = color else { panic!("{color:?} is no true colour") };
        let linear = |v: u8| {
            let v = f64::from(v) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    /// WCAG 2.2 contrast ratio.
    fn contrast(a: Color, b: Color) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn every_painted_theme_can_be_read_on_its_background_and_on_the_selection() {
        // Whatever paints its own background is held to it; who adds a theme need not think of this test.
        let painted = BUILT_IN.map(|(name, _)| name).into_iter().filter(|name| !matches!(*name, "auto" | "no-color"));
        for name in painted {
            let least = if name == "high-contrast" { 7.0 } else { 4.5 };
            let theme = Library::built_in().load(name).unwrap();
            let selection = theme.style(Meaning::Selection).bg.unwrap();
            for meaning in Meaning::ALL {
                if matches!(meaning, Meaning::Background | Meaning::Selection | Meaning::Border) {
                    continue;
                }
                let fg = theme.style(meaning).fg.unwrap();
                for ground in [theme.background(), selection] {
                    let ratio = contrast(fg, ground);
                    assert!(ratio >= least, "{name}: {meaning:?} has {ratio:.2}:1");
                }
            }
        }
    }

    #[test]
    fn auto_uses_only_colours_every_terminal_decides_itself_and_no_color_none() {
        for (name, colours) in [("auto", true), ("no-color", false)] {
            let theme = Library::built_in().load(name).unwrap();
            for meaning in Meaning::ALL {
                for color in [theme.style(meaning).fg, theme.style(meaning).bg].into_iter().flatten() {
                    assert!(
                        !matches!(color, Color::Rgb(..) | Color::Indexed(_) | Color::White | Color::Black | Color::LightYellow),
                        "{color:?}"
                    );
                    assert!(colours || color == Color::Reset, "{name}: {meaning:?}");
                }
            }
        }
    }

    #[test]
    fn mistakes_are_answered_with_the_near_name() {
        let hint = |text: &str| File::parse(text, "x").map(|_| ()).unwrap_err().advice().map(str::to_owned).unwrap();
        assert_eq!(hint("[meaning]\nsucess = \"red\""), "did you mean `success`?");
        assert_eq!(hint("inherit = \"auto\""), "did you mean `inherits`?");
        assert!(Library::built_in().load("darc").unwrap_err().advice().unwrap().contains("`dark`"));
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mine.toml"), "inherits = \"dark\"\n[meaning]\naccent = \"lagon\"").unwrap();
        let library = Library::with_folder(folder.path()).unwrap();
        assert!(library.load("mine").unwrap_err().advice().unwrap().contains("`lagoon`"));
        std::fs::write(folder.path().join("mine.toml"), "inherits = \"mine\"").unwrap();
        assert!(Library::with_folder(folder.path()).unwrap().load("mine").is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_theme_or_an_error(text in "(\\[meaning\\]\n)?[a-z_]{0,8} ?= ?[\"{a-z#0-9 =}]{0,20}\n?[^\u{0}]{0,40}") {
            if let Ok(file) = File::parse(&text, "x") {
                let _ = resolve("x", vec![("x".into(), file)]);
            }
        }
    }
}
