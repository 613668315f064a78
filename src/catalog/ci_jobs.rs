//! The matrix as the jobs of a CI system: one for each target, or batches of them where a system runs only so many.

use serde::{Serialize, Serializer};

use super::{Architecture, ContainerName, Matrix, MatrixPart};

/// One job: what it builds or publishes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CiJob {
    /// What the job is called where it has several containers: `x86_64 3 of 40`.
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<String>,
    /// Its containers, with spaces between their names; names have none.
    #[serde(rename = "container", serialize_with = "with_spaces")]
    containers: Vec<ContainerName>,
    /// The one architecture it builds for; none where it publishes.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Architecture>,
}

/// The jobs of a whole pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CiJobs {
    build: Vec<CiJob>,
    manifest: Vec<CiJob>,
}

/// The file of a project that says what jobs of GitLab CI do; `init --gitlab` writes it.
pub const GITLAB_JOBS: &str = ".gitlab/catamaran.yml";

fn with_spaces<S: Serializer>(names: &[ContainerName], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&joined(names))
}

fn joined(names: &[ContainerName]) -> String {
    names.iter().map(ContainerName::as_str).collect::<Vec<_>>().join(" ")
}

impl CiJobs {
    /// GitHub's limit on the jobs of one matrix.
    pub const GITHUB_MOST: usize = 256;
    /// Half of what a pipeline of gitlab.com's free tier may have, less what a project has of its own: there is a job for each
    /// build, and one for each container.
    pub const GITLAB_MOST: usize = 200;

    /// The jobs of `matrix`, at most `most` that build and as many that publish.
    ///
    /// # Errors
    /// The smallest `most` that would do, when this one is smaller: a job builds for one architecture.
    pub fn of(matrix: &Matrix, most: usize) -> Result<Self, usize> {
        let mut by_target: Vec<(Architecture, Vec<ContainerName>)> = Vec::new();
        for target in &matrix.build {
            match by_target.iter_mut().find(|(architecture, _)| *architecture == target.architecture) {
                Some((_, containers)) => containers.push(target.container.clone()),
                None => by_target.push((target.architecture, vec![target.container.clone()])),
            }
        }
        if most < by_target.len().max(1) {
            return Err(by_target.len().max(1));
        }
        let build = if matrix.build.len() <= most {
            let single = |target: &super::Target| CiJob {
                batch: None,
                containers: vec![target.container.clone()],
                target: Some(target.architecture),
            };
            matrix.build.iter().map(single).collect()
        } else {
            // The smallest batches that are few enough.
            let jobs = |size: usize| by_target.iter().map(|(_, containers)| containers.len().div_ceil(size)).sum::<usize>();
            let size = (matrix.build.len().div_ceil(most)..).find(|size| jobs(*size) <= most).unwrap_or(usize::MAX);
            by_target.iter().flat_map(|(target, containers)| batches(containers, size, Some(*target))).collect()
        };
        let manifest = match matrix.manifest.len() <= most {
            true => matrix.manifest.iter().map(|name| CiJob { batch: None, containers: vec![name.clone()], target: None }).collect(),
            false => batches(&matrix.manifest, matrix.manifest.len().div_ceil(most), None),
        };
        Ok(CiJobs { build, manifest })
    }

    /// Lines for `$GITHUB_OUTPUT`: `build={"include":[…]}`, `manifest={"include":[…]}`, and `jobs=N`, how many build.
    ///
    /// GitHub takes a job output as one line `name=value`, and `strategy.matrix: ${{ fromJSON(…) }}` wants an object; one
    /// whose `include` lists objects makes one job each, with `matrix.container` and `matrix.target`. A matrix without any
    /// job fails a run, so a workflow asks first whether `jobs` is 0.
    pub fn github(&self, part: Option<MatrixPart>) -> String {
        let line = |name: &str, jobs: &[CiJob]| format!("{name}={}", serde_json::json!({ "include": jobs }));
        match part {
            None => format!("{}\n{}\njobs={}", line("build", &self.build), line("manifest", &self.manifest), self.build.len()),
            Some(MatrixPart::Build) => line("build", &self.build),
            Some(MatrixPart::Manifest) => line("manifest", &self.manifest),
        }
    }

    /// A child pipeline of GitLab CI, as JSON, which is YAML: a job for each, in the stages `build` and `index`, which do what
    /// [`GITLAB_JOBS`] says. A pipeline without any job is an error there, so one that has nothing to do says so.
    pub fn gitlab(&self) -> String {
        let mut pipeline = serde_json::Map::new();
        pipeline.insert("include".into(), serde_json::json!([{ "local": GITLAB_JOBS }]));
        pipeline.insert("stages".into(), serde_json::json!(["build", "index"]));
        for (stage, jobs) in [("build", &self.build), ("index", &self.manifest)] {
            for job in jobs {
                let containers = joined(&job.containers);
                let target = job.target.map(|target| target.name()).unwrap_or_default();
                let name = match &job.batch {
                    Some(batch) => format!("{stage} {batch}"),
                    None => format!("{stage} {containers} {target}"),
                };
                let variables = match job.target {
                    Some(_) => serde_json::json!({ "CONTAINERS": containers, "TARGET": target }),
                    None => serde_json::json!({ "CONTAINERS": containers }),
                };
                let job = serde_json::json!({ "extends": format!(".catamaran-{stage}"), "variables": variables });
                pipeline.insert(name.trim_end().to_owned(), job);
            }
        }
        if self.build.is_empty() {
            let job = serde_json::json!({ "stage": "build", "script": ["echo 'containers.toml has no containers'"] });
            pipeline.insert("nothing to build".into(), job);
        }
        format!("# What `catamaran matrix --gitlab` made of containers.toml.\n{:#}", serde_json::Value::Object(pipeline))
    }
}

