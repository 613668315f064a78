//! An image: config, layers, packages, history.

use crate::cli::printer::{Ink, clean};
use crate::cli::quantity::{bytes, count};
use crate::cli::table::{Cell, Table};
use crate::session::Inspection;

/// Everything an image says, for people.
pub(in crate::cli) fn inspection(inspection: &Inspection, color: bool) -> String {
    let config = &inspection.config.config;
    let mut out = vec![Ink::Bold.paint(&clean(&inspection.subject), color)];
    let mut facts = Table::plain(2);
    let mut fact = |name: &str, value: String| {
        if !value.is_empty() {
            facts.row([Cell::ink(name, Ink::Dim), value.into()]);
        }
    };
    fact("digest", inspection.digest.to_string());
    fact("type", inspection.media_type.clone());
    fact("platform", inspection.platform.to_string());
    fact("size", bytes(inspection.size));
    fact("created", inspection.config.created.clone().unwrap_or_default());
    fact("entrypoint", command(&config.entrypoint));
    fact("cmd", command(&config.cmd));
    fact("user", config.user.clone().unwrap_or_default());
    fact("workdir", config.working_dir.clone().unwrap_or_default());
    fact("expose", config.exposed_ports.keys().cloned().collect::<Vec<_>>().join(", "));
    fact("volumes", config.volumes.keys().cloned().collect::<Vec<_>>().join(", "));
    config.env.iter().for_each(|variable| fact("env", variable.clone()));
    config.labels.iter().for_each(|(key, value)| fact("label", format!("{key}={value}")));
    inspection.annotations.iter().for_each(|(key, value)| fact("annotation", format!("{key}={value}")));
    out.push(facts.render(color));

    out.push(String::new());
    out.push(Ink::Bold.paint(&count(inspection.layers.len(), "layer"), color));
    let mut layers = Table::plain(2);
    for (number, layer) in inspection.layers.iter().enumerate() {
        let entries = layer.entries.map(|entries| count(entries, "file")).unwrap_or_default();
        layers.row([
            Cell::number((number + 1).to_string()),
            layer.digest.short().into(),
            Cell::number(bytes(layer.size)),
            Cell::number(entries),
            layer.created_by.clone().unwrap_or_default().into(),
        ]);
    }
    out.push(layers.render(color));

    if !inspection.packages.is_empty() {
        out.push(String::new());
        out.push(Ink::Bold.paint(&count(inspection.packages.len(), "package"), color));
        let mut packages = Table::plain(2);
        for package in &inspection.packages {
            packages.row([
                package.name.as_str().into(),
                package.version.as_str().into(),
                Cell::ink(package.architecture.as_str(), Ink::Dim),
            ]);
        }
        out.push(packages.render(color));
    }
    out.join("\n")
}

/// Words as they would be typed, quoted where they need it.
fn command(words: &[String]) -> String {
    let plain = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./=:,+@%".contains(&b));
    words.iter().map(|w| if plain(w) { w.clone() } else { format!("{w:?}") }).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Architecture;
    use crate::image::{Digest, ImageConfig, InstalledPackage, Platform};
    use crate::session::LayerSummary;

    #[test]
    fn an_image_reads_from_top_to_bottom() {
        let digest = Digest::of(b"x");
        let mut config = ImageConfig { created: Some("2026-11-01T00:00:00Z".into()), ..ImageConfig::default() };
        config.config.entrypoint = vec!["/usr/bin/fdfind".into(), "a b".into()];
        config.config.env = vec!["PATH=/usr/bin".into(), "X=\u{1b}[2J".into()];
        let layer = LayerSummary {
            digest,
            diff_id: None,
            media_type: String::new(),
            size: 2048,
            created_by: Some("base".into()),
            entries: Some(3),
        };
        let package = InstalledPackage { name: "bash".into(), version: "5.2".into(), architecture: "arm64".into() };
        let image = Inspection {
            schema: 1,
            subject: "fd/aarch64".into(),
            target: None,
            digest,
            media_type: "m".into(),
            platform: Platform::linux(Architecture::Aarch64),
            size: 4096,
            config,
            layers: vec![layer],
            packages: vec![package],
            annotations: Default::default(),
        };
        insta::assert_snapshot!(inspection(&image, false), @r###"
        fd/aarch64
          digest      sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881
          type        m
          platform    linux/arm64
          size        4.0 KiB
          created     2026-11-01T00:00:00Z
          entrypoint  /usr/bin/fdfind "a b"
          env         PATH=/usr/bin
          env         X=

        1 layer
          1  2d711642b726  2.0 KiB  3 files  base

        1 package
          bash  5.2  arm64
        "###);
    }
}
