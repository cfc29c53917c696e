//! A program that is hard to record: it dies with its recorder, multiplies, never stops, wants a
//! terminal, takes its own ground away, fills the disk. The record keeps what was seen, and nothing
//! of the program outlives the run.

use crate::leftovers;
use crate::stage::PATIENCE;
use ringfence_sys::{peer, wait};
use ringfence_tests::command::{Playground, other};
use ringfence_tests::not_run;
use serde_json::Value;
use std::fs;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn records(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join(".ringfence/records")).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect()
}

/// The lines of the only record; the last one may be torn.
fn lines(folder: &Path) -> Vec<Value> {
    let records = records(folder);
    let [record] = records.as_slice() else { panic!("{records:?}") };
    let text = fs::read_to_string(record).unwrap();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn names(lines: &[Value], path: &Path) -> bool {
    lines.iter().any(|line| line["path"] == path.to_str().unwrap())
}

fn learn(play: &Playground, options: &[&str], script: &str) -> Command {
    let mut command = play.command();
    command.args(["learn", "--dry-run"]).args(options).args(["--", "sh", "-c", script]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// In the command line of every process of a test.
fn mark(name: &str) -> String {
    format!("learn-mark-{name}-{}", std::process::id())
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

fn ended(child: &mut Child) -> i32 {
    let pidfd = peer::pidfd_open(child.id().cast_signed()).unwrap();
    assert_eq!(wait::readable(&[pidfd.as_fd()], Some(PATIENCE)), Ok(1), "it does not end");
    child.wait().unwrap().code().unwrap_or(-1)
}

fn signal(child: &Child, number: i32) {
    let pidfd = peer::pidfd_open(child.id().cast_signed()).unwrap();
    wait::send_signal(pidfd.as_fd(), number).unwrap();
}

/// Starts processes without an end, as fast as it can: a few at a time live on without a parent.
fn wild(mark: &str) -> String {
    format!("touch ready; while :; do (setsid sh -c 'sleep 1; : {mark}' &) ; done; : {mark}")
}

#[test]
fn sigkill_of_the_recorder_keeps_the_record_and_ends_the_program() {
    let play = Playground::new();
    let mark = mark("killed");
    let script = format!(
        "cat seen; (setsid sh -c 'sleep 1000; : {mark}' &) ; touch ready; sleep 1000; : {mark}"
    );
    let mut child = learn(&play, &[], &script).spawn().unwrap();
    wait_until("it runs", || play.path().join("ready").exists());
    // The control: both are found while they live.
    wait_until("both run", || leftovers::processes(&mark).len() >= 3);
    signal(&child, libc::SIGKILL);
    assert_eq!(ended(&mut child), -1);
    leftovers::wait_for_none(&mark).unwrap();
    let lines = lines(&play.path());
    assert!(names(&lines, &play.path().join("seen")));
    assert!(names(&lines, &play.path().join("ready")));
    assert!(lines.iter().all(|line| line["kind"] != "end"));
}

#[test]
fn a_program_that_forks_wildly_ends_with_its_recorder_and_with_itself() {
    for end in [libc::SIGKILL, libc::SIGTERM] {
        let play = Playground::new();
        let mark = mark(&format!("wild-{end}"));
        let mut child = learn(&play, &[], &wild(&mark)).spawn().unwrap();
        wait_until("it runs", || play.path().join("ready").exists());
        wait_until("it multiplies", || leftovers::processes(&mark).len() > 5);
        signal(&child, end);
        ended(&mut child);
        leftovers::wait_for_none(&mark).unwrap();
        let ended = lines(&play.path()).iter().any(|line| line["kind"] == "end");
        assert_eq!(ended, end == libc::SIGTERM);
    }
}

#[test]
fn what_the_program_leaves_behind_is_stopped_when_it_ends() {
    let play = Playground::new();
    let mark = mark("left");
    let script = format!(
        "for i in 1 2 3; do (setsid sh -c 'touch left-'$i'; sleep 1000; : {mark}' &) ; done; \
         while ! [ -e left-1 -a -e left-2 -a -e left-3 ]; do :; done; exit 0"
    );
    let mut child = learn(&play, &[], &script).spawn().unwrap();
    assert_eq!(ended(&mut child), 0);
    leftovers::wait_for_none(&mark).unwrap();
    let lines = lines(&play.path());
    assert!((1..=3).all(|number| names(&lines, &play.path().join(format!("left-{number}")))));
}

const STUBBORN: &str = "trap : TERM INT; touch ready; while :; do sleep 0.05; done";

#[test]
fn a_program_that_never_stops_is_stopped_after_its_time() {
    let file =
        "schema = 1\n[service]\nname = \"stubborn\"\nstart = [\"sh\"]\nstop-timeout = \"200ms\"\n";
    let play = Playground::new().with("ringfence.toml", file);
    // Time enough for it to say that it ignores signals, on a busy machine too.
    let began = Instant::now();
    let mut child = learn(&play, &["--stop-after", "8s"], STUBBORN).spawn().unwrap();
    ended(&mut child);
    assert!(began.elapsed() >= Duration::from_millis(8200), "it was given its time");
    let lines = lines(&play.path());
    let end = lines.last().unwrap();
    assert_eq!((&end["kind"], &end["code"]), (&"end".into(), &137.into()));
}

#[test]
fn the_second_signal_ends_a_program_that_ignores_the_first() {
    let play = Playground::new();
    let mut child = learn(&play, &[], STUBBORN).spawn().unwrap();
    wait_until("it runs", || play.path().join("ready").exists());
    signal(&child, libc::SIGTERM);
    signal(&child, libc::SIGINT);
    ended(&mut child);
    assert_eq!(lines(&play.path()).last().unwrap()["code"], 137);
}

#[test]
fn a_program_keeps_the_terminal_and_its_foreground() {
    let play = Playground::new();
    let script = "test -t 0 && test -t 1 && cut -d' ' -f5,8 /proc/$$/stat > groups";
    let ringfence = ringfence_tests::command::binary().display();
    let mut terminal = other("script");
    let line = format!("{ringfence} learn --dry-run -- sh -c \"{}\"", script.replace('$', "\\$"));
    terminal.args(["-qec", &line, "/dev/null"]).current_dir(play.path()).env("HOME", play.path());
    terminal.stdin(Stdio::null()).stdout(Stdio::null());
    let Ok(status) = terminal.status() else { return not_run("script is not installed") };
    assert!(status.success(), "{status}");
    let groups = fs::read_to_string(play.path().join("groups")).unwrap();
    let (own, foreground) = groups.trim().split_once(' ').unwrap();
    assert_eq!(own, foreground);
}

#[test]
fn a_program_that_takes_its_own_folder_away_is_recorded_to_the_end() {
    let play = Playground::new();
    let script =
        "mkdir ground; cd ground; touch own; rm own; rmdir ../ground; cat lost; touch ../after";
    let mut child = learn(&play, &[], script).spawn().unwrap();
    ended(&mut child);
    let (lines, folder) = (lines(&play.path()), play.path());
    for name in ["ground", "ground/own", "ground/lost", "after"] {
        assert!(names(&lines, &folder.join(name)), "{name}");
    }
    assert_eq!(lines.last().unwrap()["kind"], "end");
}

#[test]
fn a_program_that_deletes_the_record_does_not_keep_it_from_being_there_at_the_end() {
    let play = Playground::new();
    let mut child = learn(&play, &[], "rm -rf .ringfence; cat x; touch done").spawn().unwrap();
    assert_eq!(ended(&mut child), 0);
    let lines = lines(&play.path());
    assert!(names(&lines, &play.path().join("done")));
    assert_eq!(lines.last().unwrap()["kind"], "end");
}

#[test]
fn a_program_that_replaces_or_forges_the_record_is_found_out_and_nothing_is_learnt() {
    let forged = r#"{"kind":"file","path":"/etc/shadow","used":"read","found":"file","at":1,"pid":1,"program":"/bin/sh"}"#;
    let own = ".ringfence/records/*";
    for act in [
        format!("for f in {own}.jsonl; do rm $f; mkfifo $f; done"),
        format!("for f in {own}.told; do rm $f; mkfifo $f; done"),
        format!("for f in {own}.jsonl; do rm $f; ln -s /dev/zero $f; done"),
        format!("for f in {own}.jsonl; do cp $f c; rm $f; mv c $f; done"),
        format!("for f in {own}.jsonl; do echo '{forged}' >> $f; done"),
    ] {
        let play = Playground::new();
        let run = play.run(["learn", "--", "sh", "-c", &act]);
        assert_eq!(run.code, 2, "{act}\n{run}");
        assert!(run.stderr.contains("the record was replaced by the program"), "{run}");
        assert!(!play.path().join("ringfence.toml").exists());
    }
    // What is forged in the script's file is of no kind that it may tell of.
    let act = format!("for f in {own}.told; do echo '{forged}' >> $f; done");
    let play = Playground::new().with("act.sh", &act);
    let run = play.run(["learn", "--", "sh", "act.sh"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(!run.stdout.contains("shadow"), "{run}");
}

#[test]
fn what_is_written_into_the_file_during_the_run_is_not_lost() {
    let write = "printf '[service]\\nname = \"new\"\\n' > ringfence.toml";
    let file = "schema = 1\n[service]\nname = \"a\"\nstart = [\"sh\"]\n";
    for play in [Playground::new(), Playground::new().with("ringfence.toml", file)] {
        let run = play.run(["learn", "--", "sh", "-c", &format!("cat /etc/passwd; {write}")]);
        assert_eq!(run.code, 2, "{run}");
        assert!(run.stderr.contains("was changed meanwhile: nothing is written"), "{run}");
        assert!(run.stderr.contains("ringfence learn --from "), "{run}");
        let kept = fs::read_to_string(play.path().join("ringfence.toml")).unwrap();
        assert_eq!(kept, "[service]\nname = \"new\"\n");
    }
}

#[test]
fn a_disk_that_is_full_at_the_start_is_told_as_that() {
    let play = Playground::new();
    let small = "mount -t tmpfs -o size=256k none . && cd \"$PWD\" && mkdir -p .ringfence/records \
                 && head -c 1M /dev/zero > full 2>/dev/null; true";
    let Some(run) = play.without(small, &["learn", "--dry-run", "--", "true"]) else {
        return not_run("no user namespace can be made");
    };
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("No space left on device"), "{run}");
}

#[test]
fn io_uring_does_not_exist_for_a_program_that_is_recorded() {
    let play = Playground::new();
    let script = "import ctypes; libc = ctypes.CDLL(None, use_errno=True); \
                  libc.syscall(425, 1, 0); print(ctypes.get_errno(), file=open('answer', 'w'))";
    let mut command = play.command();
    command.args(["learn", "--dry-run", "--", "python3", "-c", script]);
    let run = play.finish(&mut command);
    if !play.path().join("answer").exists() {
        return not_run("python3 is not installed");
    }
    assert_eq!(run.code, 0, "{run}");
    let answer = fs::read_to_string(play.path().join("answer")).unwrap();
    assert_eq!(answer.trim(), libc::ENOSYS.to_string());
    let told = lines(&play.path());
    let told = told.iter().filter_map(|line| line["what"].as_str());
    assert_eq!(told.filter(|what| what.contains("io_uring")).count(), 1);
}

#[test]
fn a_full_disk_does_not_stop_the_run_and_is_told_at_the_end() {
    let play = Playground::new();
    let script = "i=0; while [ $i -lt 3000 ]; do [ -e missing-$i ]; i=$((i + 1)); done; exit 0";
    let small = "mount -t tmpfs -o size=128k none . && cd \"$PWD\"";
    let Some(run) = play.without(small, &["learn", "--dry-run", "--", "sh", "-c", script]) else {
        return not_run("no user namespace can be made");
    };
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("the record is not complete"), "{run}");
    assert!(run.stderr.contains("lines could not be written: "), "{run}");
    // The control: the same run with room enough.
    let large = "mount -t tmpfs -o size=16m none . && cd \"$PWD\"";
    let run = play.without(large, &["learn", "--dry-run", "--", "sh", "-c", script]).unwrap();
    assert_eq!(run.code, 0, "{run}");
}
