//! How a test ended, and what that means, in words.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::payload::Failure;
use crate::catalog::Architecture;
use crate::runtime::{ContainerEnd, EngineFacts, is_foreign_machine, to_run_foreign};
use crate::{Error, Kind};

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum TestOutcome {
    /// With exit code 0.
    Passed,
    /// Otherwise.
    Failed {
        /// The exit code; `None` when it did not even start.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<i64>,
        /// In words.
        message: String,
        /// What to do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
    /// It did not end in time, and was killed.
    TimedOut {
        /// The time it had, in milliseconds.
        limit: u64,
    },
    /// The user stopped it; it was killed.
    Cancelled,
}

impl TestOutcome {
    fn failed(code: Option<i64>, message: impl Into<String>) -> Self {
        TestOutcome::Failed { code, message: message.into(), hint: None }
    }

    /// Why it did not pass; nothing for what passed or was stopped.
    pub fn failure(&self) -> Option<Failure> {
        let (message, hint) = match self {
            TestOutcome::Passed | TestOutcome::Cancelled => return None,
            TestOutcome::Failed { message, hint, .. } => (message.clone(), hint.clone()),
            TestOutcome::TimedOut { limit } => {
                let advice = "--time-limit gives it more time; does it wait for input, or serve? `test` in containers.toml says what runs";
                (format!("it did not end within {} s, and was killed", limit / 1000), Some(advice.to_owned()))
            }
        };
        Some(Failure { kind: Kind::Failed, message, hint })
    }

    fn hint(self, advice: impl Into<String>) -> Self {
        match self {
            TestOutcome::Failed { code, message, .. } => TestOutcome::Failed { code, message, hint: Some(advice.into()) },
            other => other,
        }
    }
}

/// What an exit code means.
pub(super) fn judged(end: &ContainerEnd, tail: &VecDeque<String>, target: Architecture, facts: &EngineFacts) -> TestOutcome {
    let said = |line: &str| is_foreign_machine(line);
    if end.code != 0 && (tail.iter().any(|line| said(line)) || end.trouble.as_deref().is_some_and(said)) {
        return no_such_machine(Some(end.code), target, facts);
    }
    let code = end.code;
    let failed = |message: String| TestOutcome::failed(Some(code), message);
    match code {
        0 if end.trouble.is_none() => TestOutcome::Passed,
        137 if end.out_of_memory => failed("killed for want of memory (exit code 137, SIGKILL)".into())
            .hint("give the engine's machine more memory, or the program less to do"),
        126 => failed("the program cannot be run (exit code 126)".into()).hint("`catamaran verify` checks its entrypoint"),
        127 => failed("the program was not found (exit code 127)".into()).hint("`catamaran verify` checks its entrypoint"),
        129..=192 => {
            let message = match signal(code - 128) {
                Some(name) => format!("ended by {name} (exit code {code})"),
                None => format!("ended by signal {} (exit code {code})", code - 128),
            };
            match code - 128 {
                4 => failed(message).hint("it uses instructions that this processor, or the emulator, does not have"),
                9 => failed(message).hint("somebody has killed it, or the kernel for want of memory: `dmesg` says"),
                _ => failed(message),
            }
        }
        _ => match &end.trouble {
            Some(trouble) => failed(format!("{trouble} (exit code {code})")),
            None => failed(format!("exit code {code}")),
        },
    }
}

/// What it means that a container could not be started.
pub(super) fn not_run(error: &Error, target: Architecture, facts: &EngineFacts) -> TestOutcome {
    if is_foreign_machine(&error.message()) {
        return no_such_machine(None, target, facts);
    }
    let outcome = TestOutcome::failed(None, error.message());
    match error.advice() {
        Some(advice) => outcome.hint(advice),
        None => outcome,
    }
}

/// The kernel has refused the program as none that it can run.
fn no_such_machine(code: Option<i64>, target: Architecture, facts: &EngineFacts) -> TestOutcome {
    if facts.architecture.parse() == Ok(target) {
        return TestOutcome::failed(code, format!("what it starts is no program for {target}"))
            .hint("`catamaran verify` tells what the entrypoint is");
    }
    let product = &facts.product;
    TestOutcome::failed(code, format!("this engine ({product} on {}) cannot run programs for {target}", facts.architecture))
        .hint(to_run_foreign(target.oci(), target.name()))
}

/// signal(7), those that end a program; the numbers are those of x86 and Arm.
fn signal(number: i64) -> Option<&'static str> {
    Some(match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL (an illegal instruction)",
        5 => "SIGTRAP",
        6 => "SIGABRT (it gave up)",
        7 => "SIGBUS",
        8 => "SIGFPE (an arithmetic error)",
        9 => "SIGKILL",
        11 => "SIGSEGV (an invalid memory access)",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        31 => "SIGSYS (a system call it may not make)",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> EngineFacts {
        EngineFacts { product: "Docker".into(), version: "20.10.24".into(), architecture: "amd64".into(), address: "unix:///x".into() }
    }

    fn ended(code: i64, tail: &[&str], target: Architecture) -> (String, String) {
        let end = ContainerEnd { code, out_of_memory: false, trouble: None };
        match judged(&end, &tail.iter().map(|line| (*line).to_owned()).collect(), target, &facts()) {
            TestOutcome::Failed { message, hint, .. } => (message, hint.unwrap_or_default()),
            other => (format!("{other:?}"), String::new()),
        }
    }

    #[test]
    fn exit_codes_are_told_in_words() {
        let own = |code| ended(code, &[], Architecture::X86_64).0;
        assert_eq!(own(0), "Passed");
        assert_eq!(own(3), "exit code 3");
        assert_eq!(own(132), "ended by SIGILL (an illegal instruction) (exit code 132)");
        assert_eq!(own(137), "ended by SIGKILL (exit code 137)");
        assert_eq!(own(191), "ended by signal 63 (exit code 191)");
        assert!(own(127).contains("was not found"));
        let end = ContainerEnd { code: 137, out_of_memory: true, trouble: None };
        let TestOutcome::Failed { message, .. } = judged(&end, &VecDeque::new(), Architecture::X86_64, &facts()) else { panic!() };
        assert!(message.contains("for want of memory"));
    }

    #[test]
    fn a_machine_that_cannot_run_it_is_told_apart_from_a_program_that_fails() {
        let refused = "standard_init_linux.go:228: exec user process caused: exec format error";
        let (message, hint) = ended(1, &[refused], Architecture::Aarch64);
        assert!(message.contains("(Docker on amd64) cannot run programs for aarch64"), "{message}");
        assert!(hint.contains("arm64") || hint.contains("aarch64"), "{hint}");
        assert!(ended(1, &[refused], Architecture::X86_64).0.contains("is no program for x86_64"));
        assert_eq!(ended(1, &["no config"], Architecture::Aarch64).0, "exit code 1");
        // A program that prints those words and is content has passed.
        assert_eq!(ended(0, &[refused], Architecture::Aarch64).0, "Passed");
        let outcome = not_run(&Error::failed("crun: exec /x: Exec format error"), Architecture::Aarch64, &facts());
        assert!(matches!(outcome, TestOutcome::Failed { code: None, ref message, .. } if message.contains("cannot run programs")));
    }
}
