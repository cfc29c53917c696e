//! With the programs every Linux has. What shall be dead is looked up by its pid.

#![expect(clippy::disallowed_methods, reason = "the controls start programs as everybody does")]

use super::{Limits, Program, SearchPath, Spawn, SpawnError, Status, Stream};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::ops::ControlFlow;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(3);
/// A daemon as daemons are made: forked twice, in a session of its own, told by its pid.
const DAEMON: &str = "( setsid sh -c 'echo $$; exec sleep 600' & ) ; ";

fn program(path: &str) -> Spawn {
    Spawn::new(Program::at(path).unwrap().even_a_shell()).unwrap()
}

fn shell(script: &'static str) -> Spawn {
    Spawn::shell(script).unwrap().env("PATH", "/usr/bin:/bin").unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

fn short() -> Limits {
    Limits { time: Duration::from_millis(400), ..Limits::default() }
}

/// Long enough for a shell to start what it shall, on a busy machine too.
fn enough() -> Limits {
    Limits { time: Duration::from_secs(6), ..Limits::default() }
}

/// Whether a process is there, be it as a zombie.
fn lives(pid: &str) -> bool {
    assert!(pid.parse::<u32>().is_ok(), "{pid:?} is no pid");
    Path::new("/proc").join(pid).exists()
}

fn pid(text: &str) -> Pid {
    Pid::from_raw(text.trim().parse().unwrap()).unwrap()
}

#[test]
fn a_program_gets_its_arguments_and_its_environment_and_nothing_else() {
    let words = ["a b", "$(id)", "", "*", "'; echo", "\u{fc}\n"];
    let echo = words.iter().fold(program("/usr/bin/printf").arg("[%s]").unwrap(), |echo, word| {
        echo.user_arg(word).unwrap()
    });
    let output = echo.run().unwrap();
    let expected = format!("[{}]", words.join("]["));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    assert!(output.status.is_success() && output.stderr.is_empty());

    let env = program("/usr/bin/env").env("LANG", "C").unwrap().env("B", "x=y").unwrap();
    assert!(std::env::vars_os().count() > 2);
    assert_eq!(text(&env.run().unwrap().stdout), "B=x=y\nLANG=C");
    assert_eq!(text(&program("/usr/bin/env").run().unwrap().stdout), "");
}

#[test]
fn standard_input_is_the_given_bytes_or_nothing() {
    let cat = program("/bin/cat");
    assert_eq!(cat.run().unwrap().stdout, b"");
    let bytes = vec![7_u8; 300_000];
    let output = cat.clone().with_input(bytes.clone()).run().unwrap();
    assert_eq!(output.stdout, bytes);
    // Nobody reads it: nothing waits, and nobody is killed by a broken pipe.
    assert!(program("/bin/true").with_input(bytes).run().unwrap().status.is_success());
}

#[test]
fn no_descriptor_is_inherited() {
    let file = fs::File::open("/etc/hostname").or_else(|_| fs::File::open("/etc/passwd")).unwrap();
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).unwrap();
    let number = file.as_raw_fd().to_string();
    let plain = Command::new("/bin/ls").arg("/proc/self/fd").output().unwrap();
    assert!(text(&plain.stdout).lines().any(|line| line == number));
    let ls = program("/bin/ls").arg("/proc/self/fd").unwrap();
    // 3 is the folder that is listed.
    assert_eq!(text(&ls.run().unwrap().stdout), "0\n1\n2\n3");
}

#[test]
fn shells_and_their_like_are_refused_under_every_name() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("convert");
    symlink("/bin/sh", &link).unwrap();
    for path in [Path::new("/bin/sh"), &link] {
        let refused = Spawn::new(Program::at(path).unwrap());
        assert!(matches!(refused, Err(SpawnError::Shell)), "{path:?}");
        // The control: by a constructor that says so, it runs.
        let shell = Spawn::new(Program::at(path).unwrap().even_a_shell()).unwrap();
        let shell = shell.arg("-c").unwrap().arg("echo hello").unwrap();
        assert_eq!(text(&shell.run().unwrap().stdout), "hello");
    }
    for path in ["/usr/bin/env", "/usr/bin/xargs", "/usr/bin/nohup", "/usr/bin/timeout"] {
        let refused = Spawn::new(Program::at(path).unwrap());
        assert!(matches!(refused, Err(SpawnError::Launcher)), "{path}");
    }
}

