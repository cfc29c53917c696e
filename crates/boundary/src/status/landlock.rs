//! Whether the kernel's Landlock can carry the file and network rules.
//!
//! Version 4 (Linux 6.7) is the first that can forbid TCP, which is one of the five locks of the
//! broker: below it a boundary with network grants would be weaker than it says. Versions are
//! those of Documentation/userspace-api/landlock.rst.

use super::facts::Facts;
use super::finding::{Finding, Probe};
use ringfence_policy::layer::Layer;
use ringfence_sys::landlock;

/// The probe.
pub(super) const PROBE: Probe = Probe { id: "landlock", layer: Layer::Landlock, run };

/// First version with network rules.
const NETWORK: u32 = 4;

/// First version with scopes for signals and abstract sockets.
const SCOPES: u32 = 6;

fn run(facts: &Facts) -> Finding {
    judge(landlock::abi(), facts)
}

fn judge(version: Option<u32>, facts: &Facts) -> Finding {
    match version {
        None => absent(facts),
        Some(version) if version < NETWORK => Finding::absent(format!(
            "Landlock version {version} has no network rules (they came with version {NETWORK})"
        ))
        .remedy(format!("boot Linux 6.7 or newer (this is {})", facts.kernel)),
        Some(version) if version < SCOPES => Finding::partial(format!(
            "Landlock version {version} does not confine signals and abstract sockets \
             (version {SCOPES} does); the pid and network namespaces do"
        ))
        .remedy(format!("boot Linux 6.12 or newer (this is {})", facts.kernel)),
        Some(version) => {
            Finding::good(format!("Landlock version {version}: files, network and scopes"))
        }
    }
}

fn absent(facts: &Facts) -> Finding {
    if let Some(modules) = &facts.security_modules
        && !modules.iter().any(|module| module == "landlock")
    {
        let list = modules.join(",");
        return Finding::absent("Landlock is not among the active security modules").remedy(
            format!(
                "boot with lsm=landlock,{list} (in GRUB: GRUB_CMDLINE_LINUX), then update-grub"
            ),
        );
    }
    if facts.seccomp_filtered {
        return Finding::absent("a seccomp filter over this process refuses Landlock").remedy(
            "start the container with a seccomp profile that permits landlock_create_ruleset, \
             landlock_add_rule and landlock_restrict_self",
        );
    }
    let old = format!("this kernel ({}) has no Landlock", facts.kernel);
    if facts.kernel_at_least(5, 13) {
        Finding::absent(old).remedy(
            "use a kernel built with CONFIG_SECURITY_LANDLOCK and boot with lsm=landlock,...",
        )
    } else {
        Finding::absent(old).remedy("boot Linux 6.7 or newer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_policy::layer::Answer;

    fn modules(list: &[&str]) -> Facts {
        let list = list.iter().map(|&module| module.to_owned()).collect();
        Facts { security_modules: Some(list), kernel: "6.8.0".to_owned(), ..Facts::default() }
    }

    #[test]
    fn a_version_without_network_rules_is_absent() {
        assert!(matches!(judge(Some(3), &Facts::default()).answer, Answer::Absent(_)));
        assert!(matches!(judge(Some(4), &Facts::default()).answer, Answer::Partial(_)));
        assert_eq!(judge(Some(6), &Facts::default()).answer, Answer::Enforced);
        assert_eq!(judge(Some(99), &Facts::default()).answer, Answer::Enforced);
    }

    #[test]
    fn landlock_left_out_of_the_boot_line_is_named_with_the_line_to_boot_with() {
        let finding = judge(None, &modules(&["capability", "yama", "apparmor"]));
        assert!(finding.remedies[0].contains("lsm=landlock,capability,yama,apparmor"));
    }

    #[test]
    fn a_filter_that_hides_landlock_is_told_from_a_kernel_without_it() {
        let filtered = Facts { seccomp_filtered: true, ..modules(&["landlock"]) };
        assert!(judge(None, &filtered).seen.contains("seccomp"));
        let old = Facts { kernel: "5.10.0".to_owned(), ..Facts::default() };
        assert!(judge(None, &old).remedies[0].contains("6.7"));
    }
}
