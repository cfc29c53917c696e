//! The service's own last steps: what it gives up before its program starts.

use super::error::EnforceError;
use super::handover::Handover;
use super::layers::Layers;
use crate::node::preload;
use crate::plan::Plan;
use ringfence_sys::launch::{ExecStep, LandlockStep, Step};
use ringfence_sys::namespace;
use std::ffi::{CString, OsStr};
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// A piped core handler ignores a limit of 0 but respects 1 (core(5)).
const CORE: u64 = 1;

/// Steps from the fork of the service to its program.
pub(super) fn steps(
    plan: &Plan,
    handover: &Handover,
    layers: &Layers,
    rules: &[(CString, u64)],
    stdio: &[(RawFd, RawFd)],
    doors: &[RawFd],
) -> Result<Vec<Step>, EnforceError> {
    let mut steps: Vec<Step> = doors.iter().map(|door| Step::JoinGroup(*door)).collect();
    if layers.namespaces {
        steps.push(Step::Unshare(namespace::NEWCGROUP));
    }
    steps.extend(stdio.iter().map(|(from, to)| Step::Redirect { from: *from, to: *to }));
    steps.extend(limits(plan));
    steps.push(Step::ChangeDirectory(c_string(plan.cwd.as_os_str())?));
    steps.push(Step::ResetSignals);
    if layers.namespaces {
        steps.push(Step::DropCapabilities);
    } else {
        steps.push(Step::DieWithParent);
    }
    steps.push(Step::NoNewPrivileges);
    steps.push(Step::Landlock(LandlockStep {
        fs: layers.landlock.fs,
        net: layers.landlock.net,
        scope: layers.landlock.scope,
        flags: 0,
        rules: rules.iter().map(|(p, r)| (p.clone(), r & layers.landlock.fs)).collect(),
    }));
    steps.push(Step::Exec(program(plan, handover, layers.namespaces)?));
    Ok(steps)
}

fn limits(plan: &Plan) -> Vec<Step> {
    let mut limits = vec![(libc::RLIMIT_CORE, CORE)];
    if let Some(files) = &plan.limits.open_files {
        limits.push((libc::RLIMIT_NOFILE, files.value));
    }
    if let Some(size) = &plan.limits.file_size {
        limits.push((libc::RLIMIT_FSIZE, size.value));
    }
    limits.into_iter().map(|(resource, value)| Step::Limit { resource, value }).collect()
}

/// What is executed. In front of a program on Node stands our own script, which is a file where the
/// service has a root of its own.
fn program(plan: &Plan, handover: &Handover, own_root: bool) -> Result<ExecStep, EnforceError> {
    let mut argv = plan.program.argv.clone();
    if plan.program.node.is_some() {
        let files = (!own_root).then(|| preload::files(&plan.name, &plan.boundary_hash));
        preload::insert(&mut argv, files.as_deref());
    }
    let argv = argv.iter().map(|a| c_string(a)).collect::<Result<_, _>>()?;
    let mut env = Vec::with_capacity(plan.env.len());
    for (name, value) in plan.env.iter().chain(&handover.env) {
        let mut entry = name.as_bytes().to_vec();
        entry.push(b'=');
        entry.extend_from_slice(value.as_bytes());
        env.push(c_string(OsStr::from_bytes(&entry))?);
    }
    Ok(ExecStep::new(c_string(plan.program.path.as_os_str())?, argv, env))
}

fn c_string(text: &OsStr) -> Result<CString, EnforceError> {
    CString::new(text.as_bytes()).map_err(|_| EnforceError::Nul(PathBuf::from(text)))
}

/// Rules for a start without a mount namespace: the same objects at their places on the host.
pub(super) fn host_rules(rules: &[(CString, u64)]) -> Vec<(CString, u64)> {
    let private = [c"/tmp", c"/dev/shm"];
    rules
        .iter()
        .filter(|(path, _)| !private.contains(&path.as_c_str()))
        .filter(|(path, _)| std::path::Path::new(OsStr::from_bytes(path.to_bytes())).exists())
        .cloned()
        .collect()
}
