//! Control groups of one start.

use super::error::EnforceError;
use super::layers::{Layers, limits_group};
use crate::plan::Plan;
use ringfence_policy::event::{Action, Event, Kind};
use ringfence_policy::layer::{Answer, Layer};
use ringfence_policy::model;
use ringfence_policy::statement::bytes;
use ringfence_sys::cgroup::{self, CgroupError, Group, Limits};
use std::os::fd::OwnedFd;

/// The groups, and a door into each for the service.
#[derive(Debug, Default)]
pub(super) struct Groups {
    group: Option<Group>,
    doors: Vec<OwnedFd>,
}

/// What the groups tell of a service's limits.
#[derive(Debug, Default)]
pub(super) struct Reached {
    /// A process was killed because memory ran out.
    pub(super) out_of_memory: bool,
    /// One for each limit that was reached; without time and name.
    pub(super) events: Vec<Event>,
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

    /// Limits that the service has reached so far; the layer that holds them is this one.
    pub(super) fn reached(&self, limits: &model::Limits) -> Reached {
        let Some(group) = &self.group else { return Reached::default() };
        let seen = group.events();
        let mut events = Vec::new();
        let mut tell = |what: &str, reason: String| {
            let (kind, action) = (Kind::Denial, Action::Limit);
            let mut event = Event::new(kind, "", "", Layer::Cgroup, action, what);
            event.reason = reason;
            events.push(event);
        };
        let times = |count: u64, one: &str, many: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {many}"),
        };
        if let (Some(limit), 1..) = (&limits.memory, seen.oom_kills) {
            let killed = times(seen.oom_kills, "process was killed", "processes were killed");
            let limit = bytes(limit.value);
            tell("limits.memory", format!("the memory limit of {limit} was reached, {killed}"));
        }
        if let (Some(limit), 1..) = (&limits.pids, seen.pids_refused) {
            let refused = times(seen.pids_refused, "was refused", "were refused");
            let limit = format!("the limit of {} processes and threads", limit.value);
            tell("limits.pids", format!("{limit} was reached, {refused}"));
        }
        Reached { out_of_memory: seen.oom_kills > 0, events }
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
