//! Limits that bite, a tree that stands still and dies, and nothing left behind: for real where
//! this process may make groups, and by name as not run where it may not.

use super::*;
use crate::fd::{pipe, read, write as send};
use crate::namespace::{Cloned, clone3};
use crate::testing::in_child;
use std::os::fd::BorrowedFd;

/// How long anything may take on a busy machine, in milliseconds.
const PATIENCE: u64 = 180_000;

/// A group of this test's own, or nothing where groups cannot be made, which is said.
fn group(test: &str, limits: &Limits) -> Option<Group> {
    match Group::create(&own_name("ringfence-test", test).unwrap(), limits) {
        Ok(group) => Some(group),
        Err(error) => {
            eprintln!("not run: {test}: {error}");
            assert!(matches!(error.why, Cause::Absent | Cause::File { .. } | Cause::Shared { .. }));
            None
        }
    }
}

fn enter(doors: &[OwnedFd]) -> Result<(), Errno> {
    doors.iter().try_for_each(|door| send(door.as_fd(), b"0").map(drop))
}

/// Writes to every page of so much fresh memory.
fn use_memory(bytes: usize) -> Result<(), Errno> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping anywhere changes no existing memory.
    let place = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
    if place == libc::MAP_FAILED {
        return Err(Errno::last());
    }
    for page in (0..bytes).step_by(4096) {
        // SAFETY: within the mapping that was just made.
        let word = unsafe { place.cast::<u8>().add(page) };
        // SAFETY: as above; the mapping is writable.
        unsafe { word.write_volatile(1) };
    }
    Ok(())
}

/// Starts a child in the group that runs `act` over and over.
fn endless(doors: &[OwnedFd], mut act: impl FnMut() -> Result<(), Errno>) {
    // SAFETY: the child only enters the group and makes system calls until it is killed.
    if let Cloned::Child = unsafe { clone3(0) }.unwrap() {
        let entered = enter(doors);
        while entered.is_ok() && act().is_ok() {}
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(1) }
    }
}

#[test]
fn memory_beyond_the_limit_ends_the_process_and_is_counted() {
    const LIMIT: u64 = 32 << 20;
    let limits = Limits { memory: Some(LIMIT), ..Limits::default() };
    let Some(mut group) = group("memory", &limits) else { return };
    let doors = group.doors().unwrap();
    let within = in_child(0, || enter(&doors).and_then(|()| use_memory(4 << 20)));
    assert_eq!(within, Ok(()), "control");
    assert_eq!(group.events().oom_kills, 0);
    let beyond = in_child(0, || enter(&doors).and_then(|()| use_memory(96 << 20)));
    assert_eq!(beyond, Err(Errno(libc::ECANCELED)), "ended by a signal");
    assert!(group.events().oom_kills >= 1, "{:?}", group.events());
    assert!(group.events().memory_peak.is_none_or(|peak| peak <= LIMIT), "{:?}", group.events());
    group.remove().unwrap();
}

#[test]
fn processes_beyond_the_limit_are_refused_and_counted() {
    let limits = Limits { pids: Some(3), ..Limits::default() };
    let Some(mut group) = group("pids", &limits) else { return };
    let doors = group.doors().unwrap();
    let answer = in_child(0, || {
        enter(&doors)?;
        for _ in 0..3 {
            // SAFETY: the child only waits for a signal.
            if let Cloned::Child = unsafe { clone3(0) }? {
                // SAFETY: takes nothing.
                unsafe { libc::pause() };
            }
        }
        Ok(())
    });
    assert_eq!(answer, Err(Errno(libc::EAGAIN)));
    assert!(group.events().pids_refused >= 1, "{:?}", group.events());
    group.remove().unwrap();
}

#[test]
fn processor_time_beyond_the_limit_is_held_back() {
    // So little that a busy machine gives more.
    let limits = Limits { cpu: Some(0.01), ..Limits::default() };
    let Some(mut group) = group("cpu", &limits) else { return };
    endless(&group.doors().unwrap(), || Ok(()));
    let patience = std::time::Duration::from_millis(PATIENCE);
    let deadline = std::time::Instant::now() + patience;
    while group.events().cpu_throttled == 0 {
        assert!(std::time::Instant::now() < deadline, "{:?}", group.events());
    }
    group.remove().unwrap();
}

