//! Times the steps of the Debian builder and of a verification, on real packages of the configured archive.
//!
//!     cargo bench --bench debian [-- NAME]
//!
//! The first run fetches the packages and builds some 200 images in `target/tmp/bench`; later ones find them. `floor/…` is what no
//! program can do without that reads xz and writes gzip.

mod floor;
mod ground;
mod steps;

fn main() {
    // What cargo passes: `--bench`, a name to filter by, `--save-baseline NAME` …
    let mut criterion = criterion::Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(2))
        .configure_from_args();
    let ground = ground::Ground::prepare();
    steps::index(&mut criterion, &ground);
    steps::packages(&mut criterion, &ground);
    steps::layers(&mut criterion, &ground);
    steps::verify(&mut criterion, &ground);
    steps::nothing(&mut criterion, &ground);
    floor::bytes(&mut criterion, &ground);
    criterion.final_summary();
}
