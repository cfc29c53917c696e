//! Control groups of one start.

use super::error::EnforceError;
use super::layers::{Layers, limits_group};
use crate::plan::Plan;
use ringfence_policy::layer::{Answer, Layer};
use ringfence_sys::cgroup::{self, CgroupError, Group, Limits};
use std::os::fd::OwnedFd;

/// The groups, and a door into each for the service.
#[derive(Debug, Default)]
pub(super) struct Groups {
    group: Option<Group>,
    doors: Vec<OwnedFd>,
}

/// Prefix of every group this program makes.
const PREFIX: &str = "ringfence";

impl Groups {
    /// Makes groups for the limits of a plan, and takes away what a killed supervisor left.
    pub(super) fn make(plan: &Plan, layers: &mut Layers) -> Result<Self, EnforceError> {
        if !limits_group(plan) {
            return Ok(Self::default());
        }
        // What another start left behind is no reason not to start.
        let _ = cgroup::remove_stale(PREFIX);
        let name = cgroup::own_name(PREFIX, &plan.name)
            .map_err(|errno| EnforceError::System { what: "naming a control group", errno })?;
        match Self::create(&name, plan) {
            Ok(groups) => Ok(groups),
            Err(error) => {
                layers.set(Layer::Cgroup, Answer::Absent(error.to_string()));
                layers.check(plan)?;
                Ok(Self::default())
            }
        }
    }

    fn create(name: &str, plan: &Plan) -> Result<Self, CgroupError> {
        let limits = Limits {
            memory: plan.limits.memory.as_ref().map(|l| l.value),
            pids: plan.limits.pids.as_ref().map(|l| l.value),
            cpu: plan.limits.cpu.as_ref().map(|l| l.value),
        };
        let mut groups = Self { group: Some(Group::create(name, &limits)?), doors: Vec::new() };
        if let Some(group) = &groups.group {
            groups.doors = group.doors()?;
        }
        Ok(groups)
    }

    /// `cgroup.procs` of each hierarchy, open for writing with the supervisor's rights.
    pub(super) fn doors(&self) -> impl Iterator<Item = &OwnedFd> {
        self.doors.iter()
    }

    /// The group of the service, where it has limits.
    pub(super) fn of_service(&self) -> Option<&Group> {
        self.group.as_ref()
    }

    pub(super) fn ran_out_of_memory(&self) -> bool {
        self.group.as_ref().is_some_and(|group| group.events().oom_kills > 0)
    }

    pub(super) fn remove(&mut self) {
        if let Some(mut group) = self.group.take() {
            let _ = group.remove();
        }
    }
}

impl Drop for Groups {
    /// A start that fails later, or is tried again without namespaces, leaves none behind.
    fn drop(&mut self) {
        self.remove();
    }
}