#[test]
fn code_for_an_interpreter_needs_its_constructor() {
    // Judged by its name, whatever it does.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("python3.12");
    fs::copy("/bin/echo", &path).unwrap();
    let python = Program::at(&path).unwrap();
    let refused = Spawn::new(python.clone()).unwrap().arg("-c").unwrap().arg("print()").unwrap();
    assert!(matches!(refused.run(), Err(SpawnError::Code)));
    assert!(matches!(Spawn::new(python.clone()).unwrap().run(), Err(SpawnError::Code)));
    let file = Spawn::new(python.clone()).unwrap().arg("main.py").unwrap();
    assert_eq!(text(&file.run().unwrap().stdout), "main.py");
    let meant = Spawn::interpreter_with_code(python, "-c", "print()").unwrap();
    assert_eq!(text(&meant.run().unwrap().stdout), "-c print()");
}

#[test]
fn what_comes_from_outside_to_a_meant_script_is_data() {
    let script = shell(r#"printf '%s,' "$@""#).user_arg("-n").unwrap().user_arg("$(id)").unwrap();
    assert_eq!(text(&script.run().unwrap().stdout), "-n,$(id),");
}

#[test]
fn an_argument_from_outside_is_no_option() {
    let cat = program("/bin/cat");
    assert!(matches!(cat.clone().user_arg("--help"), Err(SpawnError::Option)));
    assert!(matches!(cat.clone().user_arg("-"), Err(SpawnError::Option)));
    assert!(matches!(cat.clone().user_arg("a\0b"), Err(SpawnError::Nul)));
    assert!(matches!(cat.clone().arg("a\0b"), Err(SpawnError::Nul)));
    let ended = cat.end_of_options().user_arg("--help").unwrap().run().unwrap();
    assert!(!ended.status.is_success());
    assert!(text(&ended.stderr).contains("--help"), "{ended:?}");
}

#[test]
fn variables_that_load_code_are_refused() {
    let cat = program("/bin/cat");
    for name in
        ["LD_PRELOAD", "NODE_OPTIONS", "BASH_ENV", "PYTHONPATH", "LISTEN_FDS", "", "A=B", "1"]
    {
        assert!(matches!(cat.clone().env(name, "x"), Err(SpawnError::Variable(_))), "{name}");
        assert!(matches!(cat.clone().inherit(name), Err(SpawnError::Variable(_))), "{name}");
    }
    assert!(matches!(cat.clone().env("A", "x\0y"), Err(SpawnError::Nul)));
    let path =
        program("/usr/bin/env").inherit("PATH").unwrap().inherit("NO_SUCH_VARIABLE").unwrap();
    let expected = format!("PATH={}", std::env::var("PATH").unwrap());
    assert_eq!(text(&path.run().unwrap().stdout), expected);
}

#[test]
fn a_program_is_named_plainly_and_found_where_it_is_looked_for() {
    for path in ["cat", "./cat", "", "/bin/../bin/cat", "bin/cat", "/", "/bin/c\0at"] {
        assert!(Program::at(path).is_err(), "{path:?}");
    }
    for name in ["", ".", "..", "/bin/cat", "a/b"] {
        let found = Program::find(name, &SearchPath::usual());
        assert!(matches!(found, Err(SpawnError::Name)), "{name:?}");
    }
    assert!(matches!(SearchPath::new(["bin"]), Err(SpawnError::Name)));
    let (folder, open) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::set_permissions(open.path(), fs::Permissions::from_mode(0o777)).unwrap();
    for folder in [&folder, &open] {
        fs::copy("/bin/echo", folder.path().join("greet")).unwrap();
    }
    let empty = tempfile::tempdir().unwrap();
    let path = SearchPath::new([empty.path(), folder.path()]).unwrap();
    let greet = Spawn::new(Program::find("greet", &path).unwrap()).unwrap();
    assert_eq!(text(&greet.arg("hello").unwrap().run().unwrap().stdout), "hello");
    let path = SearchPath::new([open.path()]).unwrap();
    assert!(matches!(Program::find("greet", &path), Err(SpawnError::Writable)));
    let path = SearchPath::new([empty.path()]).unwrap();
    assert!(matches!(Program::find("greet", &path), Err(SpawnError::Program(_))));
}

#[test]
fn the_file_that_was_looked_at_is_the_one_that_is_executed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tool");
    fs::copy("/bin/echo", &path).unwrap();
    let tool = Spawn::new(Program::at(&path).unwrap()).unwrap().arg("echo").unwrap();
    fs::copy("/bin/false", folder.path().join("other")).unwrap();
    fs::rename(folder.path().join("other"), &path).unwrap();
    // The control: by its path, it is another one by now.
    assert!(!Command::new(&path).status().unwrap().success());
    assert_eq!(text(&tool.run().unwrap().stdout), "echo");
}

