//! Two of the gates, and the only ones that ask: does the registry answer, and does it take our credentials?

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::gates;
use super::plan::Gate;
use crate::registry::Registry;
use crate::verify::Verdict;

/// Whether the registry answers and takes our credentials for the repositories `paths`; and where those come from.
pub(super) async fn reach(registry: &Registry, paths: &[&str]) -> (Gate, Gate, String) {
    let skipped = gates::gate("credentials", Verdict::Skip, "the registry did not answer", None);
    if let Err(error) = registry.ping().await {
        return (gates::failed("registry", &error), skipped, "unknown (the registry did not answer)".into());
    }
    let reachable = gates::gate("registry", Verdict::Pass, format!("{} answers", registry.host()), None);
    // A token is for one repository; a password is the same everywhere.
    let asked = if registry.has_tokens() { paths } else { &paths[..paths.len().min(1)] };
    let answers = join_all(asked.iter().map(|path| registry.authenticate(path))).await;
    let mut sources = BTreeSet::new();
    for answer in answers {
        match answer {
            Ok(source) => sources.insert(source),
            Err(error) => {
                let path = paths.first().copied().unwrap_or_default();
                let source = registry.credentials_source(path).await.unwrap_or_else(|| "unknown".into());
                return (reachable, gates::failed("credentials", &error), source);
            }
        };
    }
    let source = sources.into_iter().collect::<Vec<_>>().join(", ");
    (reachable, gates::gate("credentials", Verdict::Pass, format!("accepted: {source}"), None), source)
}