fn readable(from: BorrowedFd<'_>, milliseconds: u64) -> bool {
    let time = std::time::Duration::from_millis(milliseconds);
    crate::wait::readable(&[from], Some(time)).unwrap() != 0
}

#[test]
fn a_frozen_tree_stands_still_goes_on_and_dies_whole() {
    let Some(mut group) = group("tree", &Limits::default()) else { return };
    if !group.has_tree() {
        eprintln!("not run: tree: no hierarchy in which a group can be frozen");
        return;
    }
    let (reading, writing) = pipe(libc::O_NONBLOCK).unwrap();
    endless(&group.doors().unwrap(), || match send(writing.as_fd(), b"x") {
        Err(Errno(libc::EAGAIN)) => Ok(()),
        other => other.map(drop),
    });
    assert!(readable(reading.as_fd(), PATIENCE));
    group.freeze().unwrap();
    let mut room = [0; 4096];
    while read(reading.as_fd(), &mut room).is_ok() {}
    assert!(!readable(reading.as_fd(), 50), "nothing moves while frozen");
    group.thaw().unwrap();
    assert!(readable(reading.as_fd(), PATIENCE), "control: it goes on");
    group.freeze().unwrap();
    group.kill().unwrap();
    let paths: Vec<_> = group.folders.iter().map(|folder| folder.path.clone()).collect();
    for path in &paths {
        assert_eq!(std::fs::read_to_string(path.join("cgroup.procs")).unwrap(), "");
    }
    group.remove().unwrap();
    assert!(paths.iter().all(|path| !path.exists()));
}

#[test]
fn what_a_killed_supervisor_left_is_killed_and_removed() {
    let prefix = format!("ringfence-stale{}", std::process::id());
    let own = own_name(&prefix, "orders").unwrap();
    // The same pid with another start time: its supervisor is gone.
    let (front, start) = own.rsplit_once('.').unwrap();
    let stale = format!("{front}.{}", start.parse::<u64>().unwrap() - 1);
    let limits = Limits { pids: Some(100), ..Limits::default() };
    let Ok(group) = Group::create(&stale, &limits) else {
        eprintln!("not run: stale groups: groups cannot be made here");
        return;
    };
    let mut living = Group::create(&own, &limits).unwrap();
    let (reading, writing) = pipe(0).unwrap();
    endless(&group.doors().unwrap(), || {
        send(writing.as_fd(), b"x")?;
        // SAFETY: takes nothing.
        unsafe { libc::pause() };
        Ok(())
    });
    assert!(readable(reading.as_fd(), PATIENCE), "the child is in the group");
    assert_eq!(remove_stale(&prefix), Ok(Vec::new()));
    assert!(group.folders.iter().all(|folder| !folder.path.exists()));
    assert!(living.folders.iter().all(|folder| folder.path.exists()), "control");
    living.remove().unwrap();
}

#[test]
fn a_limit_that_cannot_be_set_is_an_error_with_a_cause() {
    let mut group = Group { folders: Vec::new(), moved: None };
    let nowhere = place::Places::default();
    let absent = group.place(&nowhere, Controller::Memory, "x").unwrap_err();
    assert_eq!(absent, CgroupError { controller: Controller::Memory, why: Cause::Absent });
    let mut closed = place::Places::default();
    closed.v1.insert("pids".to_owned(), PathBuf::from("/proc/self"));
    let refused = group.place(&closed, Controller::Pids, "x").unwrap_err();
    insta::assert_snapshot!(refused, @"control group controller pids: /proc/self/x: ENOENT (no such file or directory)");
    assert!(group.folders.is_empty());
}

#[test]
fn a_group_that_could_not_be_made_leaves_nothing() {
    let name = own_name("ringfence-test", "taken").unwrap();
    let limits = Limits { pids: Some(5), ..Limits::default() };
    let Ok(mut first) = Group::create(&name, &limits) else {
        eprintln!("not run: taken names: groups cannot be made here");
        return;
    };
    let second = Group::create(&name, &limits).unwrap_err();
    assert!(matches!(second.why, Cause::File { errno: Errno(libc::EEXIST), .. }), "{second}");
    assert!(first.folders.iter().all(|folder| folder.path.exists()));
    first.remove().unwrap();
}
