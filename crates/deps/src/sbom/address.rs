//! Addresses as bills may have them: whole ones, where lockfiles write short ones.

/// Short forms that npm knows, and the hosts they mean.
const SHORT: [(&str, &str); 4] = [
    ("github:", "https://github.com/"),
    ("gitlab:", "https://gitlab.com/"),
    ("bitbucket:", "https://bitbucket.org/"),
    ("gist:", "https://gist.github.com/"),
];

/// The address of a repository, without the tool in front.
pub(super) fn repository(text: &str) -> String {
    let text = text.strip_prefix("git+").unwrap_or(text);
    for (short, host) in SHORT {
        if let Some(path) = text.strip_prefix(short) {
            let path = path.strip_suffix(".git").unwrap_or(path);
            return escaped(&format!("{host}{path}.git"));
        }
    }
    // The form of scp, `git@host:path`, alone or behind a protocol.
    let rest = text.strip_prefix("ssh://").unwrap_or(text);
    if rest.len() < text.len() || !text.contains("://") {
        let (before, path) = rest.split_once(':').unwrap_or((rest, ""));
        let is_port = path.split('/').next().is_some_and(|port| port.parse::<u16>().is_ok());
        if !before.contains('/') && !path.is_empty() && !is_port {
            return escaped(&format!("ssh://{before}/{}", path.trim_start_matches('/')));
        }
    }
    escaped(text)
}

/// The same for tools that want to know how to fetch it (pip's form, which SPDX and purl took).
pub(super) fn with_tool(url: &str, commit: Option<&str>) -> String {
    let address = repository(url);
    let tool = if address.starts_with("git:") { "" } else { "git+" };
    let commit = commit.map(|commit| format!("@{commit}")).unwrap_or_default();
    format!("{tool}{address}{commit}")
}

/// Without what no address may hold (RFC 3986), which is percent-encoded.
pub(super) fn escaped(text: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    let mut out = String::with_capacity(text.len());
    super::encode(&mut out, text, kept, '%');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_become_whole_addresses() {
        for (short, whole) in [
            ("github:a/b", "https://github.com/a/b.git"),
            ("git@code.example:a/b.git", "ssh://git@code.example/a/b.git"),
            ("git+ssh://git@code.example:a/b.git", "ssh://git@code.example/a/b.git"),
            ("git+ssh://git@code.example:2222/a/b.git", "ssh://git@code.example:2222/a/b.git"),
            ("git+https://code.example/a b.git", "https://code.example/a%20b.git"),
            ("git://code.example/a.git", "git://code.example/a.git"),
            ("https://code.example:8443/a.git", "https://code.example:8443/a.git"),
        ] {
            assert_eq!(repository(short), whole);
        }
        assert_eq!(with_tool("github:a/b", Some("0a")), "git+https://github.com/a/b.git@0a");
        assert_eq!(with_tool("git://code.example/a.git", None), "git://code.example/a.git");
    }
}
