//! Step 2: the version and the tags, and where they will point, as they are typed.

use ratatui::layout::Rect;

use super::state::{containers, request};
use crate::catalog::Target;
use crate::tui::model::Model;
use crate::tui::theme::{Glyph, Meaning};
use crate::tui::widget::{Canvas, below, draw_input, right_of, row};

/// Why `tag` cannot be one, if it cannot (distribution-spec: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`).
pub fn problem(tag: &str) -> Option<&'static str> {
    let tag = tag.trim();
    if tag.is_empty() {
        return Some("a release needs a version");
    }
    if tag.len() > 128 {
        return Some("a tag has at most 128 characters");
    }
    if !tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        return Some("a tag begins with a letter, a digit or `_`");
    }
    let fine = tag.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    (!fine).then_some("a tag has letters, digits, `.`, `_` and `-` only")
}

/// What each tag of a container will name, as the plan will say it.
fn expansion(model: &Model, targets: &[&Target], version: &str, more: &[String]) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let Some(first) = targets.first() else { return out };
    let repository = match &model.state.registry {
        Some(template) => template.replace("{container}", first.container.as_str()),
        None => first.container.to_string(),
    };
    if targets.len() > 1 {
        for target in targets {
            out.push((
                format!("{repository}:{version}-{}", target.architecture.tag_suffix()),
                format!("the {} image", target.architecture),
            ));
        }
    }
    let what = if targets.len() > 1 { format!("the index of {} images", targets.len()) } else { "the image".to_owned() };
    out.push((format!("{repository}:{version}"), what.clone()));
    out.extend(more.iter().map(|tag| (format!("{repository}:{tag}"), what.clone())));
    out
}

/// ```text
///   version   1.5.0
///   tags      none: the tag rule decides
///   force     [ ] overwrite a version that exists and differs
///
///   ghcr.io/acme/fd:1.5.0-amd64   → the x86_64 image
///   ghcr.io/acme/fd:1.5.0         → the index of 2 images
/// ```
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let release = &model.release;
    let fields = below(area, 1);
    for (i, label) in ["version", "tags", "force"].into_iter().enumerate() {
        let line = row(fields, i * 2);
        let here = release.field == i;
        if here {
            canvas.text(line, canvas.glyph(Glyph::Gutter), Meaning::Accent);
        }
        canvas.text(right_of(line, 2), label, if here { Meaning::Title } else { Meaning::Muted });
        let value = right_of(line, 12);
        match i {
            0 => draw_input(canvas, value, &release.version, "1.2.0", here),
            1 => draw_input(canvas, value, &release.tags, "none: the tag rule decides (latest on main)", here),
            _ => {
                let mark = if release.force { "[x]" } else { "[ ]" };
                canvas.text(
                    value,
                    &format!("{mark} overwrite a version that exists and differs"),
                    if release.force { Meaning::Warning } else { Meaning::Muted },
                );
            }
        }
    }
    let rest = below(fields, 6);
    let version = release.version.value().trim();
    if let Some(problem) = problem(version) {
        let meaning = if version.is_empty() && release.hint.is_none() { Meaning::Muted } else { Meaning::Failure };
        canvas.text(right_of(row(rest, 0), 2), problem, meaning);
        return;
    }
    let asked = request(model);
    let more = asked.tags.clone().unwrap_or_default();
    if let Some(problem) = more.iter().find_map(|t| problem(t)) {
        canvas.text(right_of(row(rest, 0), 2), problem, Meaning::Failure);
        return;
    }
    let mut line = 0;
    for name in containers(model).iter().filter(|c| release.chosen.contains(*c)) {
        let targets: Vec<&Target> = asked.targets.iter().filter(|t| t.container == *name).collect();
        let lines = expansion(model, &targets, version, &more);
        let widest = lines.iter().map(|(reference, _)| reference.len()).max().unwrap_or(0);
        for (reference, what) in lines {
            if line + 2 > usize::from(rest.height) {
                canvas.text(right_of(row(rest, usize::from(rest.height).saturating_sub(1)), 2), "… and more", Meaning::Muted);
                return;
            }
            let reference = format!("{reference:<widest$}");
            let arrow = format!("  {} {what}", canvas.glyph(Glyph::Arrow));
            let (plain, muted) = (canvas.style(Meaning::Text), canvas.style(Meaning::Muted));
            canvas.spans(right_of(row(rest, line), 2), &[(&reference, plain), (&arrow, muted)]);
            line += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn versions_are_tags_as_registries_take_them() {
        for good in ["1.2.0", "v1", "_x", "20261122", "1.2.0-rc.1"] {
            assert_eq!(problem(good), None, "{good}");
        }
        for bad in ["", " ", ".1", "-1", "1+2", "a/b", "ä", &"1".repeat(129)] {
            assert!(problem(bad).is_some(), "{bad}");
        }
    }
}
