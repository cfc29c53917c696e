//! Decisions about unix sockets.
//!
//! This compares names. The broker also holds the object a name leads to against the object the
//! grant leads to, since a name can be moved.

use super::Refusal;
use crate::display;
use crate::model::Network;
use crate::paths;
use crate::source::Located;

impl Network {
    /// May the service connect to the unix socket at this absolute path? Grants are compared as
    /// written: `boundary::resolve` makes relative ones absolute first.
    ///
    /// # Errors
    /// No grant names the path, or it is relative or abstract.
    pub fn may_connect_unix(&self, path: &str) -> Result<&Located<String>, Refusal> {
        if path.is_empty() || path.starts_with(['\0', '@']) {
            let reason = "abstract sockets stay inside the boundary".to_owned();
            return Err(Refusal::never(reason));
        }
        let shown = display::quoted(path).to_string();
        if !path.starts_with('/') {
            return Err(Refusal::never(format!("{shown} is not an absolute path")));
        }
        let asked = paths::normal(path);
        if let Some(grant) = self.unix.iter().find(|grant| paths::normal(&grant.value) == asked) {
            return Ok(grant);
        }
        if self.cuts.whole.unix.contains(&asked) {
            return Err(Refusal::dropped(shown));
        }
        Err(Refusal::missing(format!("no grant in net.unix names {shown}"), "net.unix", &asked))
    }
}

#[cfg(test)]
mod tests {
    use crate::parse::tests::network;

    #[test]
    fn a_unix_socket_needs_a_grant_of_its_own_path() {
        let network = network(r#"unix = ["/run/postgresql/.s.PGSQL.5432"]"#);
        for (path, granted) in [
            ("/run/postgresql/.s.PGSQL.5432", true),
            ("/run//postgresql/./.s.PGSQL.5432", true),
            ("/run/postgresql", false),
            ("/run/postgresql/.s.PGSQL.5432/x", false),
            ("/run/docker.sock", false),
            ("run/postgresql/.s.PGSQL.5432", false),
            ("\0/run/postgresql/.s.PGSQL.5432", false),
            ("@abstract", false),
            ("", false),
        ] {
            assert_eq!(network.may_connect_unix(path).is_ok(), granted, "{path:?}");
        }
        let refusal = network.may_connect_unix("/run/docker.sock").unwrap_err();
        assert_eq!(refusal.reason, "no grant in net.unix names /run/docker.sock");
        assert_eq!(refusal.missing_grant.as_deref(), Some("net.unix = [\"/run/docker.sock\"]"));
        assert_eq!(network.may_connect_unix("@x").unwrap_err().missing_grant, None);
        let refusal = network.may_connect_unix("/run/\u{202e}kcos.x\"").unwrap_err();
        assert_eq!(refusal.reason, "no grant in net.unix names /run/\\u{202e}kcos.x\"");
        assert_eq!(refusal.missing_grant, None);
    }
}
