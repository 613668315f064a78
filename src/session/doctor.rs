//! `doctor`: what a build and a release need of this machine, tried out one by one. Never a secret.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::command::DiagnoseRequest;
use super::engine::{Work, blocking};
use super::event::EventKind;
use super::folders::Folders;
use crate::catalog::Catalog;
use crate::progress::bytes;
use crate::verify::Verdict;
use crate::{Error, Result};

/// Less space than this is worth a word: a base layer with its packages takes about that.
const LITTLE_SPACE: u64 = 1 << 30;

/// What `doctor` found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Version of this document: 1.
    pub schema: u32,
    /// One after the other, as they were tried.
    pub findings: Vec<Finding>,
}

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What: `registry ghcr.io`, `cache folder`, …
    pub subject: String,
    /// `fail` is broken and needed, `warn` may be in the way, `skip` was not looked at.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fix: Option<String>,
}

impl Finding {
    /// It is as it should be.
    pub fn pass(subject: impl Into<String>, found: impl Into<String>) -> Self {
        Finding { subject: subject.into(), verdict: Verdict::Pass, found: found.into(), fix: None }
    }

    /// It may be in the way.
    pub fn warn(subject: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Finding { subject: subject.into(), verdict: Verdict::Warn, found: found.into(), fix: Some(fix.into()) }
    }

    pub(super) fn skip(subject: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Finding { verdict: Verdict::Skip, ..Finding::warn(subject, found, fix) }
    }

    pub(super) fn fail(subject: impl Into<String>, error: &Error) -> Self {
        Finding { subject: subject.into(), verdict: Verdict::Fail, found: error.message(), fix: error.advice().map(str::to_owned) }
    }
}

impl Work {
    /// Tries everything out; says how much is broken.
    pub(super) async fn diagnose(&self, request: &DiagnoseRequest) -> Result<usize> {
        let findings = self.or_cancelled(async { Ok(self.findings(request).await) }).await?;
        let failed = findings.iter().filter(|f| f.verdict == Verdict::Fail).count();
        self.emit(EventKind::Diagnosed { diagnosis: Arc::new(Diagnosis { schema: 1, findings }) }).await;
        Ok(failed)
    }

    async fn findings(&self, request: &DiagnoseRequest) -> Vec<Finding> {
        let mut findings = Vec::new();
        let catalog = self.context.options.file.is_some().then(|| self.catalog());
        let catalog = match catalog {
            Some(Ok(catalog)) => {
                let found = format!("{}: {} containers", catalog.path.display(), catalog.containers.len());
                findings.push(Finding::pass("containers.toml", found));
                Some(catalog)
            }
            Some(Err(error)) => {
                // The first line says how much is wrong; the lines are `list`'s to show.
                let found = error.message().lines().next().unwrap_or_default().to_owned();
                let fix = error.advice().map_or("`catamaran list` shows what, line by line".to_owned(), str::to_owned);
                findings.push(Finding { found, fix: Some(fix), ..Finding::fail("containers.toml", &error) });
                None
            }
            None => {
                let fix = "builds and releases need one; inspect, verify and copy do not";
                findings.push(Finding::skip("containers.toml", "there is none here", fix));
                None
            }
        };
        let folders = self.context.options.folders.clone();
        let looked_at = blocking(move || {
            Ok(vec![
                folder("cache folder", &folders.cache, "CATAMARAN_CACHE_DIR"),
                folder("state folder", &folders.state, "CATAMARAN_STATE_DIR"),
                config_folder(&folders.config),
                kept(&folders),
            ])
        });
        findings.extend(looked_at.await.unwrap_or_default());
        let (debian, nix, vm_image, registries, engines) = tokio::join!(
            self.diagnose_debian(catalog.as_ref()),
            self.diagnose_nix(catalog.as_ref()),
            self.diagnose_vm_cache(request.vm_cache.as_ref()),
            self.registries(catalog.as_ref(), request.registry.as_deref()),
            self.diagnose_engines(catalog.as_ref())
        );
        findings.extend(debian);
        findings.extend(nix);
        findings.extend(vm_image);
        findings.extend(registries);
        findings.extend(engines);
        findings
    }