#[test]
fn scripts_and_what_everybody_can_change_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let made = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let script = Program::at(made("script", "#!/bin/sh\n", 0o755));
    assert!(matches!(script, Err(SpawnError::Script)));
    assert!(matches!(Program::at(made("open", "", 0o757)), Err(SpawnError::Writable)));
    assert!(matches!(Program::at(made("plain", "", 0o644)), Err(SpawnError::Program(_))));
    assert!(matches!(Program::at(folder.path()), Err(SpawnError::Program(_))));
    let noise = Spawn::new(Program::at(made("noise", "noise", 0o755)).unwrap()).unwrap();
    assert!(matches!(noise.run(), Err(SpawnError::Start(_))));
}

#[test]
fn output_that_is_too_long_ends_the_program() {
    let limits = Limits { output: 4096, ..Limits::default() };
    for (script, stream) in [
        ("yes", Stream::Output),
        ("yes >&2", Stream::Error),
        ("head -c 4097 /dev/zero", Stream::Output),
    ] {
        let begun = Instant::now();
        let error = shell(script).with_limits(limits).run().unwrap_err();
        assert!(matches!(error, SpawnError::OutputTooLong(of, 4096) if of == stream), "{error:?}");
        assert!(begun.elapsed() < PATIENCE);
    }
    let fits = shell("head -c 4096 /dev/zero").with_limits(limits).run().unwrap();
    assert_eq!(fits.stdout.len(), 4096);
}

