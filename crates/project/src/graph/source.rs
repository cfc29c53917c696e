//! Where a package comes from.

/// Where a package comes from, as the lockfile says it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// A folder or tarball of this machine: `file:`.
    File {
        /// As written, without `file:`.
        path: String,
    },
    /// A repository, fetched by git.
    Git {
        /// Address without the commit.
        url: String,
        /// The commit; `None` where only a branch or tag is named.
        commit: Option<String>,
    },
    /// A folder that is linked and not copied: a workspace, `link:` or `portal:`.
    Link {
        /// As written, without its protocol.
        path: String,
    },
    /// A registry: the address has a registry's form for this name, or there is none, which means the
    /// registry that is configured.
    Registry {
        /// Address of the tarball, without its hash.
        url: Option<String>,
    },
    /// A tarball at an address that is not that of a registry for this name and version.
    Tarball {
        /// The address.
        url: String,
    },
}

/// Protocols that git is asked for, and hosts with a short form of their own.
const GIT: [&str; 9] =
    ["git:", "git+", "git@", "ssh://", "github:", "gitlab:", "bitbucket:", "gist:", "git://"];

impl Source {
    /// What an address says that stands where npm writes `resolved`.
    ///
    /// Registries serve `<anything>/<name>/-/<name without scope>-<version>.tgz`; an address of another
    /// shape, or of another name or version, is a tarball of somebody's own.
    #[must_use]
    pub fn of_address(address: &str, name: &str, version: Option<&str>) -> Self {
        let owned = |text: &str| text.to_owned();
        if let Some(path) = address.strip_prefix("file:") {
            return Self::File { path: owned(path) };
        }
        for protocol in ["link:", "portal:", "workspace:"] {
            if let Some(path) = address.strip_prefix(protocol) {
                return Self::Link { path: owned(path) };
            }
        }
        let (base, fragment) = match address.split_once('#') {
            Some((base, fragment)) => (base, Some(fragment)),
            None => (address, None),
        };
        if GIT.iter().any(|start| address.starts_with(start))
            || base.rsplit_once('.').is_some_and(|(_, end)| end == "git")
        {
            let commit = fragment.filter(|text| is_commit(text)).map(owned);
            return Self::Git { url: owned(base), commit };
        }
        if !(base.starts_with("https://") || base.starts_with("http://")) {
            return Self::File { path: owned(address) };
        }
        if is_registry(base, name, version) {
            Self::Registry { url: Some(owned(base)) }
        } else {
            Self::Tarball { url: owned(base) }
        }
    }

    /// The host of an address, in lower case and with its port; `None` without an address.
    #[must_use]
    pub fn host(&self) -> Option<String> {
        let url = match self {
            Self::Git { url, .. } | Self::Tarball { url } | Self::Registry { url: Some(url) } => {
                url
            }
            Self::File { .. } | Self::Link { .. } | Self::Registry { url: None } => return None,
        };
        let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let host = authority.rsplit('@').next().unwrap_or(authority);
        (!host.is_empty()).then(|| host.to_ascii_lowercase())
    }
}

/// A whole SHA-1 or SHA-256 of git.
fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_registry(url: &str, name: &str, version: Option<&str>) -> bool {
    let path = url.split(['?']).next().unwrap_or(url);
    let Some((before, file)) = path.rsplit_once("/-/") else { return false };
    let plain = name.rsplit('/').next().unwrap_or(name);
    // Some registries write the scope's slash as %2f.
    let before = before.replace("%2f", "/").replace("%2F", "/");
    let named = before.strip_suffix(name).is_some_and(|rest| rest.ends_with('/'));
    // A registry may put the scope or a folder before the file.
    let file = file.rsplit('/').next().unwrap_or(file);
    let Some(rest) = file.strip_prefix(plain).and_then(|rest| rest.strip_prefix('-')) else {
        return false;
    };
    let Some(found) = rest.strip_suffix(".tgz") else { return false };
    // Build metadata is not part of a registry's file name.
    let wanted = version.map(|version| version.split('+').next().unwrap_or(version));
    named && wanted.is_none_or(|wanted| wanted == found || version == Some(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> Source {
        Source::of_address(address, "@s/a", Some("1.0.0"))
    }

    #[test]
    fn an_address_is_a_registrys_only_for_its_own_name_and_version() {
        let registry = |address| matches!(of(address), Source::Registry { .. });
        assert!(registry("https://registry.example/@s/a/-/a-1.0.0.tgz"));
        assert!(registry("https://host.example/npm/@s%2fa/-/a-1.0.0.tgz"));
        assert!(!registry("https://registry.example/@s/b/-/b-1.0.0.tgz"));
        assert!(!registry("https://registry.example/@s/a/-/a-1.0.1.tgz"));
        assert!(!registry("https://registry.example/x@s/a/-/a-1.0.0.tgz"));
        assert!(!registry("https://files.example/a-1.0.0.tgz"));
    }

    #[test]
    fn other_addresses_are_told_apart() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let git = of(&format!("git+ssh://git@code.example/a.git#{commit}"));
        let url = "git+ssh://git@code.example/a.git".to_owned();
        assert_eq!(git, Source::Git { url, commit: Some(commit.to_owned()) });
        assert_eq!(git.host().as_deref(), Some("code.example"));
        assert!(matches!(of("github:s/a#main"), Source::Git { commit: None, .. }));
        assert!(matches!(of("file:../a"), Source::File { path } if path == "../a"));
        assert!(matches!(of("link:../a"), Source::Link { path } if path == "../a"));
    }
}
