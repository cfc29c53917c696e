//! Keys of packages: how each version of the format writes a name and a version together.

use crate::graph::entry::split_at;

/// The form of keys.
#[derive(Debug, Clone, Copy)]
pub(super) enum Keys {
    /// Version 9: `name@version(peer@version)`.
    At,
    /// Version 6: `/name@version(peer@version)`.
    SlashAt,
    /// Version 5: `/name/version_peer@version`.
    Slashes,
}

impl Keys {
    /// The key of a name and the reference that somebody has to it.
    pub(super) fn join(self, name: &str, reference: &str) -> String {
        match self {
            Self::At => format!("{name}@{reference}"),
            Self::SlashAt => format!("/{name}@{reference}"),
            Self::Slashes => format!("/{name}/{reference}"),
        }
    }

    /// A key without the peers in parentheses at its end.
    pub(super) fn without_peers(key: &str) -> &str {
        // Addresses may hold parentheses too: those of peers are the last ones, with nothing between.
        let mut open = 0_usize;
        let last = key.char_indices().rev().find(|(_, mark)| {
            match mark {
                ')' => open += 1,
                '(' => open = open.saturating_sub(1),
                _ => return open == 0,
            }
            false
        });
        last.map_or(key, |(at, mark)| &key[..at + mark.len_utf8()])
    }

    /// Name and version, or address, of a key; nothing for addresses that stand alone.
    pub(super) fn split(self, key: &str) -> Option<(&str, &str)> {
        match self {
            Self::At => split_at(Self::without_peers(key)),
            Self::SlashAt => split_at(Self::without_peers(key.strip_prefix('/')?)),
            Self::Slashes => {
                let (name, version) = name_and_rest(key.strip_prefix('/')?)?;
                Some((name, version.split(['_', '(']).next().unwrap_or(version)))
            }
        }
    }
}

/// The version begins behind the name, which has a `/` only behind its scope.
fn name_and_rest(key: &str) -> Option<(&str, &str)> {
    let skip = if key.starts_with('@') { key.find('/')? + 1 } else { 0 };
    let end = key[skip..].find('/')? + skip;
    Some((&key[..end], &key[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::Keys;

    #[test]
    fn names_and_versions_are_told_apart_in_each_form() {
        let told = |keys: Keys, key: &'static str| keys.split(key);
        assert_eq!(told(Keys::At, "@s/a@1.0.0(@s/b@2.0.0(c@3.0.0))"), Some(("@s/a", "1.0.0")));
        assert_eq!(
            told(Keys::At, "a@https://h.example/a(1).tgz"),
            Some(("a", "https://h.example/a(1).tgz"))
        );
        assert_eq!(
            told(Keys::At, "a@https://h.example/a(1).tgz(b@2.0.0(c@1.0.0))(d@1.0.0)"),
            Some(("a", "https://h.example/a(1).tgz"))
        );
        assert_eq!(told(Keys::At, "(("), None);
        assert_eq!(told(Keys::SlashAt, "/@s/a@1.0.0(b@2.0.0)"), Some(("@s/a", "1.0.0")));
        assert_eq!(told(Keys::SlashAt, "file:a"), None);
        assert_eq!(told(Keys::Slashes, "/@s/a/1.0.0_b@2.0.0"), Some(("@s/a", "1.0.0")));
        assert_eq!(told(Keys::Slashes, "/a/1.0.0_@s+b@2.0.0"), Some(("a", "1.0.0")));
        assert_eq!(told(Keys::Slashes, "/a_b/1.0.0"), Some(("a_b", "1.0.0")));
    }
}
