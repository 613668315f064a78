//! Whose derivation is it: which targets need what is being built.

use std::collections::HashMap;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;

use super::command::Nix;
use crate::Result;

/// Questions to Nix at a time.
const AT_A_TIME: usize = 8;

/// The derivations of all targets, each with the targets that need it.
///
/// What several need is built once. Its lines go to the first of them, the *leader*, so that a thousand lines are not written a hundred
/// times; the others are told where they are, and hear the last of them when it fails.
#[derive(Debug, Default)]
pub(super) struct Owners(HashMap<String, Vec<usize>>);

impl Owners {
    /// Asks Nix what the derivations at `paths` need, one for each target in the order of their numbers.
    ///
    /// # Errors
    /// Nix cannot tell, or was cancelled.
    pub(super) async fn learn<'p>(nix: &Nix, paths: impl Iterator<Item = &'p str>, cancel: &CancellationToken) -> Result<Self> {
        let closures = stream::iter(paths.map(|path| closure(nix, path, cancel))).buffered(AT_A_TIME);
        let closures: Vec<Vec<String>> = closures.try_collect().await?;
        let mut owners = Owners::default();
        for (number, closure) in closures.iter().enumerate() {
            closure.iter().for_each(|derivation| owners.add(derivation, number));
        }
        Ok(owners)
    }

    fn add(&mut self, derivation: &str, number: usize) {
        let owners = match self.0.get_mut(derivation) {
            Some(owners) => owners,
            None => self.0.entry(derivation.to_owned()).or_default(),
        };
        if owners.last() != Some(&number) {
            owners.push(number);
        }
    }

    /// The targets that need `derivation`, the leader first; none when it belongs to something else.
    pub(super) fn of(&self, derivation: &str) -> &[usize] {
        self.0.get(derivation).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The derivation at `path` and all that it needs.
async fn closure(nix: &Nix, path: &str, cancel: &CancellationToken) -> Result<Vec<String>> {
    let arguments = ["path-info", "--derivation", "--recursive", path, "--log-format", "internal-json"];
    let answer = nix.answer("asking nix what is to be built", &arguments, cancel).await?;
    let text = String::from_utf8_lossy(&answer);
    // Sources are in it, too.
    let derivations = text.lines().map(str::trim).filter(|line| line.ends_with(".drv"));
    Ok(derivations.chain([path]).map(str::to_owned).collect())
}

/// A derivation as people call it: without the store, the hash and `.drv`.
pub(super) fn name(derivation: &str) -> &str {
    let file = derivation.rsplit('/').next().unwrap_or(derivation);
    let name = file.split_once('-').map_or(file, |(_, name)| name);
    name.strip_suffix(".drv").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_need_has_the_first_as_its_leader() {
        let mut owners = Owners::default();
        for (derivation, number) in
            [("/nix/store/a.drv", 0), ("/nix/store/lib.drv", 0), ("/nix/store/lib.drv", 2), ("/nix/store/lib.drv", 2)]
        {
            owners.add(derivation, number);
        }
        assert_eq!((owners.of("/nix/store/lib.drv"), owners.of("/nix/store/a.drv")), (&[0, 2][..], &[0][..]));
        assert!(owners.of("/nix/store/other.drv").is_empty());
        assert_eq!(name("/nix/store/89ajgyw011m50aa49ak2vml12sbdr4ac-image-fd.json.drv"), "image-fd.json");
        assert_eq!(name("odd"), "odd");
    }
}
