//! No service starts with the verification of certificates switched off, by whichever way.

use ringfence_tests::command::{Playground, Run};

const NAME: &str = "NODE_TLS_REJECT_UNAUTHORIZED";

fn file(start: &str, rest: &str) -> String {
    format!("[service]\nname = \"orders\"\nstart = {start}\n\n[fs]\nread = [\"./\"]\n\n{rest}\n")
}

fn said(run: &Run) -> String {
    let lines: Vec<&str> = run.stdout.lines().map(str::trim).collect();
    lines.join(" ")
}

#[test]
fn every_way_to_switch_verification_off_is_refused() {
    let around = format!(r#"["/usr/bin/env", "{NAME}=0", "/bin/true"]"#);
    let shell = format!(r#"["/bin/sh", "-c", "{NAME}=0 exec node server.mjs"]"#);
    let set = format!("[env]\nset = {{ {NAME} = \"0\" }}");
    let pass = format!("[env]\npass = [\"{NAME}\"]");
    for text in [
        file(&around, ""),
        file(&shell, ""),
        file(r#"["/bin/true"]"#, &set),
        file(r#"["/bin/true"]"#, &pass),
    ] {
        let playground = Playground::new().with("ringfence.toml", &text);
        let run = playground.run(["check-config"]);
        assert!(
            run.code == 2 && run.stderr.contains("switches the verification of certificates off"),
            "{run}"
        );
        let run = playground.run(["run"]);
        assert_eq!(run.code, 125, "{run}");
    }
    // The control: the same without it.
    let good = file(r#"["/usr/bin/env", "NODE_ENV=production", "/bin/true"]"#, "");
    let run = Playground::new().with("ringfence.toml", &good).run(["check-config"]);
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn a_shell_without_verification_is_told_that_the_service_verifies() {
    let text = file(r#"["/bin/true"]"#, "");
    let playground = Playground::new().with("ringfence.toml", &text);
    let note = format!("{NAME}=0 of this environment is not passed on: the service verifies");
    let run = playground.finish(playground.command().env(NAME, "0").arg("check-config"));
    assert!(run.code == 0 && said(&run).contains(&note), "{run}");
    let run = playground.finish(playground.command().env(NAME, "1").arg("check-config"));
    assert!(run.code == 0 && !said(&run).contains("is not passed on: the service"), "{run}");
}
