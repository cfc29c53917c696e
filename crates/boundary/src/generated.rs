//! The small files of `/etc` that are written for every service.
//!
//! One list for all who must agree on it: who writes them, who tells Node's flags of them, who
//! mounts grants around them and who explains a refusal. What is in them says `enforce`. They show
//! nothing of the host, so no grant is needed for one and none shows the host's.

/// Their absolute paths, inside.
pub(crate) const GENERATED: [&str; 6] = [
    "/etc/group",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/resolv.conf",
];

#[cfg(test)]
mod tests {
    use super::GENERATED;
    use crate::node::flags::OWN_READ;

    #[test]
    fn nodes_flags_let_javascript_read_every_generated_file() {
        for path in GENERATED {
            assert!(OWN_READ.contains(&path), "{path}");
        }
        assert!(!OWN_READ.contains(&"/etc"));
        assert!(!OWN_READ.contains(&"/etc/shadow"));
    }
}
