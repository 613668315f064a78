use proptest::prelude::*;

use super::*;
use crate::catalog::{Starter, parse};
use crate::cli::init::container::with_container;

fn found(text: &str) -> Found {
    read("Dockerfile", text, &|path| path == "site").unwrap()
}

fn notes(found: &Found) -> String {
    found.notes.iter().map(|note| format!("{}: {}\n", note.line, note.text)).collect()
}

const TYPICAL: &str = r#"# syntax=docker/dockerfile:1
ARG VARIANT=bookworm
FROM golang:1.24-${VARIANT} AS build
RUN apt-get update && apt-get install -y gcc
COPY . .
RUN go build -o /app

FROM debian:${VARIANT}-slim AS base
ENV DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8
RUN apt-get update \
    # certificates
 && apt-get install -y --no-install-recommends ca-certificates tzdata=2025b-0 \
 && rm -rf /var/lib/apt/lists/*

FROM base
ARG UID=1000
LABEL org.opencontainers.image.title="The app" other='x y'
ENV GREETING hello world
RUN <<EOF
set -e
apt-get install -y --no-install-recommends tini
useradd app
EOF
WORKDIR /srv
WORKDIR app
COPY --chown=app:app app.conf ./etc/
COPY site /var/www
COPY bin/tool-$TARGETARCH /usr/bin/tool
COPY --from=build /app /usr/bin/app
COPY <<END /etc/motd
hello
END
EXPOSE 8080 53/udp
VOLUME ["/data"]
USER $UID:$UID
ENTRYPOINT ["tini", "--"]
CMD ["app", "--serve"]
"#;

#[test]
fn the_last_stage_and_what_it_is_made_from() {
    let found = found(TYPICAL);
    assert_eq!(found.suite.as_deref(), Some("bookworm"));
    assert_eq!(found.packages, ["ca-certificates", "tzdata", "tini"]);
    assert!(!found.recommends);
    assert_eq!((found.entrypoint.join(" "), found.cmd.join(" ")), ("tini --".into(), "app --serve".into()));
    assert_eq!(found.env.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(), ["GREETING=hello world", "LANG=C.UTF-8"]);
    assert_eq!((found.labels["org.opencontainers.image.title"].as_str(), found.labels["other"].as_str()), ("The app", "x y"));
    assert_eq!((found.user.as_deref(), found.workdir.as_deref()), (Some("1000:1000"), Some("/srv/app")));
    assert_eq!((found.expose.join(" "), found.volumes.join(" ")), ("8080 53/udp".into(), "/data".into()));
    let file = |file: &File| match &file.content {
        Content::From(from) => format!("{from} > {} {}", file.to, file.owner.as_deref().unwrap_or("root")),
        Content::Text(text) => format!("{text:?} > {}", file.to),
    };
    assert_eq!(
        found.files.iter().map(file).collect::<Vec<_>>(),
        [
            "app.conf > /srv/app/etc/app.conf app:app",
            "site > /var/www root",
            "bin/tool-{oci} > /usr/bin/tool root",
            "\"hello\\n\" > /etc/motd"
        ]
    );
    let told = notes(&found);
    for line in [
        "9: ENV DEBIAN_FRONTEND",
        "10: tzdata of version 2025b-0",
        "19: `useradd app`",
        "29: COPY --from=build /app /usr/bin/app: `build` makes it",
    ] {
        assert!(told.contains(line), "{line} is missing from\n{told}");
    }
    assert_eq!(found.notes.len(), 4, "{told}");

    let (text, refused) = with_container(&Starter::default(), "app", "Dockerfile", &found).unwrap();
    assert_eq!(refused, Vec::<String>::new());
    let catalog = parse("containers.toml".as_ref(), &text).unwrap_or_else(|problems| panic!("{}\n{text}", problems.render(false)));
    let app = &catalog.containers[0];
    assert_eq!((app.files.len(), app.expose.join(" "), app.env.len()), (4, "8080/tcp 53/udp".into(), 2));
}

#[test]
fn commands_in_both_forms() {
    let of = |text: &str| {
        let found = found(&format!("FROM debian\n{text}"));
        (found.entrypoint, found.cmd, found.packages)
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    assert_eq!(of("CMD [\"nginx\", \"-g\", \"daemon off;\"]"), (words(&["nginx"]), words(&["-g", "daemon off;"]), vec![]));
    assert_eq!(of("CMD nginx -g 'daemon off'"), (words(&["nginx"]), words(&["-g", "daemon off"]), vec![]));
    assert_eq!(of("WORKDIR /app\nENTRYPOINT ./run.sh --x"), (words(&["/app/run.sh", "--x"]), vec![], vec![]));
    assert_eq!(of("CMD echo $HOME && x"), (words(&["/bin/sh"]), words(&["-c", "echo $HOME && x"]), words(&["dash"])));
    assert_eq!(of("CMD [\"a\"]\nENTRYPOINT [\"b\"]"), (words(&["b"]), words(&["a"]), vec![]));
    assert_eq!(of("ENTRYPOINT [\"c\"]\nCMD [\"a\"]\nENTRYPOINT [\"b\"]"), (words(&["b"]), words(&["a"]), vec![]));
    assert_eq!(of("ENTRYPOINT [\"c\"]\nENTRYPOINT []\nCMD [\"a\"]"), (words(&["a"]), vec![], vec![]));
    assert_eq!(of(""), (vec![], vec![], vec![]));
}

#[test]
fn an_entrypoint_takes_back_the_cmd_of_the_images_before() {
    let found = found("FROM debian AS base\nCMD [\"a\"]\nFROM base\nENTRYPOINT [\"b\"]");
    assert_eq!((found.entrypoint.join(" "), found.cmd.len()), ("b".into(), 0));
}

#[test]
fn shell_forms_mean_what_they_mean_to_docker() {
    let of = |text: &str| {
        let found = found(&format!("FROM debian\n{text}"));
        (found.entrypoint.join("|"), found.cmd.join("|"), found.packages.join(" "), notes(&found))
    };
    for text in ["ENTRYPOINT jq .\nCMD [\"-n\"]", "ENTRYPOINT jq $X\nCMD -n"] {
        let (_, cmd, _, told) = of(text);
        assert!(cmd.is_empty() && told.contains("3: CMD: it has no effect"), "{told}");
    }
    let (entrypoint, cmd, packages, told) = of("ENTRYPOINT [\"jq\"]\nCMD echo hi there");
    assert_eq!((entrypoint.as_str(), cmd.as_str(), packages.as_str()), ("jq", "/bin/sh|-c|echo hi there", "dash"));
    assert!(told.starts_with("3: a shell runs this command"), "{told}");
    assert!(of("ENTRYPOINT jq .").3.starts_with("2: the shell of `jq .`"));
}

#[test]
fn lists_that_are_none_are_told() {
    let found = found("FROM debian\nENTRYPOINT ['jq','-n']\nCMD [\"x', 'y']\nVOLUME ['/x']\nCOPY ['a', '/b']\nCOPY [ab] /c/");
    assert!(found.entrypoint.is_empty() && found.cmd.is_empty() && found.volumes.is_empty() && found.files.is_empty(), "{found:?}");
    let lines: Vec<usize> = found.notes.iter().map(|note| note.line).collect();
    assert_eq!(lines, [2, 3, 4, 5, 6], "{}", notes(&found));
}

#[test]
fn a_source_with_a_slash_is_a_folder() {
    let found = found("FROM debian\nCOPY dist/ /srv/\nCOPY dist /srv/");
    assert_eq!(found.files.iter().map(|file| file.to.as_str()).collect::<Vec<_>>(), ["/srv", "/srv/dist"]);
}

#[test]
fn a_stage_has_the_variables_of_what_it_is_made_from() {
    let found = found("FROM debian AS base\nARG A=2\nENV X=1 PATH=/x:$PATH\nFROM base\nENV Y=$X Z=$A\nENV PATH=/y:$PATH");
    assert_eq!((found.env["Y"].as_str(), found.env.get("Z")), ("1", None));
    assert!(found.env["PATH"].starts_with("/y:/x:/usr"), "{:?}", found.env);
}

#[test]
fn a_port_that_is_none_leaves_the_others() {
    let found = found("FROM debian\nEXPOSE 8080/TCP 99999 53/udp 90-99 80/http\nEXPOSE 443");
    assert_eq!(found.expose, ["8080/tcp", "53/udp", "443"]);
    let told = notes(&found);
    for line in ["2: EXPOSE 99999", "2: EXPOSE 90-99", "2: EXPOSE 80/http"] {
        assert!(told.contains(line), "{told}");
    }
}

#[test]
fn suites_and_other_bases() {
    let of = |image: &str| {
        let found = found(&format!("FROM {image}"));
        (found.suite, found.notes.len())
    };
    for (image, suite, notes) in [
        ("debian:trixie-slim", Some("trixie"), 0),
        ("docker.io/library/debian:12.8-slim@sha256:abc", Some("bookworm"), 0),
        ("--platform=linux/amd64 debian", None, 0),
        ("debian:stretch", None, 1),
        ("python:3.13-slim-trixie", Some("trixie"), 1),
        ("localhost:5000/x", None, 1),
    ] {
        assert_eq!(of(image), (suite.map(str::to_owned), notes), "{image}");
    }
}

#[test]
fn what_cannot_be_taken_over_is_told() {
    let found = found(
        "FROM debian\nCOPY . /src\nADD https://x.example/y /y\nCOPY *.conf /etc/\nADD x.tar.gz /x\nHEALTHCHECK CMD x\nSHELL [\"bash\"]\n\
         RUN [\"apt-get\", \"install\", \"curl\"]\nRUN python3 <<E\nprint()\nE\nRUN --mount=type=cache,target=/x apt-get install vim\nENV A=$UNKNOWN",
    );
    assert_eq!((found.packages.join(" "), found.recommends, found.files.len()), ("curl vim".into(), true, 0));
    let lines: Vec<usize> = found.notes.iter().map(|note| note.line).collect();
    assert_eq!(lines, [2, 3, 4, 5, 6, 7, 9, 13], "{}", notes(&found));
}

#[test]
fn what_a_later_instruction_removes_is_not_there() {
    let found = found(
        "FROM debian\nRUN apt-get install gcc make make\nRUN make && apt-get purge -y gcc perl\nEXPOSE 80 90-99 80\nENV PATH=/x:$PATH",
    );
    assert_eq!((found.packages.join(" "), found.expose.join(" ")), ("make".into(), "80".into()));
    assert!(found.env["PATH"].starts_with("/x:/usr/local/sbin"));
    let told = notes(&found);
    assert!(told.contains("3: removing perl") && told.contains("4: EXPOSE 90-99") && found.notes.len() == 3, "{told}");
    let (_, refused) = with_container(&Starter::default(), "app", "Dockerfile", &found).unwrap();
    assert_eq!(refused, ["`PATH` is set by Catamaran"]);
}

#[test]
fn what_is_no_dockerfile_says_where() {
    for (text, line) in
        [("", "Dockerfile:1: it has no FROM"), ("FROM x\nCOPY a", "Dockerfile:2: COPY needs"), ("FROM x\n\n%PDF", "Dockerfile:3: `%PDF`")]
    {
        let error = read("Dockerfile", text, &|_| false).unwrap_err();
        assert!(error.message().starts_with(line) && error.kind() == crate::Kind::Usage, "{error}");
    }
}

/// What the lines of any Dockerfile begin with.
const BEGINNINGS: [&str; 13] = [
    "RUN apt-get install -y",
    "ENV",
    "ENV A=",
    "LABEL x=",
    "USER",
    "WORKDIR",
    "EXPOSE",
    "VOLUME",
    "COPY a",
    "ADD --chmod=9 b",
    "CMD",
    "ENTRYPOINT",
    "ARG",
];

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(FROM |RUN |COPY |ENV |[a-z$\\{\\}()<>`'\"\\\\;&|#=\n \\[\\],-]){0,60}") {
        let _ = read("Dockerfile", &text, &|_| false);
    }

    #[test]
    fn whatever_is_taken_over_makes_a_file_that_loads(
        lines in proptest::collection::vec((0..BEGINNINGS.len(), "[a-zA-Z0-9 =:/.,$\\{\\}\"'\\[\\]\\\\\u{1b}\u{7f}é~*-]{0,24}"), 0..24)
    ) {
        let text: String = lines.iter().map(|(beginning, rest)| format!("{} {rest}\n", BEGINNINGS[*beginning])).collect();
        if let Ok(found) = read("Dockerfile", &format!("FROM debian\n{text}"), &|_| false) {
            let (file, _) = with_container(&Starter::default(), "app", "Dockerfile", &found).unwrap();
            prop_assert!(parse("containers.toml".as_ref(), &file).is_ok(), "{}", file);
        }
    }
}
