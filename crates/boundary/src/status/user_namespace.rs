//! Whether a process may have a user namespace of its own, by making one.
//!
//! Everything else that isolates without root hangs on this one, and it is what containers and
//! distributions switch off first. The trial does what a start does: as root it first becomes
//! another user, then makes the namespace and maps its one user into it. A success of `unshare`
//! alone proves nothing: under Ubuntu's AppArmor restriction it succeeds without any rights.

use super::facts::Facts;
use super::finding::{Finding, Probe};
use super::trial;
use ringfence_policy::layer::Layer;
use ringfence_sys::Errno;

/// The probe.
pub(super) const PROBE: Probe = Probe { id: "user-namespace", layer: Layer::Namespaces, run };

fn run(facts: &Facts) -> Finding {
    judge(trial::user_namespace(facts), facts)
}

fn judge(outcome: Result<(), Errno>, facts: &Facts) -> Finding {
    match outcome {
        Ok(()) => Finding::good("user namespaces can be made"),
        Err(errno) => explain(errno, facts),
    }
}

/// Why a namespace was refused, and what to change. Also used by the probes of the other
/// namespaces, which hang on this one.
pub(super) fn explain(errno: Errno, facts: &Facts) -> Finding {
    if facts.max_user_namespaces == Some(0) {
        return Finding::absent("user.max_user_namespaces is 0").remedy(
            "sysctl -w user.max_user_namespaces=15000, and keep it in /etc/sysctl.d/ringfence.conf",
        );
    }
    if facts.userns_clone == Some(0) && !facts.may_administer() {
        return Finding::absent("kernel.unprivileged_userns_clone is 0").remedy(
            "sysctl -w kernel.unprivileged_userns_clone=1, and keep it in \
             /etc/sysctl.d/ringfence.conf",
        );
    }
    if facts.apparmor_userns.is_some_and(|restricted| restricted != 0) {
        return apparmor(facts);
    }
    if facts.seccomp_filtered || facts.container.is_some() {
        return container(errno, facts);
    }
    match errno {
        Errno(libc::ENOSPC | libc::EUSERS) => {
            Finding::absent(format!("a limit on user namespaces is used up: {errno}"))
                .remedy("raise user.max_user_namespaces; namespaces nest at most 32 deep")
        }
        Errno(libc::EINVAL | libc::ENOSYS) => {
            Finding::absent(format!("this kernel has no user namespaces: {errno}"))
                .remedy("use a kernel built with CONFIG_USER_NS")
        }
        _ => Finding::absent(format!("user namespaces are refused: {errno}")).remedy(
            "leave the chroot if this is one; else look for the security module that refuses it \
             in the kernel log (journalctl -k)",
        ),
    }
}

fn apparmor(facts: &Facts) -> Finding {
    let program = facts.program_path();
    Finding::absent(
        "AppArmor takes the rights out of user namespaces \
         (kernel.apparmor_restrict_unprivileged_userns is 1)",
    )
    .remedy(format!(
        "give this program a profile: echo 'abi <abi/4.0>, profile ringfence {program} \
         flags=(unconfined) {{ userns, }}' | sudo tee /etc/apparmor.d/ringfence && \
         sudo apparmor_parser -r /etc/apparmor.d/ringfence"
    ))
    .remedy("or, for the whole host: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0")
}

fn container(errno: Errno, facts: &Facts) -> Finding {
    let place = facts.container.as_ref().map_or("a seccomp filter", |container| container.kind);
    Finding::absent(format!("user namespaces are refused here ({place}): {errno}"))
        .remedy(
            "start the container with a seccomp profile that permits clone3, unshare, mount, \
             move_mount, fsopen, fsmount, mount_setattr, open_tree and pivot_root (Docker: \
             --security-opt seccomp=FILE; Kubernetes: securityContext.seccompProfile)",
        )
        .remedy("and with an unmasked /proc (Docker: --security-opt systempaths=unconfined)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::facts::Container;
    use ringfence_policy::layer::Answer;

    fn refused(facts: &Facts) -> Finding {
        judge(Err(Errno(libc::EPERM)), facts)
    }

    #[test]
    fn each_switch_that_forbids_user_namespaces_is_named_with_its_remedy() {
        let none = Facts { max_user_namespaces: Some(0), ..Facts::default() };
        assert!(refused(&none).remedies[0].contains("user.max_user_namespaces=15000"));
        let debian = Facts { userns_clone: Some(0), ..Facts::default() };
        assert!(refused(&debian).remedies[0].contains("kernel.unprivileged_userns_clone=1"));
        let ubuntu = Facts { apparmor_userns: Some(1), ..Facts::default() };
        assert!(refused(&ubuntu).remedies[0].contains("userns,"));
        let filtered = Facts { seccomp_filtered: true, ..Facts::default() };
        assert!(refused(&filtered).remedies[0].contains("seccomp"));
        let trace = "/.dockerenv exists".to_owned();
        let container = Some(Container { kind: "docker", trace });
        let docker = Facts { container, ..Facts::default() };
        assert!(refused(&docker).seen.contains("docker"));
    }

    #[test]
    fn a_refusal_without_a_known_reason_is_absent_and_shows_the_error() {
        let finding = refused(&Facts::default());
        assert!(matches!(finding.answer, Answer::Absent(_)));
        assert!(finding.seen.contains("EPERM"), "{}", finding.seen);
    }
}
