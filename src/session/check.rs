//! Running every check over one image: on a blocking thread, with an event for each check as it ends.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::engine::{Work, blocking};
use super::event::EventKind;
use super::noted;
use crate::Result;
use crate::catalog::{Target, Waiver};
use crate::image::Image;
use crate::verify::{self, Circumstances, Group, ImageFacts, Known, Report};

impl Work {
    /// Runs every check over one of our own images; hands out its facts besides, for those that are held against it.
    pub(super) async fn check(
        &self,
        target: &Target,
        image: Image,
        group: Group,
        waivers: &[Waiver],
        known: &Known,
        token: &CancellationToken,
    ) -> Result<(Arc<Report>, ImageFacts)> {
        let circumstances = Circumstances { expected: Some(target.architecture), group, ..Circumstances::default() };
        self.check_as(target.to_string(), Some(target.clone()), circumstances, image, waivers, known, token).await
    }

    #[allow(clippy::too_many_arguments, reason = "what is looked at, and everything that decides how it is judged")]
    pub(super) async fn check_as(
        &self,
        subject: String,
        target: Option<Target>,
        circumstances: Circumstances,
        image: Image,
        waivers: &[Waiver],
        known: &Known,
        token: &CancellationToken,
    ) -> Result<(Arc<Report>, ImageFacts)> {
        self.emit(EventKind::VerifyStarted { subject: subject.clone(), target: target.clone() }).await;
        let (emitter, run, token, progress) = (self.context.emitter.clone(), self.run, token.clone(), Arc::clone(&self.progress));
        let (known, waivers, today) = (known.clone(), waivers.to_vec(), noted::today());
        let (report, facts) = blocking(move || {
            let mut on_check = |result: &verify::CheckResult| {
                let mut result = result.clone();
                verify::waive_result(&mut result, &waivers, today);
                emitter.emit_blocking(run, EventKind::CheckFinished { subject: subject.clone(), result });
            };
            let cancelled = || token.is_cancelled();
            let (report, facts) = verify::verify(&image, &subject, &circumstances, &known, &mut on_check, progress.as_ref(), &cancelled)?;
            Ok((verify::waive(report, &waivers, today), facts))
        })
        .await?;
        let report = Arc::new(report);
        self.emit(EventKind::VerifyFinished { target, report: Arc::clone(&report) }).await;
        Ok((report, facts))
    }
}
