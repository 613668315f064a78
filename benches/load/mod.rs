//! What a busy session says: many builds, each with lines as compilers and package managers write them.

use catamaran::catalog::{Architecture, Target};
use catamaran::session::{Event, EventKind, RunId};

/// The run all builds belong to.
pub const RUN: RunId = RunId(1);

/// The `n`th target: two architectures for each container.
pub fn target(n: usize) -> Target {
    let architecture = if n.is_multiple_of(2) { Architecture::X86_64 } else { Architecture::Aarch64 };
    Target::new(format!("service-{:02}", n / 2).as_str(), architecture)
}

/// The `n`th line of a log: 20 to 120 bytes, some of them not ASCII, now and then a warning.
pub fn line(n: u64) -> String {
    match n % 8 {
        0 => format!("[{:>6}] cc -O2 -g -Wall -Iinclude -Isrc/queue -c src/queue/worker_{n}.c -o out/queue/worker_{n}.o", n),
        1 => format!("src/queue/worker_{n}.c:{}:7: warning: unused variable ‘attempt_{n}’ [-Wunused-variable]", n % 900),
        2 => format!("Get:{n} http://deb.example/debian trixie/main amd64 libqueue{} amd64 1.{}.0-2 [{} kB]", n % 97, n % 40, n % 3_000),
        3 => format!("unpacking libqueue{} ({n} files)", n % 97),
        4 => format!("{n:>8} usr/share/doc/libqueue{}/changelog.Debian.gz", n % 97),
        5 => format!("-- Looking for pthread_setname_np_{n} - found"),
        6 => format!("test queue::retries::after_{n}_ms ... ok"),
        _ => format!("linking out/bin/worker_{n}"),
    }
}

/// `lines` more lines of the `n`th target, the first of which is its `first`th.
pub fn output(n: usize, first: u64, lines: u64) -> EventKind {
    EventKind::OutputReceived { target: target(n), lines: (first..first + lines).map(line).collect() }
}

/// Numbers events and gives them a time: a millisecond each.
#[derive(Default)]
pub struct Session(u64);

impl Session {
    /// The next event.
    pub fn event(&mut self, kind: EventKind) -> Event {
        self.0 += 1;
        Event { schema: 1, seq: self.0, at: self.0, run: RUN, kind }
    }

    /// `builds` builds that have begun.
    pub fn begin(&mut self, builds: usize) -> Vec<Event> {
        let mut kinds = vec![EventKind::RunStarted { command: "build".into() }];
        kinds.extend((0..builds).map(|n| EventKind::BuildQueued { target: target(n) }));
        for n in 0..builds {
            kinds.push(EventKind::BuildStarted { target: target(n), log: None });
            kinds.push(EventKind::PhaseChanged { target: target(n), phase: "compile".into() });
        }
        kinds.into_iter().map(|kind| self.event(kind)).collect()
    }
}
