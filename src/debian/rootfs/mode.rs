//! Symbolic modes of `chmod` (POSIX chmod, "Extended Description").

/// `mode` after `text`, like `u+s,go-w`, with the umask 022 of maintainer scripts.
pub(super) fn symbolic(text: &str, mode: u32, is_directory: bool) -> Result<u32, String> {
    let wrong = || format!("`{text}` is no mode");
    let mut mode = mode;
    for clause in text.split(',') {
        let operator = clause.find(['+', '-', '=']).ok_or_else(wrong)?;
        let mut who = 0;
        for c in clause[..operator].chars() {
            who |= match c {
                'u' => 0o4700,
                'g' => 0o2070,
                'o' => 0o1007,
                'a' => 0o7777,
                _ => return Err(wrong()),
            };
        }
        // Without a "who" the umask decides.
        let mask = if who == 0 { 0o7777 & !0o022 } else { who };
        let mut rest = &clause[operator..];
        while let Some(operator) = rest.chars().next() {
            let end = rest[1..].find(['+', '-', '=']).map_or(rest.len(), |at| at + 1);
            let mut bits = 0;
            for c in rest[1..end].chars() {
                bits |= match c {
                    'r' => 0o444,
                    'w' => 0o222,
                    'x' => 0o111,
                    'X' if is_directory || mode & 0o111 != 0 => 0o111,
                    'X' => 0,
                    's' => 0o6000,
                    't' => 0o1000,
                    'u' => spread(mode >> 6),
                    'g' => spread(mode >> 3),
                    'o' => spread(mode),
                    _ => return Err(wrong()),
                };
            }
            // The sticky bit is everyone's; set-id bits are those of user and group.
            let bits = bits & (mask | if who == 0o7777 || who == 0 { 0o1000 } else { 0 });
            mode = match operator {
                '+' => mode | bits,
                '-' => mode & !bits,
                // GNU chmod keeps a directory's set-id bits unless they are named.
                _ => (mode & !(if is_directory { mask & 0o1777 } else { mask })) | bits,
            };
            rest = &rest[end..];
        }
    }
    Ok(mode)
}

/// The permissions of one class for all three.
fn spread(class: u32) -> u32 {
    (class & 7) * 0o111
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// coreutils' `chmod` is the judge.
    #[test]
    fn modes_are_those_of_chmod() {
        let folder = tempfile::tempdir().unwrap();
        let (file, directory) = (folder.path().join("f"), folder.path().join("d"));
        std::fs::write(&file, "").unwrap();
        std::fs::create_dir(&directory).unwrap();
        for before in [0o644, 0o755, 0o4755, 0o600, 0o2750, 0o1777] {
            for text in ["u+s", "g+s", "go-rwx", "a+X", "+x", "o=", "u=rwx,g=rx,o=", "g=u", "ug+rw,o-rwx", "g+w", "u-x,g=o", "a=r"] {
                for (path, is_directory) in [(&file, false), (&directory, true)] {
                    std::fs::set_permissions(path, std::fs::Permissions::from_mode(before)).unwrap();
                    let command = format!("umask 022; chmod {text} {}", path.display());
                    assert!(std::process::Command::new("sh").args(["-c", &command]).status().unwrap().success());
                    let after = std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
                    let ours = symbolic(text, before, is_directory).unwrap();
                    assert_eq!(ours, after, "{text} on {before:o} ({is_directory}): {ours:o}, chmod says {after:o}");
                }
            }
        }
        assert!(symbolic("u+q", 0, false).is_err() && symbolic("644", 0, false).is_err() && symbolic("", 0, false).is_err());
    }
}
