//! `ringfence crypto token`

use super::hold::hold;
use super::key_file::{self, KeyOption};
use super::{failed, input_line, now};
use crate::error::{CommandError, Finish, Kind};
use crate::printer::Printer;
use ringfence_crypto::token::{ServerKey, Standing, Store, Token as IssuedToken};
use ringfence_policy::display::untrusted;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Issue, verify and revoke API tokens
#[derive(Debug, clap::Subcommand)]
pub(super) enum Token {
    Issue(Issue),
    Verify(Verify),
    Revoke(Revoke),
}

/// Where tokens are kept.
#[derive(Debug, clap::Args)]
struct StoreOption {
    /// The table of tokens, as JSON; it holds keyed hashes and no token
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    store: PathBuf,
}

/// Issue a token: it is printed once and kept nowhere
#[derive(Debug, clap::Args)]
pub(super) struct Issue {
    #[command(flatten)]
    store: StoreOption,
    #[command(flatten)]
    key: KeyOption,
    /// What tokens begin with: 2 to 16 letters a-z and digits
    #[arg(long, value_name = "NAME")]
    prefix: String,
    /// Time after which it is refused, such as 90d; without it, it never expires
    #[arg(long, value_name = "DURATION", value_parser = ringfence_policy::duration)]
    expires: Option<Duration>,
    /// Whom or what it is for
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
}

/// Say whether the token on standard input is accepted: exit 0 when it is, else 1
#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    #[command(flatten)]
    store: StoreOption,
    #[command(flatten)]
    key: KeyOption,
    /// Read the token from standard input; there is no other way
    #[arg(long, required = true)]
    stdin: bool,
}

/// Revoke a token by its id
#[derive(Debug, clap::Args)]
pub(super) struct Revoke {
    #[command(flatten)]
    store: StoreOption,
    /// The id that `issue` printed
    #[arg(value_name = "ID")]
    id: String,
}

impl Token {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        match self {
            Self::Issue(command) => command.execute(printer),
            Self::Verify(command) => command.execute(printer),
            Self::Revoke(command) => command.execute(printer),
        }
    }
}

impl Issue {
    fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        // It is kept nowhere: nobody would ever have it.
        printer.check_output()?;
        let (token, id) = loop {
            if let Some(issued) = self.issue(printer)? {
                break issued;
            }
        };
        printer.text(&format!("{}\n", token.expose()));
        printer.error(&format!("id {id}\n"));
        let lost = format!("the token is in the table and nobody has it: revoke {id}");
        printer.flush().map_err(|error| error.hint(lost))?;
        Ok(Finish::Clean)
    }

    /// A token that is in the table, and its id; nothing where somebody else made the table meanwhile.
    fn issue(&self, printer: &mut Printer) -> Result<Option<(IssuedToken, String)>, CommandError> {
        let path = &self.store.store;
        let there = std::fs::symlink_metadata(path).is_ok();
        let _held = there.then(|| hold(path)).transpose()?;
        let mut store = if there { load(path)? } else { Store::new() };
        let (secret, made) = self.key.read_or_make()?;
        if made {
            printer.error(&format!("a new key was made: {}\n", self.key.path().display()));
        }
        let key = server_key(&secret)?;
        let now = now();
        let expires = self.expires.map(|life| now.saturating_add(life.as_secs()));
        let (token, entry) = store
            .issue(&key, &self.prefix, &self.note, now, expires)
            .map_err(|error| CommandError::new(Kind::Usage, "no token").caused_by(&error))?;
        let id = entry.id.clone();
        if there {
            save(path, &store)?;
            return Ok(Some((token, id)));
        }
        match key_file::create(path, &written(&store)?) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(None),
            made => {
                made.map_err(|error| key_file::unwritten(path, &error))?;
                Ok(Some((token, id)))
            }
        }
    }
}

impl Verify {
    fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let store = load(&self.store.store)?;
        let key = server_key(&self.key.read()?)?;
        let text = input_line("token")?;
        let token = match ringfence_crypto::token::Token::parse(&text) {
            Ok(token) => token,
            Err(error) => {
                printer.text(&format!("refused: {error}\n"));
                return Ok(Finish::Findings);
            }
        };
        let (word, entry) = match store.look_up(&key, &token, now()) {
            Standing::Valid(entry) => {
                printer.text(&format!("valid: {} {}\n", entry.id, untrusted(&entry.note)));
                return Ok(Finish::Clean);
            }
            Standing::Expired(entry) => ("it has expired", Some(entry)),
            Standing::Revoked(entry) => ("it was revoked", Some(entry)),
            Standing::Unknown => ("it is not known here", None),
        };
        let id = entry.map(|entry| format!(" ({})", entry.id)).unwrap_or_default();
        printer.text(&format!("refused: {word}{id}\n"));
        Ok(Finish::Findings)
    }
}

impl Revoke {
    fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let _held = hold(&self.store.store)?;
        let mut store = load(&self.store.store)?;
        if store.revoke(&self.id, now()).is_none() {
            let message = format!("no token has the id {}", self.id);
            return Err(CommandError::new(Kind::Usage, message));
        }
        save(&self.store.store, &store)?;
        printer.text(&format!("revoked: {}\n", self.id));
        Ok(Finish::Clean)
    }
}

fn server_key(secret: &ringfence_crypto::Secret) -> Result<ServerKey, CommandError> {
    ServerKey::new(secret).map_err(|error| failed("the key cannot be used", &error))
}

fn load(path: &Path) -> Result<Store, CommandError> {
    Store::from_json(&key_file::read_text(path)?).map_err(|why| {
        CommandError::new(Kind::Source, format!("{} is no table of tokens: {why}", path.display()))
    })
}

fn save(path: &Path, store: &Store) -> Result<(), CommandError> {
    key_file::write(path, &written(store)?)
}

fn written(store: &Store) -> Result<Vec<u8>, CommandError> {
    let text = store.to_json().map_err(|error| failed("the table is not written", &error))?;
    Ok(format!("{text}\n").into_bytes())
}
