//! The verbs: one file each, whose documentation comments are its help.

mod check_config;
mod completions;
#[cfg(feature = "crypto")]
mod crypto;
#[cfg(feature = "deps")]
mod deps;
mod diff;
mod drift;
mod drop;
mod explain;
#[cfg(all(feature = "guard", target_os = "linux"))]
mod extract;
#[cfg(all(feature = "guard", target_os = "linux"))]
mod fetch;
mod init;
mod learn;
mod packages;
mod prove;
mod render;
mod run;
mod schema;
mod statement;
mod status;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "crypto")]
mod verify;

#[cfg(not(feature = "crypto"))]
pub(crate) use crate::unsigned::{SignOption, Signatures};
#[cfg(feature = "crypto")]
pub(crate) use crypto::attest::{SignOption, Signatures};
pub(crate) use drop::Drop;
pub(crate) use explain::Here;
pub(crate) use learn::Learn;
#[cfg(target_os = "linux")]
pub(crate) use packages::human as packages_shown;
#[cfg(all(test, target_os = "linux"))]
pub(crate) use prove::CLASSES as PROOF_CLASSES;
pub(crate) use prove::{ProofFormat, Prove};
pub(crate) use run::Run;
pub(crate) use status::Status;

use crate::error::{CommandError, Finish};
use crate::host;
use crate::printer::Printer;
use std::ffi::OsString;

/// Every verb, in the order of the help.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    Init(init::Init),
    Learn(learn::Learn),
    Run(run::Run),
    Prove(prove::Prove),
    Explain(explain::Explain),
    Drop(drop::Drop),
    Status(status::Status),
    CheckConfig(check_config::CheckConfig),
    Statement(statement::Statement),
    Diff(diff::Diff),
    Packages(packages::Packages),
    Render(render::Render),
    Drift(drift::Drift),
    #[cfg(feature = "crypto")]
    Verify(verify::Verify),
    #[cfg(feature = "crypto")]
    Crypto(crypto::Crypto),
    #[cfg(feature = "deps")]
    Deps(deps::Deps),
    #[cfg(all(feature = "guard", target_os = "linux"))]
    Extract(extract::Extract),
    #[cfg(all(feature = "guard", target_os = "linux"))]
    Fetch(fetch::Fetch),
    #[cfg(feature = "tls")]
    Tls(tls::Tls),
    Schema(schema::Schema),
    Completions(completions::Completions),
}

impl Verb {
    /// Does what was asked for.
    pub(crate) fn execute(self, printer: &mut Printer) -> Result<Finish, CommandError> {
        match self {
            Self::Run(verb) => host::run(&verb, printer),
            Self::Prove(verb) => host::prove(&verb, printer),
            Self::Explain(verb) => verb.execute(printer),
            Self::Drop(verb) => host::drop_grant(&verb, printer),
            Self::Status(verb) => host::status(&verb, printer),
            Self::CheckConfig(verb) => verb.execute(printer),
            Self::Statement(verb) => verb.execute(printer),
            Self::Diff(verb) => verb.execute(printer),
            Self::Init(verb) => verb.execute(printer),
            Self::Learn(verb) => host::learn(&verb, printer),
            Self::Packages(verb) => verb.execute(printer),
            Self::Render(verb) => verb.execute(printer),
            Self::Drift(verb) => verb.execute(printer),
            #[cfg(feature = "crypto")]
            Self::Verify(verb) => verb.execute(printer),
            #[cfg(feature = "crypto")]
            Self::Crypto(verb) => verb.execute(printer),
            #[cfg(feature = "deps")]
            Self::Deps(verb) => verb.execute(printer),
            #[cfg(all(feature = "guard", target_os = "linux"))]
            Self::Extract(verb) => verb.execute(printer),
            #[cfg(all(feature = "guard", target_os = "linux"))]
            Self::Fetch(verb) => verb.execute(printer),
            #[cfg(feature = "tls")]
            Self::Tls(verb) => verb.execute(printer),
            Self::Schema(verb) => verb.execute(printer),
            Self::Completions(verb) => Ok(verb.execute(printer)),
        }
    }
}

/// What `--pid` takes.
fn process_id(text: &str) -> Result<u32, &'static str> {
    text.parse().ok().filter(|pid| *pid > 0).ok_or("not a process id")
}

/// The verb a command line names, also when the rest of it is wrong.
pub(crate) fn named(arguments: &[OsString]) -> Option<&str> {
    let mut rest = arguments.iter().skip(1);
    while let Some(argument) = rest.next() {
        match argument.to_str() {
            Some("--color") => drop(rest.next()),
            Some(option) if option.starts_with('-') => {}
            verb => return verb,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verb_is_recognised_whatever_follows_it() {
        let named = |line: &str| {
            let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            named(&arguments) == Some("run")
        };
        assert!(named("ringfence run --nonsense"));
        assert!(named("ringfence --color never run"));
        assert!(named("ringfence --color=never run"));
        assert!(!named("ringfence status run"));
        assert!(!named("ringfence --help"));
    }
}
