//! Comparing: which image is held against which, and what is read of both.

use std::sync::Arc;

use super::engine::Work;
use super::event::EventKind;
use super::payload::NotCompared;
use super::subject::{Missing, Named};
use crate::catalog::Architecture;
use crate::image::Reference;
use crate::verify::{self, Compared, Contents, ImageFacts, Known, not_looked_into};
use crate::{Error, Result};

/// What to compare with what.
#[derive(Clone, Debug)]
pub struct CompareRequest {
    /// The first image, or a container or index whose architectures are compared with each other.
    pub left: Reference,
    /// The second image; of two containers or indexes, each architecture is compared with the same of the other.
    pub right: Option<Reference>,
    /// Of one reference: the two architectures to compare. Of two: the one architecture of both, or the left's and the right's.
    pub targets: Vec<Architecture>,
    /// Also tell what is the same.
    pub all: bool,
}

impl Work {
    /// Compares every pair that the request names. Differences are no failure.
    ///
    /// # Errors
    /// There is nothing to compare; something that the request names could not be read, once the rest was compared.
    pub(super) async fn compare(&self, request: &CompareRequest) -> Result<()> {
        let (pairs, mut missing) = self.pairs(request).await?;
        for (left, right) in pairs {
            self.check_cancelled()?;
            let all = request.all;
            let (left_known, right_known) = (self.known_of(&request.left), self.known_of(request.right.as_ref().unwrap_or(&request.left)));
            let shown = format!("{} and {}", left.subject, right.subject);
            let read = self.reading(left_known, move |known, progress, cancelled| {
                let read = |named: &Named, known: &Known| {
                    let facts = ImageFacts::gather_knowing(&named.image, known, progress, cancelled)?;
                    facts.require_whole().map_err(|error| error.context(&named.subject))?;
                    Ok::<_, Error>(facts)
                };
                let (left_facts, right_facts) = (read(&left, known)?, read(&right, &right_known)?);
                let digests = left.image.platform() == right.image.platform();
                let contents = |named: &Named| verify::read_contents(&named.image, digests, progress, cancelled);
                let (left_contents, right_contents) = (contents(&left)?, contents(&right)?);
                let left = compared(&left, &left_facts, &left_contents);
                Ok(verify::compare(&left, &compared(&right, &right_facts, &right_contents), all))
            });
            if let Some(comparison) = missing.read(&shown, read.await)? {
                self.emit(EventKind::Compared { comparison: Arc::new(comparison) }).await;
            }
        }
        self.tell_missing(missing).await
    }

    /// The pairs to compare, and what else the request names and could not be read.
    async fn pairs(&self, request: &CompareRequest) -> Result<(Pairs, Missing)> {
        let (left, mut missing) = self.comparable(&request.left, request).await?;
        let paired = match &request.right {
            None => within(left, &request.left, &request.targets).map(|pairs| (pairs, Vec::new())),
            Some(reference) => {
                let (right, other) = self.comparable(reference, request).await?;
                missing.join(other);
                between((left, &request.left), (right, reference), &request.targets)
            }
        };
        let (pairs, alone) = match paired {
            Ok(paired) => paired,
            // What could not be read would perhaps have been the other one.
            Err(error) => return Err(self.tell_missing(missing).await.err().unwrap_or(error)),
        };
        if !request.targets.is_empty() {
            // It is said which images are meant, and they are there.
            missing = Missing::default();
        }
        for subject in alone {
            self.leave_out(subject, "the other side has no image for its platform").await;
        }
        Ok((pairs, missing))
    }

    /// The images of `reference` that can be held against others, and what could not be read of it. Those that are not looked into are
    /// told of, unless the request chooses among them anyway.
    async fn comparable(&self, reference: &Reference, request: &CompareRequest) -> Result<(Vec<Named>, Missing)> {
        let mut subjects = self.images_of(reference).await?;
        let missing = subjects.missing();
        let mut images = Vec::new();
        for named in subjects.images {
            match not_looked_into(&named.image.platform()) {
                None => images.push(named),
                Some(why) if request.targets.is_empty() => self.leave_out(named.subject, &why).await,
                Some(_) => {}
            }
        }
        Ok((images, missing))
    }

