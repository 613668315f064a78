//! What counts in the end: images of real servers and languages *run*, under Docker, on both architectures.

use crate::docker::{Docker, TlsServer};
use crate::harness::{Project, Registry};

const CONTAINERS: &str = r#"
[defaults]
targets = ["x86_64", "aarch64"]
base = ["bash", "coreutils", "dash"]

[containers.nginx]
packages = ["nginx"]
[containers.redis]
packages = ["redis-server", "redis-tools"]
entrypoint = "redis-server"
user = "redis"
[containers.postgres]
packages = ["postgresql-17"]
entrypoint = "bash"
user = "postgres"
[containers.python3]
packages = ["python3", "ca-certificates", "libc-bin"] # ctypes asks ldconfig, which is in libc-bin
[containers.node]
packages = ["nodejs"]
[containers.java]
packages = ["default-jre-headless"]
[containers.ruby]
packages = ["ruby"]
[containers.php]
packages = ["php-cli"]
[containers.git]
packages = ["git", "ca-certificates"]
[containers.curl]
packages = ["curl", "ca-certificates"]
"#;

/// A container, a shell command to run in it, and what its output must contain.
const RUNS: [(&str, &str, &[&str]); 10] = [
    (
        "nginx",
        "nginx -t && nginx && exec 3<>/dev/tcp/127.0.0.1/80 && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3; \
         nginx -s stop",
        &["syntax is ok", "200 OK", "Welcome to nginx!"],
    ),
    (
        "redis",
        "redis-server /etc/redis/redis.conf --port 0 --unixsocket /tmp/redis.sock --daemonize yes >&2 && sleep 1 && \
         redis-cli -s /tmp/redis.sock set key 42 && redis-cli -s /tmp/redis.sock get key && id -un && \
         stat -c '%U:%G %a %n' /etc/redis/redis.conf /var/lib/redis; redis-cli -s /tmp/redis.sock shutdown nosave",
        &["OK", "42", "redis", "redis:redis 640 /etc/redis/redis.conf", "redis:redis 750 /var/lib/redis"],
    ),
    (
        "postgres",
        "bin=/usr/lib/postgresql/17/bin; $bin/initdb -D /tmp/data >/dev/null && \
         $bin/pg_ctl -s -w -D /tmp/data -l /tmp/log -o '-k /tmp -c listen_addresses=' start && psql -h /tmp -tAc 'select 6 * 7' && id -un; \
         $bin/pg_ctl -s -D /tmp/data stop",
        &["42", "postgres"],
    ),
    (
        "python3",
        "python3 -c 'import ssl, ctypes, ctypes.util; name = ctypes.util.find_library(\"ssl\"); ctypes.CDLL(name); \
         print(name, len(ssl.create_default_context().get_ca_certs()) > 100)'",
        &["libssl.so.3 True"],
    ),
    ("node", "node -e 'console.log(6 * 7, require(\"tls\").rootCertificates.length > 100)'", &["42 true"]),
    ("java", "java -version && keytool -list -cacerts -storepass changeit", &["openjdk version", "Your keystore contains 1"]),
    ("ruby", "ruby -ropenssl -rjson -e 'puts JSON.generate([6 * 7]), OpenSSL::OPENSSL_LIBRARY_VERSION'", &["[42]", "OpenSSL 3"]),
    ("php", "php -r 'echo json_encode([6 * 7]), extension_loaded(\"Zend OPcache\") ? \" opcache\" : \"\";'", &["[42] opcache"]),
    (
        "git",
        "git clone -q $URL/repository.git /tmp/untrusted; GIT_SSL_CAINFO=/certificate.pem git clone -q $URL/repository.git /tmp/trusted && \
         cat /tmp/trusted/file",
        &["certificate", "cloned over TLS"],
    ),
    (
        "curl",
        "curl -sS $URL/hello; curl -sS --cacert /certificate.pem $URL/hello && ls /etc/ssl/certs | grep -c '[.]0$'",
        &["SSL certificate problem: self-signed certificate", "hello over TLS"],
    ),
];

#[test]
fn images_of_servers_and_languages_run_on_both_architectures() {
    let (registry, docker, tls) = (Registry::start(), Docker::start(), TlsServer::start());
    let project = Project::new(&format!("[registry]\nhost = \"{}\"\nrepository = \"run/{{container}}\"\n{CONTAINERS}", registry.host))
        .with_releases("trixie");
    project.ok(&["release", "1", "--yes"]);
    let (url, certificate) = (format!("URL={}", tls.url), format!("{}:/certificate.pem:ro", tls.certificate.display()));
    let mut problems = Vec::new();
    for architecture in ["amd64", "arm64"] {
        for (container, script, expected) in RUNS {
            let reference = format!("{}/run/{container}:1", registry.host);
            docker.pull(&reference, architecture);
            let ran = docker.run(&reference, architecture, &["--entrypoint", "bash", "-e", &url, "-v", &certificate], &["-c", script]);
            let said = format!("{}{}", ran.out, ran.err);
            let missing: Vec<&&str> = expected.iter().filter(|words| !said.contains(**words)).collect();
            if !missing.is_empty() {
                problems.push(format!("{container} for {architecture} did not say {missing:?}; exit code {}, it said:\n{said}", ran.code));
            }
            docker.forget(&reference);
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}
