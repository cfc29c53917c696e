//! Which layers a start will have, and whether that is enough.
//!
//! Each layer answers for itself. A required layer that is absent refuses the start before any
//! process is made; a host that refuses namespaces is asked once more without them, and then the
//! answer of every layer that depends on them changes too.

use super::attach::Joined;
use super::error::EnforceError;
use super::lock::LeftOut;
use crate::plan::Plan;
use ringfence_policy::layer::{Answer, Layer};
use ringfence_policy::model::RequiredLayers;
use ringfence_sys::{Errno, landlock};

/// The answers of one start.
#[derive(Debug, Clone)]
pub struct Layers {
    /// Every layer once, outside in.
    pub answers: Vec<(Layer, Answer)>,
    pub(super) namespaces: bool,
    pub(super) landlock: landlock::Rights,
    /// Nothing, but in a self-test.
    pub(super) left_out: LeftOut,
    /// A live service in whose namespaces the program is to run.
    pub(super) joined: Option<std::sync::Arc<Joined>>,
}

/// Oldest Landlock that knows TCP rights, the broker's third lock.
const OLDEST_LANDLOCK: u32 = 4;

impl Layers {
    /// Asks the host, assuming that it gives namespaces.
    pub(super) fn find(plan: &Plan) -> Result<Self, EnforceError> {
        let abi = landlock::abi();
        let mut found = Self {
            answers: Vec::new(),
            namespaces: true,
            landlock: landlock::rights_for(abi.unwrap_or_default()),
            left_out: LeftOut::default(),
            joined: None,
        };
        found.answers =
            Layer::ALL.into_iter().map(|layer| (layer, found.answer(layer, plan, abi))).collect();
        found.check(plan)?;
        Ok(found)
    }

    /// The same without namespaces.
    pub(super) fn without_namespaces(
        mut self,
        plan: &Plan,
        errno: Errno,
    ) -> Result<Self, EnforceError> {
        self.namespaces = false;
        let hidden = "without namespaces chmod, chown, utimes, xattr and stat are out of reach, and the host's files are visible by name";
        for (layer, answer) in &mut self.answers {
            match layer {
                Layer::Namespaces => {
                    *answer = Answer::Absent(format!("this host refuses user namespaces: {errno}"));
                }
                Layer::Landlock if *answer == Answer::Enforced => {
                    *answer = Answer::Partial(hidden.to_owned());
                }
                Layer::Broker => {
                    *answer = Answer::Partial(
                        "without a network namespace there is no resolver, no datagram and no listener of its own".to_owned(),
                    );
                }
                _ => {}
            }
        }
        if !plan.secrets.is_empty() {
            return Err(EnforceError::SecretsWithoutNamespaces(errno));
        }
        self.check(plan)?;
        Ok(self)
    }

    fn answer(&self, layer: Layer, plan: &Plan, abi: Option<u32>) -> Answer {
        match layer {
            Layer::Environment => plan.environment_answer.clone(),
            Layer::NodeFlags => plan.node_answer.clone(),
            Layer::Identity if plan.identity.switch || no_groups(plan) => Answer::Enforced,
            Layer::Identity => Answer::Partial(
                "supplementary groups of the caller remain: only root can take them away"
                    .to_owned(),
            ),
            Layer::Landlock => match abi {
                None => {
                    Answer::Absent("this kernel has no Landlock, or it is switched off".to_owned())
                }
                Some(abi) if abi < OLDEST_LANDLOCK => Answer::Absent(format!(
                    "this kernel's Landlock is version {abi}; TCP rights need version {OLDEST_LANDLOCK} (Linux 6.7)"
                )),
                Some(abi) if self.landlock.scope == 0 => Answer::Partial(format!(
                    "Landlock version {abi} cannot keep signals inside: other processes are hidden by the pid namespace, but the process group that ringfence runs in can be signalled"
                )),
                Some(_) => Answer::Enforced,
            },
            Layer::Cgroup if !limits_group(plan) => Answer::NotNeeded,
            Layer::Rlimits | Layer::Namespaces | Layer::Seccomp | Layer::Broker | Layer::Cgroup => {
                Answer::Enforced
            }
        }
    }

    pub(super) fn set(&mut self, layer: Layer, new: Answer) {
        if let Some((_, answer)) = self.answers.iter_mut().find(|(l, _)| *l == layer) {
            *answer = new;
        }
    }

    /// Refuses when a required layer is absent.
    pub(super) fn check(&self, plan: &Plan) -> Result<(), EnforceError> {
        for (layer, answer) in &self.answers {
            let required = match &plan.require {
                RequiredLayers::All => true,
                RequiredLayers::Listed(listed) => listed.contains(layer),
            };
            // These two are what the broker stands on: without them nothing is claimed at all.
            let always = matches!(layer, Layer::Seccomp | Layer::Landlock | Layer::Broker);
            if let Answer::Absent(why) = answer
                && (required || always)
            {
                return Err(EnforceError::LayerAbsent { layer: *layer, why: why.clone() });
            }
        }
        Ok(())
    }
}

/// Whether a limit needs a control group.
pub(super) fn limits_group(plan: &Plan) -> bool {
    plan.limits.memory.is_some() || plan.limits.pids.is_some() || plan.limits.cpu.is_some()
}

/// An unprivileged caller without supplementary groups leaves nothing to take away.
fn no_groups(plan: &Plan) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let groups = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap_or("?");
    groups.split_whitespace().all(|group| group == plan.identity.gid.to_string())
}
