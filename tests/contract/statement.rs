//! `ringfence statement`

use crate::{SMALLEST, TRUE};
use insta::assert_snapshot;
use ringfence_tests::command::Playground;
use serde_json::Value;

#[test]
fn the_smallest_boundary_is_said_in_plain_sentences() {
    let playground = Playground::new().with("ringfence.toml", SMALLEST);
    let mut run = playground.run(["statement"]);
    // What follows is this host's.
    run.stdout.truncate(run.stdout.find("\nwhat its runtime needs").unwrap());
    assert_snapshot!(run, @"
    exit: 0
    --- stdout
    the service orders
      - runs as a non-root user: its caller, or the owner of this file's folder
        where root starts it
      - has no capabilities and cannot gain privileges
      - reads only ./ and what its runtime needs
      - writes nothing on the host: everything is read-only; /tmp and /dev/shm are
        private and vanish with it
      - cannot execute a file that it can write
      - cannot open outbound sockets
      - cannot look up names
      - cannot reach private, loopback or link-local addresses by name
      - cannot reach a cloud metadata service by name or address
      - cannot send datagrams to another host
      - is not reachable over TCP from outside
      - is not reachable over UDP from outside
      - cannot connect to unix sockets of the host
      - cannot start any program
      - has no package manager it can execute
      - cannot see, signal or trace processes other than its own
      - cannot mount, load kernel code, create namespaces, open raw sockets or use
        io_uring
      - cannot load native addons
      - starts no worker threads: held by Node's own flag; without it the layers of
        the kernel still hold
      - runs no WASI programs: held by Node's own flag; without it the layers of the
        kernel still hold
      - calls no foreign functions: held by Node's own flag; without it the layers
        of the kernel still hold
      - opens no inspector: held by Node's own flag; without it the layers of the
        kernel still hold
      - receives only the environment variables PATH (fixed), HOME (fixed), TMPDIR
        (fixed) and LANG (fixed), and a Node program RINGFENCE_CONTROL, by which it
        asks about its boundary
      - receives no environment variable that loads code or switches verification
        off
      - receives no secrets
      - note: may use all memory
      - note: may have any number of processes and threads
      - note: may use all processor cores
      - note: may have as many open descriptors as its host gives a process
      - note: may write files of any size
      - note: may keep any amount in its private /tmp
      - does not start when a layer it needs is absent
    --- stderr
    ---
    ");
}

#[test]
fn every_line_fits_80_columns() {
    let playground = Playground::new().with("ringfence.toml", SMALLEST);
    let run = playground.run(["statement"]);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{run}");
}

#[test]
fn what_the_runtime_needs_is_shown_as_it_is_on_this_host() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    let run = playground.run(["statement", "--format", "json"]);
    let statement: Value = serde_json::from_str(&run.stdout).unwrap();
    let runtime = statement["runtime"].as_array().unwrap();
    let program = runtime.iter().find(|grant| grant["why"] == "program").unwrap();
    assert!(program["path"].as_str().unwrap().ends_with("/true"), "{program}");
    assert_eq!(program["access"], "read and execute");
    assert!(runtime.iter().all(|grant| grant["access"] != "read and write"));
}

#[test]
fn the_json_form_has_a_version_and_the_id_of_each_claim() {
    let playground = Playground::new().with("ringfence.toml", SMALLEST);
    let run = playground.run(["statement", "--format", "json"]);
    let statement: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code, &statement["schema"]), (0, &1.into()));
    assert_eq!(statement["service"], "orders");
    let sentences = statement["sentences"].as_array().unwrap();
    assert!(sentences.iter().any(|sentence| sentence["claim"] == "net-connect"));
}

#[test]
fn paths_of_the_file_cannot_become_markup() {
    let text = SMALLEST.replace("./", "./a_*b*_`c`");
    let playground = Playground::new().with("ringfence.toml", &text);
    let run = playground.run(["statement", "--format", "markdown"]);
    assert!(!run.stdout.contains("_*b*_"), "{run}");
}
