//! The command line itself.

use insta::assert_snapshot;
use ringfence_tests::command::Playground;

#[test]
fn a_wrong_verb_names_the_one_that_was_meant() {
    assert_snapshot!(Playground::new().run(["stauts"]), @"
    exit: 2
    --- stdout
    --- stderr
    error: unknown verb `stauts`
    hint: did you mean `status`?
    hint: `ringfence --help` lists the verbs
    ---
    ");
}

#[test]
fn no_verb_is_a_usage_error() {
    let nothing: [&str; 0] = [];
    assert_snapshot!(Playground::new().run(nothing), @"
    exit: 2
    --- stdout
    --- stderr
    error: no verb given
    hint: `ringfence --help` lists the verbs
    ---
    ");
}

#[test]
fn a_verb_without_its_command_names_the_help_that_lists_them() {
    assert_snapshot!(Playground::new().run(["crypto", "token"]), @"
    exit: 2
    --- stdout
    --- stderr
    error: no command given for `crypto token`
    hint: `ringfence crypto token --help` lists them
    ---
    ");
}

#[test]
fn a_wrong_option_names_the_help_of_its_verb() {
    assert_snapshot!(Playground::new().run(["status", "--pdi", "3"]), @"
    exit: 2
    --- stdout
    --- stderr
    error: unexpected argument `--pdi`
    hint: `ringfence status --help` lists its options
    ---
    ");
}

#[test]
fn a_wrong_value_lists_the_right_ones() {
    assert_snapshot!(Playground::new().run(["status", "--format", "xml"]), @"
    exit: 2
    --- stdout
    --- stderr
    error: invalid value `xml` for `--format <FORMAT>` [possible values: human, json]
    hint: `ringfence status --help` lists its options
    ---
    ");
}

#[test]
fn every_failure_of_run_has_its_own_code() {
    let playground = Playground::new();
    assert_eq!(playground.run(["run", "--nonsense"]).code, 125);
    assert_eq!(playground.run(["--color", "never", "run"]).code, 125);
}

#[test]
fn the_help_lists_every_verb() {
    assert_snapshot!(Playground::new().run(["--help"]), @"
    exit: 0
    --- stdout
    Draws the boundary a Node.js service may act in, enforces it with the kernel,
    and proves it

    Usage: ringfence [OPTIONS] <VERB>

    Verbs:
      init          Write a first boundary file from the project
      learn         Record what a run uses, and write the smallest grants for it
      run           Run a service inside its boundary
      prove         Attack every claim of a boundary and say what held
      explain       Explain a denial, an error text or a running service, and name
                    the grant or the reason not to
      drop          Take a grant back from a running service
      status        Say what this host can enforce, and what to change
      check-config  Check a boundary file without starting anything
      statement     Say the boundary in plain sentences, as a security review asks
                    for it
      diff          Say what a change of the boundary file widens
      packages      Tell what each npm package used
      render        Write the boundary out for the place it deploys to
      drift         Say what is weaker in a deployment than in the boundary
      verify        Check a signed attestation: who signed it, which boundary it is
                    about, what was proven
      crypto        Hash passwords, issue tokens, seal and sign, keep keys
      deps          Review what a service is made of beside its own code
      extract       Extract an archive somebody else made, whole or not at all
      fetch         Fetch a URL and reach nothing that was not allowed
      tls           Look at certificates, watch their ends, make some for
                    development
      schema        Print the JSON Schema of the boundary file, for editors
      completions   Print completions for a shell

    Options:
          --color <WHEN>  When to use colour [default: auto] [possible values:
                          always, auto, never]
      -h, --help          Print help
      -V, --version       Print version

    `ringfence VERB --help` says more about a verb.
    --- stderr
    ---
    ");
}

#[test]
fn the_version_is_told() {
    let run = Playground::new().run(["--version"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "ringfence 0.1.0\n"));
}

#[test]
fn color_is_never_used_where_no_terminal_is_and_always_when_asked_for() {
    let playground = Playground::new();
    assert!(!playground.run(["check-config"]).stderr.contains('\x1b'));
    let asked = playground.run(["--color", "always", "check-config"]);
    assert!(asked.stderr.contains("\x1b[1;31merror:\x1b[0m"), "{asked}");
    let never = playground.finish(playground.command().args(["--color=never", "check-config"]));
    assert!(never.stderr.starts_with("error: "), "{never}");
}
