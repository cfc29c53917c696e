//! Whether paths of a service can be resolved without leaving its view (`openat2`, Linux 5.6).

use super::facts::Facts;
use super::finding::{Finding, Probe};
use ringfence_policy::layer::Layer;
use ringfence_sys::{Errno, probe};

/// The probe.
pub(super) const PROBE: Probe = Probe { id: "path-resolution", layer: Layer::Broker, run };

fn run(facts: &Facts) -> Finding {
    judge(probe::openat2(), facts)
}

fn judge(outcome: Result<(), Errno>, facts: &Facts) -> Finding {
    match outcome {
        Ok(()) => Finding::good("openat2 is available"),
        Err(errno) if facts.kernel_at_least(5, 6) => {
            Finding::absent(format!("openat2 is refused by a filter: {errno}"))
                .remedy("start the container with a seccomp profile that permits openat2")
        }
        Err(_) => Finding::absent(format!("Linux {} has no openat2", facts.kernel))
            .remedy("boot Linux 6.7 or newer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_kernel_is_told_from_a_filter() {
        let host = |kernel: &str| Facts { kernel: kernel.to_owned(), ..Facts::default() };
        let judge = |kernel| judge(Err(Errno(libc::ENOSYS)), &host(kernel));
        assert!(judge("5.4.0").remedies[0].contains("boot"));
        assert!(judge("6.8.0").remedies[0].contains("profile"));
    }
}
