//! `ringfence check-config`

use crate::{SMALLEST, TRUE};
use insta::assert_snapshot;
use ringfence_tests::command::Playground;
use std::os::unix::fs::symlink;

#[test]
fn each_mistake_is_shown_with_its_place_and_a_hint() {
    let playground = Playground::new().with(
        "ringfence.toml",
        "schema = 1\n\n[service]\nname = \"orders\"\nstart = \"node server.mjs\"\n\n[fs]\nread = [\"./\"]\nwrit = []\n",
    );
    assert_snapshot!(playground.run(["check-config"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: ringfence.toml:5:9: `service.start` is a shell string
      |
    5 | start = "node server.mjs"
      |         ^^^^^^^^^^^^^^^^^
    hint: no shell runs it: write start = ["node", "server.mjs"]
    error: ringfence.toml:9:1: unknown key in [fs]: writ
      |
    9 | writ = []
      | ^^^^
    hint: did you mean write?
    error: ringfence.toml has 2 mistakes
    ---
    "#);
}

#[test]
fn one_mistake_is_told_once() {
    let text = format!("{SMALLEST}writ = []\n");
    let playground = Playground::new().with("ringfence.toml", &text);
    assert_snapshot!(playground.run(["check-config"]), @"
    exit: 2
    --- stdout
    --- stderr
    error: ringfence.toml:9:1: unknown key in [fs]: writ
      |
    9 | writ = []
      | ^^^^
    hint: did you mean write?
    ---
    ");
}

#[test]
fn mistakes_are_data_for_machines() {
    let text = format!("{SMALLEST}writ = []\n");
    let playground = Playground::new().with("ringfence.toml", &text);
    let run = playground.run(["check-config", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code, &report["schema"], &report["ok"]), (2, &1.into(), &false.into()));
    assert_eq!(report["mistakes"][0]["code"], "unknown-key");
    assert_eq!(report["mistakes"][0]["line"], 9);
}

#[test]
fn a_file_that_fits_this_host_is_in_order() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    let run = playground.run(["check-config"]);
    assert!(run.stdout.starts_with("ringfence.toml is in order: service true\n"), "{run}");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let run = playground.run(["check-config", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code, &report["ok"]), (0, &true.into()));
}

#[test]
fn what_does_not_fit_this_host_is_shown_at_its_place() {
    let playground = Playground::new().with("ringfence.toml", &TRUE.replace("./", "./missing"));
    assert_snapshot!(playground.run(["check-config"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: ringfence.toml:8:9: fs.read: does not exist: [DIR]/missing
      |
    8 | read = ["./missing"]
      |         ^^^^^^^^^^^
    hint: check the path, which counts from the boundary file's folder, or list it in fs.optional
    ---
    "#);
    let file_only = playground.run(["check-config", "--file-only"]);
    assert_eq!(file_only.code, 0, "{file_only}");
}

#[test]
fn the_file_is_found_in_the_folder_above() {
    let playground = Playground::new().with("ringfence.toml", "schema = 2\n").with("a/b/c", "");
    let below = playground.path().join("a/b");
    let run = playground.finish(playground.command().arg("check-config").current_dir(below));
    assert!(run.stderr.contains("[DIR]/ringfence.toml:1:"), "{run}");
}

#[test]
fn no_file_is_an_error_with_hints() {
    assert_snapshot!(Playground::new().run(["check-config"]), @"
    exit: 2
    --- stdout
    --- stderr
    error: no ringfence.toml in [DIR] or above
    hint: name the boundary file with --config FILE
    hint: `ringfence init` writes a first one from the project
    ---
    ");
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    assert_snapshot!(Playground::new().run(["check-config", "--config", "no.toml"]), @"
    exit: 2
    --- stdout
    --- stderr
    error: cannot read no.toml
      caused by: No such file or directory (os error 2)
    hint: check the path
    ---
    ");
}

#[test]
fn a_device_is_refused() {
    assert_snapshot!(Playground::new().run(["check-config", "--config", "/dev/zero"]), @"
    exit: 2
    --- stdout
    --- stderr
    error: /dev/zero is a device, not a boundary file
    hint: copy its contents into an ordinary file and name that
    ---
    ");
}

#[test]
fn a_folder_is_refused() {
    assert_snapshot!(Playground::new().run(["check-config", "--config", "."]), @"
    exit: 2
    --- stdout
    --- stderr
    error: . is a folder, not a boundary file
    hint: name the file in it: ./ringfence.toml
    ---
    ");
}

#[test]
fn a_pipe_is_refused_without_waiting_for_a_writer() {
    let playground = Playground::new();
    let run = playground.finish(
        playground.command().args(["check-config", "--config", "/dev/stdin"]).stdin(piped()),
    );
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("/dev/stdin is a pipe, not a boundary file"), "{run}");
}

#[test]
fn links_that_lead_in_a_circle_are_refused() {
    let playground = Playground::new();
    symlink("loop.toml", playground.path().join("loop.toml")).unwrap();
    assert_snapshot!(playground.run(["check-config", "--config", "loop.toml"]), @"
    exit: 2
    --- stdout
    --- stderr
    error: cannot read loop.toml
      caused by: Too many levels of symbolic links (os error 40)
    hint: its symbolic links lead in a circle: point one of them at the file
    ---
    ");
}

#[test]
fn a_link_that_leads_nowhere_is_not_passed_over() {
    let playground = Playground::new().with("ringfence.toml", SMALLEST).with("a/b", "");
    let below = playground.path().join("a");
    symlink("/nowhere", below.join("ringfence.toml")).unwrap();
    let run = playground.finish(playground.command().arg("check-config").current_dir(below));
    assert_snapshot!(run, @"
    exit: 2
    --- stdout
    --- stderr
    error: cannot read ringfence.toml
      caused by: No such file or directory (os error 2)
    hint: it is a symbolic link that leads nowhere: mend or remove it
    ---
    ");
}

#[test]
fn a_file_that_is_too_large_is_refused_before_it_is_read() {
    let playground = Playground::new().with("ringfence.toml", "");
    let file = std::fs::File::options().write(true).open(playground.path().join("ringfence.toml"));
    file.unwrap().set_len(1 << 40).unwrap();
    assert_snapshot!(playground.run(["check-config"]), @"
    exit: 2
    --- stdout
    --- stderr
    error: ringfence.toml is larger than 1 MiB
    hint: a boundary file is a few dozen lines: is this the right file?
    ---
    ");
}

#[test]
fn a_file_that_is_not_text_is_refused_with_the_line() {
    let playground = Playground::new();
    std::fs::write(playground.path().join("ringfence.toml"), b"schema = 1\n\xff\n").unwrap();
    assert_snapshot!(playground.run(["check-config"]), @"
    exit: 2
    --- stdout
    --- stderr
    error: ringfence.toml:2: the file is not UTF-8 text
    hint: save it as UTF-8 without a byte order mark
    ---
    ");
}

#[test]
fn text_of_a_hostile_file_cannot_drive_the_terminal() {
    let text = format!("{SMALLEST}\"\x1b]0;owned\x07\\u001b[2J\" = []\n");
    let playground = Playground::new().with("ringfence.toml", &text);
    let run = playground.run(["check-config"]);
    assert_eq!(run.code, 2);
    assert!(!run.stderr.contains('\x1b') && !run.stderr.contains('\x07'), "{run}");
}

#[test]
fn a_child_that_is_not_there_is_told_without_a_rule_for_relative_paths() {
    let text = format!("{TRUE}[process]\nchildren = [\"/no/such/tool\"]\n");
    let playground = Playground::new().with("ringfence.toml", &text);
    assert_snapshot!(playground.run(["check-config"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: ringfence.toml:10:13: program does not exist: /no
       |
    10 | children = ["/no/such/tool"]
       |             ^^^^^^^^^^^^^^^
    hint: check the path in process.children, or install the program
    ---
    "#);
}

#[test]
fn a_secret_without_a_scheme_is_offered_what_this_version_reads() {
    let text = format!("{TRUE}[secrets.key]\nfrom = \"key.pem\"\nto = \"/run/secrets/key\"\n");
    let playground = Playground::new().with("ringfence.toml", &text);
    assert_snapshot!(playground.run(["check-config"]), @"
    exit: 2
    --- stdout
    --- stderr
    error: ringfence.toml:10:8: the source has no scheme; a secret itself never stands here
    hint: write file:PATH or env:NAME; sealed:, vault:, aws-sm: and aws-kms: come later
    ---
    ");
}

#[test]
fn what_matters_is_noted_first_and_removed_variables_last_in_two_lines() {
    let text = TRUE.replace("[fs]", "[fs]\nwrite = [\"./data\", \"/tmp\"]");
    let playground = Playground::new().with("ringfence.toml", &text).with("data/x", "");
    let read_only = std::os::unix::fs::PermissionsExt::from_mode(0o555);
    std::fs::set_permissions(playground.path().join("data"), read_only).unwrap();
    let names: Vec<String> = (10..40).map(|number| format!("ORDERS_SETTING_{number}")).collect();
    let check = |format: &str| {
        let mut command = playground.command();
        command.args(["check-config", "--format", format]);
        playground.finish(command.env("TERM", "x").envs(names.iter().map(|name| (name, "1"))))
    };
    let run = check("human");
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(run.code, 0, "{run}");
    assert!(lines[1].starts_with("  note: ") && lines[1].contains("/data is granted"), "{run}");
    let removed = lines.len() - 2;
    assert!(lines[removed].starts_with("  note: 30 variables of this environment"), "{run}");
    assert!(!run.stdout.contains("HOME") && !run.stdout.contains("TERM"), "{run}");
    let report: serde_json::Value = serde_json::from_str(&check("json").stdout).unwrap();
    let all = report["removed_variables"].as_array().unwrap();
    assert!(names.iter().all(|name| all.contains(&name.as_str().into())), "{report:#}");
    assert!(all.contains(&"HOME".into()) && all.contains(&"TERM".into()), "{report:#}");
}

/// The reading end of a pipe whose other end is open and silent.
fn piped() -> std::io::PipeReader {
    let (reading, writing) = std::io::pipe().unwrap();
    // Kept open for as long as the test runs: reading would wait for ever.
    std::mem::forget(writing);
    reading
}
