//! `WWW-Authenticate`: what a registry wants to see before it serves (RFC 9110 §11.6.1, distribution "Token Authentication").

/// One challenge that we can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// Name and password with every request.
    Basic,
    /// A token from the token server `realm`.
    Bearer {
        /// Where tokens are made.
        realm: String,
        /// For which service.
        service: Option<String>,
        /// For which rights.
        scope: Option<String>,
    },
}

/// Longer headers are not read.
const MAX_HEADER: usize = 16 << 10;

impl Challenge {
    /// The best challenge in the values of `WWW-Authenticate`: Bearer before Basic; `None` when there is neither.
    pub fn best<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<Challenge> {
        let all: Vec<Challenge> = headers.into_iter().filter(|h| h.len() <= MAX_HEADER).flat_map(parse).collect();
        all.iter().find(|c| matches!(c, Challenge::Bearer { .. })).or(all.first()).cloned()
    }
}

/// Every challenge of one header value that we understand.
fn parse(header: &str) -> Vec<Challenge> {
    let mut found = Vec::new();
    let mut scheme = String::new();
    let mut parameters: Vec<(String, String)> = Vec::new();
    let mut flush = |scheme: &mut String, parameters: &mut Vec<(String, String)>| {
        let get = |name: &str| parameters.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
        match (scheme.to_ascii_lowercase().as_str(), get("realm")) {
            ("basic", _) => found.push(Challenge::Basic),
            ("bearer", Some(realm)) => found.push(Challenge::Bearer { realm, service: get("service"), scope: get("scope") }),
            _ => {}
        }
        scheme.clear();
        parameters.clear();
    };
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find(|c: char| c.is_ascii_whitespace() || c == '=' || c == ',').unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let value = after.trim_start_matches([' ', '\t']).strip_prefix('=');
        match value {
            Some(value) => {
                let (value, after) = parameter(value.trim_start_matches([' ', '\t']));
                parameters.push((word.to_ascii_lowercase(), value));
                rest = after;
            }
            None if word.is_empty() => break,
            None => {
                flush(&mut scheme, &mut parameters);
                scheme = word.to_owned();
                rest = after;
            }
        }
    }
    flush(&mut scheme, &mut parameters);
    found
}

/// A token or a quoted string, and what follows it.
fn parameter(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return (value, &quoted[at + 1..]),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_registries_send_is_understood() {
        let bearer = |realm: &str, service: Option<&str>, scope: Option<&str>| {
            Some(Challenge::Bearer { realm: realm.into(), service: service.map(str::to_owned), scope: scope.map(str::to_owned) })
        };
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push",error="insufficient_scope""#;
        assert_eq!(
            Challenge::best([hub]),
            bearer("https://auth.docker.io/token", Some("registry.docker.io"), Some("repository:a/b:pull,push"))
        );
        assert_eq!(Challenge::best([r#"Basic realm="basic-realm""#]), Some(Challenge::Basic));
        assert_eq!(
            Challenge::best([r#"Basic realm="x", BEARER realm = "https://t/\"q", service=plain"#]),
            bearer("https://t/\"q", Some("plain"), None)
        );
        assert_eq!(Challenge::best(["Negotiate", "Basic"]), Some(Challenge::Basic));
        assert_eq!(Challenge::best(["Bearer service=x"]), None);
        assert_eq!(Challenge::best(["Negotiate abc==", ""]), None);
    }

    proptest! {
        #[test]
        fn any_header_ends_in_an_answer(text in "\\PC{0,200}", noise in "[Bbasicer =,\"\\\\a-z]{0,80}") {
            let _ = Challenge::best([text.as_str(), noise.as_str()]);
        }
    }
}
