//! Programs that make private keys. They are not run: what they would have made is missing on purpose, and what a script does to it then
//! is nothing.

use super::options::Options;
use crate::debian::script::shell::{Shell, Status};

const WHY: &str = "a private key in an image is everybody's: make one when the container starts";

/// `ssh-keygen -f FILE`: a key and its public half.
pub(super) fn ssh_keygen(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "f t N b C a m O Z");
    if options.has(&["l", "y", "e", "i", "L"]) {
        shell.print(None);
        return None;
    }
    let file = options.value(&["f"]).map(|file| shell.path(file));
    refuse(shell, file.into_iter().flat_map(|file| [format!("{file}.pub"), file]))
}

/// `rndc-confgen -a`: the key with which bind's control program speaks to it.
pub(super) fn rndc_confgen(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "A b c k p s t u");
    if !options.has(&["a"]) {
        shell.print(None);
        return Some(0);
    }
    let file = shell.path(options.value(&["c"]).unwrap_or("/etc/bind/rndc.key"));
    refuse(shell, [file])
}

/// `make-ssl-cert generate-default-snakeoil`, or `make-ssl-cert TEMPLATE FILE`.
pub(super) fn make_ssl_cert(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let options = Options::parse(arguments, "expiration-days");
    let files = match options.operands.as_slice() {
        [name] if name == "generate-default-snakeoil" => {
            vec!["/etc/ssl/certs/ssl-cert-snakeoil.pem".to_owned(), "/etc/ssl/private/ssl-cert-snakeoil.key".to_owned()]
        }
        [_, file] => vec![shell.path(file)],
        _ => Vec::new(),
    };
    refuse(shell, files)
}

/// `openssl rand -out FILE`, `openssl genrsa -out FILE`, `openssl req -keyout FILE -out FILE`: secrets, and certificates of them.
pub(super) fn openssl(shell: &mut Shell<'_>, arguments: &[String]) -> Status {
    let Some((command, rest)) = arguments.split_first() else { return Some(0) };
    let secret = match command.as_str() {
        "rand" | "genrsa" | "genpkey" | "gendsa" | "dhparam" => true,
        "req" => rest.iter().any(|word| matches!(word.as_str(), "-new" | "-newkey" | "-x509")),
        _ => false,
    };
    let files: Vec<String> =
        rest.windows(2).filter(|two| matches!(two[0].as_str(), "-out" | "-keyout")).map(|two| shell.path(&two[1])).collect();
    if secret && !files.is_empty() {
        return refuse(shell, files);
    }
    shell.print(None);
    if files.is_empty() { None } else { shell.refuse("what openssl writes is not known") }
}

fn refuse(shell: &mut Shell<'_>, files: impl IntoIterator<Item = String>) -> Status {
    shell.refuse(WHY);
    files.into_iter().for_each(|file| shell.withhold(&file));
    Some(0)
}