/// `containers` in batches of at most `size`, as even as they can be.
fn batches(containers: &[ContainerName], size: usize, target: Option<Architecture>) -> Vec<CiJob> {
    let count = containers.len().div_ceil(size);
    let batch = |n: usize| {
        let of = |n: usize| containers.len() * n / count;
        let name = format!("{} {} of {count}", target.map_or("containers", |target| target.name()), n + 1);
        CiJob { batch: Some(name), containers: containers[of(n)..of(n + 1)].to_vec(), target }
    };
    (0..count).map(batch).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Target;
    use super::*;

    fn matrix(containers: usize, targets: &[Architecture]) -> Matrix {
        let names: Vec<ContainerName> = (0..containers).map(|n| ContainerName::new(format!("c{n}"))).collect();
        let build = names.iter().flat_map(|name| targets.iter().map(|target| Target::new(name.clone(), *target))).collect();
        Matrix { build, manifest: names }
    }

    const BOTH: [Architecture; 2] = [Architecture::X86_64, Architecture::Aarch64];

    #[test]
    fn github_gets_one_line_per_output() {
        let jobs = CiJobs::of(&matrix(2, &BOTH), 256).unwrap();
        assert_eq!(jobs.github(Some(MatrixPart::Manifest)), r#"manifest={"include":[{"container":"c0"},{"container":"c1"}]}"#);
        let all = jobs.github(None);
        let lines: Vec<&str> = all.lines().collect();
        assert!(lines[0].starts_with(r#"build={"include":[{"container":"c0","target":"x86_64"},"#), "{all}");
        assert_eq!((lines.len(), lines[2]), (3, "jobs=4"));
        let none = CiJobs::of(&matrix(0, &BOTH), 256).unwrap().github(None);
        assert_eq!(none, "build={\"include\":[]}\nmanifest={\"include\":[]}\njobs=0");
    }

    #[test]
    fn what_is_too_much_for_a_system_comes_in_batches() {
        let jobs = CiJobs::of(&matrix(300, &BOTH), 256).unwrap();
        assert!(jobs.github(Some(MatrixPart::Build)).contains(r#"{"batch":"x86_64 1 of 100","container":"c0 c1 c2","target":"x86_64"}"#));
        assert_eq!((jobs.build.len(), jobs.manifest.len()), (200, 150));
        assert_eq!(CiJobs::of(&matrix(3, &BOTH), 1), Err(2));
    }

    #[test]
    fn gitlab_gets_a_pipeline() {
        let text = CiJobs::of(&matrix(1, &BOTH), 200).unwrap().gitlab();
        let (_, json) = text.split_once('\n').unwrap();
        let read: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(read["build c0 aarch64"]["variables"], serde_json::json!({ "CONTAINERS": "c0", "TARGET": "aarch64" }));
        assert_eq!(read["index c0"]["extends"], ".catamaran-index");
        assert!(CiJobs::of(&matrix(0, &BOTH), 200).unwrap().gitlab().contains("nothing to build"));
    }

    proptest! {
        #[test]
        fn every_target_is_in_one_job(containers in 0usize..700, architectures in 1usize..=6, most in 6usize..300) {
            let targets = &Architecture::ALL[..architectures];
            let matrix = matrix(containers, targets);
            let jobs = CiJobs::of(&matrix, most).unwrap();
            prop_assert!(jobs.build.len() <= most && jobs.manifest.len() <= most);
            let mut built: Vec<Target> = jobs.build.iter()
                .flat_map(|job| job.containers.iter().map(|name| Target::new(name.clone(), job.target.unwrap()))).collect();
            let mut wanted = matrix.build.clone();
            built.sort_by_key(ToString::to_string);
            wanted.sort_by_key(ToString::to_string);
            prop_assert_eq!(built, wanted);
            let published: Vec<ContainerName> = jobs.manifest.iter().flat_map(|job| job.containers.clone()).collect();
            prop_assert_eq!(published, matrix.manifest);
            let sizes = |jobs: &[CiJob]| jobs.iter().map(|job| job.containers.len()).fold((usize::MAX, 0), |(least, most), n| (least.min(n), most.max(n)));
            let (least, most) = sizes(&jobs.build);
            prop_assert!(containers == 0 || most - least <= 1);
        }
    }
}