    /// The catalog's registry, and the one that was asked for.
    async fn registries(&self, catalog: Option<&Catalog>, asked: Option<&str>) -> Vec<Finding> {
        let mut wanted: Vec<(String, Option<String>)> = Vec::new();
        if let Some(catalog) = catalog
            && let Some(host) = &catalog.registry.host
        {
            let repository = catalog.containers.first().map(|c| catalog.registry.repository_of(&c.name));
            wanted.push((host.clone(), repository));
        }
        if let Some(asked) = asked {
            let (host, repository) = asked.split_once('/').map_or((asked, None), |(host, rest)| (host, Some(rest.to_owned())));
            wanted.retain(|(known, _)| known != host || repository.is_none());
            if !wanted.iter().any(|(known, _)| known == host) {
                wanted.push((host.to_owned(), repository));
            }
        }
        if wanted.is_empty() {
            let fix = "`catamaran doctor HOST` tries one; a push needs `[registry]` with `host` in containers.toml";
            return vec![Finding::skip("registry", "none is named", fix)];
        }
        let findings = wanted.iter().map(|(host, repository)| self.registry_finding(host, repository.as_deref()));
        futures_util::future::join_all(findings).await
    }

    async fn registry_finding(&self, host: &str, repository: Option<&str>) -> Finding {
        let subject = format!("registry {host}");
        let login = match self.registry(host) {
            Ok(registry) => registry.log_in(repository).await,
            Err(error) => Err(error),
        };
        match login {
            Err(error) => Finding::fail(subject, &error),
            Ok(login) => {
                let files: Vec<String> = login.certificates.iter().map(|path| path.display().to_string()).collect();
                let with = if files.is_empty() { String::new() } else { format!("; certificates from {}", files.join(", ")) };
                match login.anonymous {
                    true => Finding::warn(subject, format!("answers; only what is public can be read{with}"), login.advice),
                    false => Finding::pass(subject, format!("login works: {}{with}", login.source)),
                }
            }
        }
    }
}

/// A folder that is written to, and the space it has.
fn folder(subject: &str, path: &Path, variable: &str) -> Finding {
    let fix = format!("make it writable, or choose another with {variable}");
    let written = std::fs::create_dir_all(path).and_then(|()| tempfile::tempfile_in(path));
    if let Err(error) = written {
        return Finding { verdict: Verdict::Fail, ..Finding::warn(subject, format!("{}: {error}", path.display()), fix) };
    }
    let free = rustix::fs::statvfs(path).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)).ok();
    match free {
        Some(free) if free < LITTLE_SPACE => {
            let found = format!("{}: only {} are free", path.display(), bytes(free));
            Finding::warn(subject, found, format!("free some space, or choose another place with {variable}"))
        }
        Some(free) => Finding::pass(subject, format!("{}: {} free", path.display(), bytes(free))),
        None => Finding::pass(subject, path.display().to_string()),
    }
}

/// What is kept between runs.
fn kept(folders: &Folders) -> Finding {
    let subject = "cache";
    match super::cache::report(folders) {
        Ok(report) => {
            let images = crate::progress::count(report.images, "image");
            let found = format!("{} are kept, {images} among them; `catamaran cache info` shows what", bytes(report.bytes));
            Finding::pass(subject, found)
        }
        Err(error) => Finding::fail(subject, &error),
    }
}

/// The folder of what the user wrote, which need not be there.
fn config_folder(path: &Path) -> Finding {
    let subject = "configuration folder";
    match std::fs::read_dir(path) {
        Ok(_) => Finding::pass(subject, path.display().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Finding::pass(subject, format!("{}: not there, which is fine", path.display()))
        }
        Err(error) => Finding::warn(subject, format!("{}: {error}", path.display()), "make it readable, or set CATAMARAN_CONFIG_DIR"),
    }
}