#[test]
fn output_is_handed_on_as_it_comes_and_may_be_stopped() {
    let mut seen = 0_usize;
    let error = shell("yes").stream(|_, bytes| {
        seen += bytes.len();
        if seen > 100_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(error, Err(SpawnError::Stopped)));
    assert!(seen > 100_000);
}

#[test]
fn how_a_program_ends_is_told() {
    assert_eq!(shell("exit 7").run().unwrap().status, Status::Exited(7));
    assert_eq!(shell("kill -9 $$").run().unwrap().status, Status::Signalled(9));
    let both = shell("echo out; echo err >&2; exit 1").run().unwrap();
    assert_eq!((text(&both.stdout), text(&both.stderr)), ("out".to_owned(), "err".to_owned()));
}

#[test]
fn a_daemon_ends_with_the_deadline_of_what_started_it() {
    // The control: killing the group of what started it, the way that is usual, leaves it alive.
    let mut plain = Command::new("/bin/sh")
        .args(["-c", &format!("{DAEMON} exec sleep 600")])
        .process_group(0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut survivor = String::new();
    BufReader::new(plain.stdout.take().unwrap()).read_line(&mut survivor).unwrap();
    kill_process_group(pid(&plain.id().to_string()), Signal::KILL).unwrap();
    plain.wait().unwrap();
    assert!(lives(survivor.trim()));
    kill_process(pid(&survivor), Signal::KILL).unwrap();

    let mut daemon = Vec::new();
    let guarded = Spawn::shell("( setsid sh -c 'echo $$; exec sleep 600' & ) ; exec sleep 600");
    let guarded = guarded.unwrap().env("PATH", "/usr/bin:/bin").unwrap().with_limits(enough());
    let error = guarded.stream(|_, bytes| {
        daemon.extend_from_slice(bytes);
        ControlFlow::Continue(())
    });
    assert!(matches!(error, Err(SpawnError::Time)), "{error:?}");
    assert!(!lives(&text(&daemon)));
}

#[test]
fn what_a_program_leaves_behind_ends_with_it() {
    // It waits for the line of the daemon, or there would be nothing to look for.
    let script = "mkfifo f; ( setsid sh -c 'echo $$ >f; exec sleep 600' & ) ; read p <f; echo $p";
    let folder = tempfile::tempdir().unwrap();
    let output = shell(script).in_folder(folder.path()).unwrap().run().unwrap();
    assert!(output.status.is_success(), "{output:?}");
    assert!(!lives(&text(&output.stdout)));
}

#[test]
fn processes_that_ignore_every_signal_end_too() {
    let script = "trap '' TERM INT HUP QUIT; ( trap '' TERM; setsid sh -c 'while :; do :; done' & ) ; \
                  kill -STOP $$";
    let begun = Instant::now();
    assert!(matches!(shell(script).with_limits(short()).run(), Err(SpawnError::Time)));
    assert!(begun.elapsed() < PATIENCE);
}

#[test]
fn processes_that_run_away_by_forking_end_too() {
    // Each starts the next one and ends, so that none is there for long.
    let script = r#"x='echo; setsid sh -c "$x" & exit'; export x; sh -c "$x"; exec sleep 600"#;
    let mark = format!("runaway-{}", std::process::id());
    let limits = Limits { processes: Some(4000), ..enough() };
    let guarded = shell(script).env("MARK", &mark).unwrap().with_limits(limits);
    let mut generations = 0;
    let ended = guarded.stream(|_, bytes| {
        generations += bytes.len();
        ControlFlow::Continue(())
    });
    assert!(matches!(ended, Err(SpawnError::Time)), "{ended:?}");
    assert!(generations > 10, "{generations}");
    let marked = format!("MARK={mark}");
    let left = fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
        let environ = fs::read(entry.path().join("environ")).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|variable| variable == marked.as_bytes())
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn a_panic_of_the_receiver_leaves_nothing() {
    let daemon = std::sync::Mutex::new(String::new());
    let guarded = shell("( setsid sh -c 'echo $$; exec sleep 600' & ) ; exec sleep 600");
    let panicked = std::panic::catch_unwind(|| {
        let _ = guarded.stream(|_, bytes| {
            *daemon.lock().unwrap() = text(bytes);
            std::panic::resume_unwind(Box::new("the receiver's own"));
        });
    });
    assert!(panicked.is_err());
    let daemon = daemon.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    assert!(!lives(&daemon));
}

#[test]
fn a_caller_that_is_killed_takes_everything_with_it() {
    const CALLER: &str = "RINGFENCE_TEST_CALLER";
    const NAME: &str = "spawn::tests::a_caller_that_is_killed_takes_everything_with_it";
    if std::env::var_os(CALLER).is_some() {
        let guarded = shell("( setsid sh -c 'echo $$; exec sleep 600' & ) ; exec sleep 600");
        let _ = guarded.stream(|_, bytes| {
            // Past the harness, which keeps what a test prints.
            let _ =
                rustix::io::write(std::io::stderr(), format!("pid {}\n", text(bytes)).as_bytes());
            ControlFlow::Continue(())
        });
        return;
    }
    let mut caller = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(CALLER, "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(caller.stderr.take().unwrap());
    let daemon = loop {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).unwrap() > 0, "the caller started nothing");
        if let Some(pid) = line.strip_prefix("pid ") {
            break pid.trim().to_owned();
        }
    };
    assert!(lives(&daemon));
    caller.kill().unwrap();
    caller.wait().unwrap();
    // The daemon's pipes are held by itself; its end is waited for on a descriptor of it.
    if let Ok(there) =
        rustix::process::pidfd_open(pid(&daemon), rustix::process::PidfdFlags::empty())
    {
        let mut ended = [rustix::event::PollFd::new(&there, rustix::event::PollFlags::IN)];
        let time = rustix::event::Timespec { tv_sec: 180, tv_nsec: 0 };
        assert_eq!(rustix::event::poll(&mut ended, Some(&time)).unwrap(), 1);
    }
}

#[test]
fn the_keeper_cannot_be_killed_from_inside_or_says_so() {
    // The keeper is the parent; SIGKILL needs no more than the same user.
    let scoped = ringfence_sys::landlock::abi().is_some_and(|abi| abi >= 6);
    let ended = shell("kill -9 $PPID && sleep 600; echo still here").run();
    match ended {
        Ok(output) => assert_eq!(text(&output.stdout), "still here"),
        Err(SpawnError::Lost) => assert!(!scoped),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn nothing_gains_rights_and_limits_hold() {
    let limits = Limits {
        open_files: 17,
        cpu: Some(9),
        file_size: Some(1024),
        memory: Some(1 << 30),
        ..Limits::default()
    };
    let script = "grep -h NoNewPrivs /proc/self/status; ulimit -n; ulimit -t; umask; pwd; \
                  ulimit -Hc; ulimit -v; head -c 2000 /dev/zero >big || echo cut";
    let folder = tempfile::tempdir().unwrap();
    let open = fs::File::open(folder.path()).unwrap();
    let output = shell(script)
        .with_limits(limits)
        .in_open_folder(&open)
        .unwrap()
        .with_umask(0o027)
        .run()
        .unwrap();
    let seen = text(&output.stdout);
    let folder = folder.path().canonicalize().unwrap();
    let expected =
        format!("NoNewPrivs:\t1\n17\n9\n0027\n{}\n0\n{}\ncut", folder.display(), (1 << 30) / 1024);
    assert_eq!(seen, expected);
    assert_eq!(fs::metadata(folder.join("big")).unwrap().len(), 1024);
    // Without a folder, nobody's.
    assert_eq!(text(&shell("pwd; umask").run().unwrap().stdout), "/\n0077");
}

#[test]
fn many_threads_start_programs_at_once() {
    std::thread::scope(|scope| {
        for number in 0..8 {
            scope.spawn(move || {
                for round in 0..8 {
                    let word = format!("{number} {round}");
                    let output = program("/bin/echo").user_arg(&word).unwrap().run().unwrap();
                    assert_eq!(text(&output.stdout), word);
                }
            });
        }
    });
}

#[test]
fn a_missing_folder_is_told_before_anything_is_started() {
    let refused = program("/bin/true").in_folder("/no/such/folder");
    assert!(matches!(refused, Err(SpawnError::Folder(_))));
    assert!(program("/bin/true").in_folder("/").unwrap().run().unwrap().status.is_success());
}

#[test]
fn another_thread_ends_a_program_and_its_daemon() {
    let (ends, mut asks) = std::io::pipe().unwrap();
    let mut seen = String::new();
    let program = shell("( setsid sh -c 'echo $$; exec sleep 600' & ) ; exec sleep 600")
        .with_stop(std::os::fd::OwnedFd::from(ends));
    let stopped = program.stream(|_, bytes| {
        seen.push_str(&text(bytes));
        std::io::Write::write_all(&mut asks, b"x").unwrap();
        ControlFlow::Continue(())
    });
    assert!(matches!(stopped, Err(SpawnError::Stopped)), "{stopped:?}");
    assert!(!lives(&seen));
}
