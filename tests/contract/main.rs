//! What each verb promises on the command line: exit code, standard output, standard error.
//!
//! One file per verb. A snapshot changes only when the interface is meant to change.

#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod attach;
mod attest;
mod check_config;
mod completions;
mod containers_drift;
mod crypto;
mod deps_audit;
mod deps_incidents;
mod deps_inspect;
mod deps_install;
mod deps_provenance;
mod deps_publish;
mod deps_review;
mod deps_sarif;
mod deps_sbom;
mod deps_scripts;
mod deps_verify;
mod diff;
mod drift;
mod drop;
mod explain;
mod extract;
mod fetch;
mod generated;
mod init;
mod key_service;
mod kubernetes;
mod learn;
mod output;
mod own_processes;
mod packages;
mod prove;
mod record;
mod registry;
mod render;
mod run;
mod schema;
mod statement;
mod status;
mod tls;
mod trace;
mod usage;
mod verify;

/// The smallest complete boundary file.
const SMALLEST: &str = r#"schema = 1

[service]
name = "orders"
start = ["node", "server.mjs"]

[fs]
read = ["./"]
"#;

/// A service that every host can start: it does nothing, successfully.
const TRUE: &str = r#"schema = 1

[service]
name = "true"
start = ["/bin/true"]

[fs]
read = ["./"]
"#;
