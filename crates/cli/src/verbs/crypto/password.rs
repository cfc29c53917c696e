//! `ringfence crypto password`

use super::{failed, input, line};
use crate::error::{CommandError, Finish, Kind};
use crate::printer::Printer;
use ringfence_crypto::Secret;
use ringfence_crypto::password::{Hasher, HasherOptions, Scheme};

/// Hash a password, or compare one with a stored hash
#[derive(Debug, clap::Subcommand)]
pub(super) enum Password {
    Hash(Hash),
    Verify(Verify),
}

/// Print the PHC string of the password on standard input
///
/// The password is one line; what ends the line is not part of it.
#[derive(Debug, clap::Args)]
pub(super) struct Hash {
    /// Read the password from standard input; there is no other way
    #[arg(long, required = true)]
    stdin: bool,
    /// Memory of Argon2id in MiB
    #[arg(long, value_name = "MIB", default_value_t = 19, value_parser = clap::value_parser!(u32).range(7..=256))]
    memory: u32,
    /// Passes over the memory
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    passes: u32,
    /// Lanes
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16))]
    lanes: u32,
}

/// Compare the password on standard input with a stored hash: exit 0 when it matches, else 1
///
/// The first line of standard input is the password, the second the stored hash.
#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    /// Read both from standard input; there is no other way
    #[arg(long, required = true)]
    stdin: bool,
}

impl Password {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        match self {
            Self::Hash(command) => command.execute(printer),
            Self::Verify(_) => verify(printer),
        }
    }
}

impl Hash {
    fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let memory = self.memory * 1024;
        let policy = Scheme::Argon2id { memory, passes: self.passes, lanes: self.lanes };
        let hasher = hasher(HasherOptions { policy, ..alone() })?;
        let input = Secret::new(input()?);
        let password = line(input.expose());
        if password.is_empty() {
            return Err(CommandError::new(Kind::Source, "the password is empty"));
        }
        if password.contains(&b'\n') {
            let message = "standard input has more than one line";
            return Err(CommandError::new(Kind::Source, message));
        }
        let hash = hasher.hash(password).map_err(|e| failed("the password is not hashed", &e))?;
        printer.text(&format!("{hash}\n"));
        Ok(Finish::Clean)
    }
}

fn verify(printer: &mut Printer) -> Result<Finish, CommandError> {
    let hasher = hasher(alone())?;
    let input = Secret::new(input()?);
    let mut lines = line(input.expose()).splitn(2, |byte| *byte == b'\n').map(line);
    let (Some(password), Some(stored)) = (lines.next(), lines.next()) else {
        let message = "standard input has two lines: the password, then the stored hash";
        return Err(CommandError::new(Kind::Source, message));
    };
    let stored = std::str::from_utf8(stored)
        .map_err(|_| CommandError::new(Kind::Source, "the stored hash is not text"))?;
    let verified = hasher
        .verify(password, stored)
        .map_err(|error| failed("the password is not compared", &error))?;
    printer.text(match (verified.matches, verified.rehash) {
        (true, false) => "matches\n",
        (true, true) => "matches; hash it again: the stored hash is weaker than the policy\n",
        (false, _) => "does not match\n",
    });
    Ok(if verified.matches { Finish::Clean } else { Finish::Findings })
}

/// One password at a time, and nobody to count attempts of.
fn alone() -> HasherOptions {
    HasherOptions { at_once: 1, waiting: 0, attempts: None, ..HasherOptions::default() }
}

fn hasher(options: HasherOptions) -> Result<Hasher, CommandError> {
    Hasher::new(options).map_err(|error| {
        CommandError::new(Kind::Usage, "these parameters are not accepted")
            .caused_by(&error)
            .hint("19 MiB and 2 passes are the least, or 46 and 1, 12 and 3, 9 and 4, 7 and 5")
    })
}