    async fn leave_out(&self, subject: String, why: &str) {
        self.emit(EventKind::CompareSkipped { skipped: NotCompared { subject, why: why.to_owned() } }).await;
    }
}

fn compared<'a>(named: &'a Named, facts: &'a ImageFacts, contents: &'a Contents) -> Compared<'a> {
    Compared { subject: &named.subject, image: &named.image, facts, contents: Some(contents) }
}

/// The architectures of one image: the two that are named, or each of the others against the first.
fn within(images: Vec<Named>, reference: &Reference, targets: &[Architecture]) -> Result<Pairs> {
    let images = match targets {
        [] => images,
        [left, right] if left != right => vec![one_for(&images, reference, *left)?, one_for(&images, reference, *right)?],
        _ => {
            return Err(Error::usage("of one reference, two different architectures are compared")
                .hint("for example --target x86_64,aarch64; without --target each is compared with the first"));
        }
    };
    match images.split_first() {
        Some((first, others @ [_, ..])) => Ok(others.iter().map(|other| (first.clone(), other.clone())).collect()),
        Some(_) => Err(Error::usage(format!("{reference} is one image only; there is nothing to compare it with"))
            .hint("name a second image, or an index or container with several architectures")),
        None => Err(nothing_in(reference)),
    }
}

fn nothing_in(reference: &Reference) -> Error {
    Error::usage(format!("{reference} has no image that can be compared")).hint("only Linux images are looked into")
}

type Pairs = Vec<(Named, Named)>;

/// Of two images, one against the other; of two indexes, each member against the one for the same platform. Says which members
/// have no other.
fn between(left: (Vec<Named>, &Reference), right: (Vec<Named>, &Reference), targets: &[Architecture]) -> Result<(Pairs, Vec<String>)> {
    let ((mut left, left_name), (mut right, right_name)) = (left, right);
    for (images, name) in [(&left, left_name), (&right, right_name)] {
        if images.is_empty() {
            return Err(nothing_in(name));
        }
    }
    let chosen = match targets {
        [] => None,
        [both] => Some((*both, *both)),
        [one, other] => Some((*one, *other)),
        _ => return Err(Error::usage("--target takes one architecture for both sides, or two: the left's and the right's")),
    };
    if let Some((one, other)) = chosen {
        (left, right) = (vec![one_for(&left, left_name, one)?], vec![one_for(&right, right_name, other)?]);
    }
    if left.len() == 1 && right.len() == 1 {
        return Ok((left.into_iter().zip(right).collect(), Vec::new()));
    }
    let (mut pairs, mut alone) = (Vec::new(), Vec::new());
    for named in left {
        match right.iter().position(|other| other.image.platform() == named.image.platform()) {
            Some(at) => pairs.push((named, right.remove(at))),
            None => alone.push(named.subject),
        }
    }
    alone.extend(right.into_iter().map(|named| named.subject));
    match pairs.is_empty() {
        true => Err(Error::usage(format!("{left_name} and {right_name} have no platform in common"))
            .hint("choose what to compare, for example --target x86_64,aarch64")),
        false => Ok((pairs, alone)),
    }
}

fn one_for(images: &[Named], reference: &Reference, architecture: Architecture) -> Result<Named> {
    let is_for = |named: &&Named| {
        let platform = named.image.platform();
        platform.os == "linux" && Architecture::from_oci(&platform.architecture, platform.variant.as_deref()) == Some(architecture)
    };
    images.iter().find(is_for).cloned().ok_or_else(|| {
        let there: Vec<String> = images.iter().map(|named| named.image.platform().to_string()).collect();
        Error::usage(format!("{reference} has no image for {architecture}")).hint(format!("it has {}", there.join(", ")))
    })
}
