//! What an application does about other programs: no shell, a fixed executable, bounded output, a
//! deadline, a minimal environment. Each beside the way it goes wrong.

use ringfence_guard::spawn::{Limits, Program, SearchPath, Spawn, SpawnError, Stream};
use ringfence_tests::command::{Playground, other};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

/// The manual's `convert`: here, a program that says what it was given.
fn convert(playground: &Playground) -> Program {
    std::fs::copy("/bin/echo", playground.path().join("convert")).unwrap();
    Program::find("convert", &SearchPath::new([playground.path()]).unwrap()).unwrap()
}

#[test]
fn line_166_to_168_a_file_name_from_outside_is_never_a_command() {
    let playground = Playground::new();
    let file = "x.png; touch injected #";
    let run = Spawn::new(convert(&playground)).unwrap().user_arg(file).unwrap();
    let run = run.arg("out.png").unwrap().in_folder(playground.path()).unwrap().run().unwrap();
    assert_eq!(run.stdout, format!("{file} out.png\n").as_bytes());
    let injected = playground.path().join("injected");
    assert!(!injected.exists());
    // The control: the manual's bad example.
    let line = format!("./convert {file} out.png");
    let mut shell = other("/bin/sh");
    shell.args(["-c", &line]).current_dir(playground.path());
    assert!(shell.output().unwrap().status.success() && injected.exists());
}

#[test]
fn line_170_to_177_and_181_a_shell_is_not_run_by_the_way() {
    let playground = Playground::new();
    let run = Spawn::new(convert(&playground)).unwrap().user_arg("in.png").unwrap();
    let run = run.arg("out.png").unwrap().env("PATH", "/usr/bin:/bin").unwrap().run().unwrap();
    assert!(run.status.is_success());
    let search = SearchPath::new(["/usr/bin", "/bin"]).unwrap();
    let shell = Program::find("sh", &search).unwrap();
    assert!(matches!(Spawn::new(shell), Err(SpawnError::Shell)));
    // The control: asked for by its name, it runs.
    assert_eq!(Spawn::shell("echo $((6 * 7))").unwrap().run().unwrap().stdout, b"42\n");
}

#[test]
fn line_182_the_executable_is_fixed_whatever_path_says() {
    let (playground, elsewhere) = (Playground::new(), Playground::new());
    std::fs::copy("/bin/false", elsewhere.path().join("convert")).unwrap();
    let path = format!("{}:/usr/bin:/bin", elsewhere.path().display());
    let run = Spawn::new(convert(&playground)).unwrap().env("PATH", &path).unwrap();
    assert!(run.run().unwrap().status.is_success());
    // The control: looked up by the environment, it is the other one.
    let mut looked_up = other("/bin/sh");
    looked_up.args(["-c", "convert"]).env("PATH", &path);
    assert!(!looked_up.output().unwrap().status.success());
    assert!(matches!(Program::at("convert"), Err(SpawnError::Name)));
}

#[test]
fn line_183_output_is_streamed_and_capped() {
    let limits = Limits { output: 100_000, ..Limits::default() };
    let endless = Spawn::shell("while :; do echo yes; done").unwrap().with_limits(limits);
    let mut streamed = 0;
    let ended = endless.stream(|_, bytes| {
        streamed += bytes.len();
        ControlFlow::Continue(())
    });
    assert!(matches!(ended, Err(SpawnError::OutputTooLong(Stream::Output, 100_000))));
    assert!(streamed > 0 && streamed <= 100_000);
}

#[test]
fn line_184_the_deadline_ends_it_and_all_it_started() {
    // Time enough for it to start its daemon, on a busy machine too.
    let limits = Limits { time: Duration::from_secs(6), ..Limits::default() };
    let daemon = Spawn::shell("( setsid sh -c 'echo $$; exec sleep 600' & ) ; exec sleep 600");
    let daemon = daemon.unwrap().env("PATH", "/usr/bin:/bin").unwrap().with_limits(limits);
    let mut pid = String::new();
    let ended = daemon.stream(|_, bytes| {
        pid.push_str(&String::from_utf8_lossy(bytes));
        ControlFlow::Continue(())
    });
    assert!(matches!(ended, Err(SpawnError::Time)), "{ended:?}");
    let pid: u32 = pid.trim().parse().unwrap();
    assert!(!Path::new("/proc").join(pid.to_string()).exists());
}

#[test]
fn line_185_only_named_variables_are_inherited() {
    let env = Program::at("/usr/bin/env").unwrap().even_a_shell();
    let run = Spawn::new(env).unwrap().env("PATH", "/usr/bin:/bin").unwrap().run().unwrap();
    assert_eq!(run.stdout, b"PATH=/usr/bin:/bin\n");
    // The control: this process has more to give away.
    assert!(std::env::vars_os().count() > 1);
    let refused = Spawn::shell("true").unwrap().env("LD_PRELOAD", "/tmp/x.so");
    assert!(matches!(refused, Err(SpawnError::Variable(_))));
}
