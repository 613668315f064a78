//! Verifying what was built: the targets of a container together, for they are held against each other.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::build::{Made, Shared};
use super::engine::{Work, blocking};
use super::event::EventKind;
use super::noted::{is_verified, with_report};
use super::siblings::{Family, FirstRead, Kin};
use crate::Error;
use crate::catalog::Target;
use crate::image::{Descriptor, REF_NAME};
use crate::nix::kept_image;
use crate::verify::{Sibling, Verdict};

/// A target with its image and whether the checks passed; or nothing when there is none.
pub(super) type Proven = (Target, Option<(Descriptor, bool)>);

impl Work {
    /// Verifies the targets of one container, the first of them first.
    pub(super) async fn prove_together(&self, shared: &Shared, made: Vec<Made>) -> Vec<Proven> {
        let _permit = shared.proofs.acquire().await.ok();
        let (catalog, lock) = (&*shared.catalog, &*shared.lock);
        let together = made.iter().filter(|made| made.entry.is_some()).map(|made| made.target.clone()).collect();
        let is_current = |target: &Target, entry: &Descriptor| self.is_current_now(catalog, lock, target, entry);
        let family = Family { catalog, together: &together, is_current: &is_current };
        let entry_of = |target: &Target| match made.iter().find(|made| made.target == *target) {
            Some(made) => made.entry.clone(),
            None => shared.before.get(&catalog.store_name(target)).cloned(),
        };
        let (mut first, mut proven) = (FirstRead::default(), Vec::with_capacity(made.len()));
        for Made { target, entry, token } in &made {
            let image = match entry {
                Some(entry) => {
                    let kin = family.kin(target, entry_of);
                    let passed = self.prove(shared, target, entry, &kin, &mut first, token).await;
                    Some((entry.clone(), passed))
                }
                None => None,
            };
            proven.push((target.clone(), image));
        }
        proven
    }

    /// Runs every check over a target's image and notes the verdict in the store, unless it has been noted before.
    async fn prove(
        &self,
        shared: &Shared,
        target: &Target,
        entry: &Descriptor,
        kin: &Kin,
        first: &mut FirstRead,
        token: &CancellationToken,
    ) -> bool {
        let waivers = shared.catalog.waivers_of(target.container.as_str());
        if is_verified(entry, &waivers, kin.against()) {
            return true;
        }
        let proven = async {
            let store = self.store()?;
            let image = kept_image(&store, entry)?;
            let group = self.group(kin, first, &shared.known).await?;
            let (report, facts) = self.check(target, image.clone(), group, &waivers, &shared.known, token).await?;
            if let Kin::First(_) = kin {
                first.set(Arc::new(Sibling { subject: target.to_string(), image, facts }));
            }
            let passed = report.verdict() < Verdict::Fail;
            let entry = with_report(entry.clone(), &report, &waivers, kin.against());
            blocking({
                let name = entry.annotations.get(REF_NAME).cloned().unwrap_or_default();
                move || store.publish(&name, entry)
            })
            .await?;
            Ok::<bool, Error>(passed)
        };
        match proven.await {
            Ok(passed) => passed,
            Err(error) => {
                let hint = error.advice().map(|hint| format!("  {hint}"));
                let lines = std::iter::once(format!("{target} could not be verified: {error}")).chain(hint).collect();
                self.emit(EventKind::RunOutput { lines }).await;
                false
            }
        }
    }
}
