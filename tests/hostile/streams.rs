//! Standard streams that are closed, full, gone or never read.

use crate::stage::{Host, Stage};
use ringfence_sys::{fd, wait};
use std::fs::File;
use std::os::fd::AsFd as _;
use std::process::{Command, Stdio};

const HOSTS: [Host; 2] = [Host::Plain, Host::Container];

/// The command of a stage behind a shell that does something to its streams.
fn behind_shell(stage: &Stage, redirections: &str, act: &[&str]) -> Command {
    let inner = stage.command();
    let mut command = ringfence_tests::command::other("sh");
    command.args(["-c", &format!("exec \"$@\" {redirections}"), "sh"]);
    command.arg(inner.get_program()).args(inner.get_args());
    command.args(["--events", "events", "--", "./intruder"]).args(act);
    command.current_dir(stage.path(""));
    command
}

#[test]
fn closed_streams_are_no_failure_and_nothing_else_takes_their_place() {
    for host in HOSTS {
        let Some(stage) = Stage::new(host, "") else { continue };
        let every_way = ["<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", ">&- 2>&-", "<&- >&- 2>&-"];
        for redirections in every_way {
            let ended = stage.finish(behind_shell(&stage, redirections, &["exit", "5"]));
            assert_eq!(ended.code, 5, "{redirections}: {ended:?}");
            assert_eq!(ended.events, "", "{redirections}");
        }
        let ended = stage.finish(behind_shell(&stage, "<&- 2>&-", &["streams"]));
        assert_eq!(ended.stdout, "0=/dev/null 1=pipe 2=/dev/null\n", "{ended:?}");
    }
}

#[test]
fn a_service_has_its_three_streams_and_no_other_descriptor() {
    for host in HOSTS {
        let Some(stage) = Stage::new(host, "") else { continue };
        // Standard error is a file of the stage, so it comes through a pipe of the supervisor.
        let ended = stage.finish(behind_shell(&stage, "7</etc/passwd 9>left-open", &["streams"]));
        assert_eq!(ended.stdout, "0=pipe 1=pipe 2=pipe\n", "{ended:?}");
    }
}

#[test]
fn a_service_that_closes_its_streams_still_ends_with_its_own_code() {
    for host in HOSTS {
        let Some(stage) = Stage::new(host, "") else { continue };
        let mut command = stage.command();
        command.args(["--", "/bin/sh", "-c", "exec <&- >&- 2>&-; exit 6"]);
        let ended = stage.finish(command);
        assert_eq!((ended.code, ended.complaints()), (6, Vec::new()), "{ended:?}");
    }
}

#[test]
fn output_that_nobody_reads_any_more_ends_the_service_and_not_the_supervisor() {
    for host in HOSTS {
        let Some(stage) = Stage::new(host, "") else { continue };
        for relayed in [false, true] {
            let (reading, writing) = if relayed {
                fd::socketpair(libc::SOCK_STREAM).unwrap()
            } else {
                fd::pipe(0).unwrap()
            };
            let mut command = stage.command();
            command.args(["--events", "events", "--", "./intruder", "spew"]);
            command.stdout(writing).stderr(File::create(stage.path("stderr")).unwrap());
            let mut child = command.spawn().unwrap();
            drop(command);
            let mut room = [0; 1];
            assert_eq!(fd::read(reading.as_fd(), &mut room), Ok(1));
            drop(reading);
            assert_eq!(child.wait().unwrap().code(), Some(9), "relayed: {relayed}");
        }
    }
}

#[test]
fn a_full_disk_behind_standard_output_ends_the_service_and_not_the_supervisor() {
    for host in HOSTS {
        let Some(stage) = Stage::new(host, "") else { continue };
        let ended = stage.finish(behind_shell(&stage, ">/dev/full", &["spew"]));
        assert_eq!((ended.code, ended.complaints()), (9, Vec::new()), "{ended:?}");
    }
}

#[test]
fn a_full_disk_behind_standard_error_or_the_events_changes_nothing_else() {
    for host in HOSTS {
        let Some(stage) = Stage::new(host, "") else { continue };
        let ended = stage.finish(behind_shell(&stage, "2>/dev/full", &["fake-events", "1"]));
        assert_eq!((ended.code, ended.stdout.as_str()), (0, "written 1\n"), "{ended:?}");
        let mut command = stage.command();
        command.args(["--events", "/dev/full", "--", "./intruder", "fake-events", "1"]);
        let ended = stage.finish(command);
        assert_eq!((ended.code, ended.stdout.as_str()), (0, "written 1\n"), "{ended:?}");
    }
}

/// The supervisor shares standard error with the service: one that fills it must not stop the other.
#[test]
fn a_supervisor_whose_standard_error_is_full_still_passes_signals_on() {
    for host in HOSTS {
        let Some(stage) = Stage::new(host, "") else { continue };
        let (reading, writing) = fd::pipe(0).unwrap();
        // All of the pipe but what one event needs.
        fd::set_nonblocking(writing.as_fd(), true).unwrap();
        while fd::write(writing.as_fd(), &[b'x'; 4096]).is_ok() {}
        fd::set_nonblocking(writing.as_fd(), false).unwrap();
        let mut room = [0; 4096];
        assert_eq!(fd::read(reading.as_fd(), &mut room), Ok(4096));
        let mut command = stage.command();
        command.args(["--", "./intruder", "denials-then-signals", "1000"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(writing);
        let mut child = command.spawn().unwrap();
        drop(command);
        let pidfd = ringfence_sys::peer::pidfd_open(child.id().cast_signed()).unwrap();
        let mut out = child.stdout.take().unwrap();
        let mut line = [0; 6];
        std::io::Read::read_exact(&mut out, &mut line).unwrap();
        assert_eq!(&line, b"ready\n");
        wait::send_signal(pidfd.as_fd(), libc::SIGTERM).unwrap();
        let ended = wait::readable(&[pidfd.as_fd()], Some(crate::stage::PATIENCE)).unwrap();
        if ended == 0 {
            wait::send_signal(pidfd.as_fd(), libc::SIGKILL).unwrap();
        }
        assert_eq!(child.wait().unwrap().code(), Some(0), "it waits for a reader");
    }
}
