//! `ringfence completions`

use ringfence_tests::command::Playground;

#[test]
fn every_shell_gets_a_script_that_knows_the_verbs() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let run = Playground::new().run(["completions", shell]);
        assert_eq!(run.code, 0, "{run}");
        assert!(run.stdout.contains("check-config"), "{shell}");
    }
}

#[test]
fn an_unknown_shell_is_a_usage_error() {
    assert_eq!(Playground::new().run(["completions", "tcsh"]).code, 2);
}
