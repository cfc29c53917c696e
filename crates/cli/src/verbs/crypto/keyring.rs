//! `ringfence crypto keyring`

use super::choice::Algorithms;
use super::hold::{Hold, hold};
use super::key_file::{self, KeyOption};
use super::service::{self, KeyAddress, ServiceOption};
use super::{failed, now};
use crate::error::{CommandError, Finish, Kind};
use crate::format;
use crate::printer::Printer;
use crate::table::{self, Cell};
use ringfence_crypto::envelope::Key;
use ringfence_crypto::keyring::{self as rings, KeyringError, Policy, State, Step};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The option of commands that use a ring.
#[derive(Debug, clap::Args)]
pub(super) struct RingOption {
    /// The keyring
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(super) keyring: PathBuf,
}

/// Create a keyring, rotate its keys, retire them
#[derive(Debug, clap::Subcommand)]
pub(super) enum Keyring {
    Create(Create),
    List(List),
    Rotate(Rotate),
    Retire(Retire),
    Jwks(Jwks),
    Migrate(Migrate),
}

/// Make a keyring with its first key
#[derive(Debug, clap::Args)]
pub(super) struct Create {
    #[command(flatten)]
    ring: RingOption,
    #[command(flatten)]
    key: KeyOption,
    /// What names of keys begin with
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What the keys are for: signatures, envelopes (a256gcm), or data keys of envelopes (a256gcmkw)
    #[arg(long, value_name = "KIND")]
    kind: Kinds,
    /// Longest life of what is signed
    #[arg(long, value_name = "DURATION", default_value = "1d", value_parser = ringfence_policy::duration)]
    token_life: Duration,
    /// By how much clocks may differ
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = ringfence_policy::duration)]
    skew: Duration,
    /// How long verifiers may hold on to an older set of keys
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = ringfence_policy::duration)]
    cache: Duration,
}

/// What keys are for.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kinds {
    Eddsa,
    Es256,
    Ps256,
    A256gcm,
    A256gcmkw,
}

/// Show the keys and where each is in its life
#[derive(Debug, clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    ring: RingOption,
    #[command(flatten)]
    key: MaybeKeyOption,
    #[command(flatten)]
    format: format::FormatOption,
}

/// Take the next step: publish a new key, or let the published one take over
///
/// Refuses, with the time from which it is possible, while verifiers may not have seen the new key.
#[derive(Debug, clap::Args)]
pub(super) struct Rotate {
    #[command(flatten)]
    ring: RingOption,
    #[command(flatten)]
    key: KeyOption,
}

/// Erase a key that is used no more
///
/// Refuses, with the time from which it is possible, while what it signed may still be valid.
#[derive(Debug, clap::Args)]
pub(super) struct Retire {
    #[command(flatten)]
    ring: RingOption,
    #[command(flatten)]
    key: KeyOption,
    /// Name of the key
    #[arg(value_name = "KID")]
    kid: String,
    /// At once, after a compromise: what it signed or sealed is refused from now on
    #[arg(long)]
    destroy: bool,
}

/// Print the public keys as a JWK set
///
/// Of a keyring, or of a key that stays in a key service.
#[derive(Debug, clap::Args)]
#[group(id = "where", required = true, multiple = false, args = ["keyring", "kms"])]
pub(super) struct Jwks {
    /// The keyring
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    keyring: Option<PathBuf>,
    #[command(flatten)]
    key: MaybeKeyOption,
    /// A key in a key service instead: transit:https://HOST:PORT/MOUNT/KEY (OpenBao, Vault) or
    /// aws-kms:ARN
    #[arg(long, value_name = "ADDRESS", value_parser = service::address, requires = "algorithm",
          conflicts_with = "key")]
    kms: Option<KeyAddress>,
    /// What the key in the service is for; another one is refused
    #[arg(long, value_name = "ALGORITHM", requires = "kms")]
    algorithm: Option<Algorithms>,
    #[command(flatten)]
    service: ServiceOption,
}

/// Take over a keyring of the older form, whose file was not authenticated
///
/// Once: private and public halves must belong together; states, times and counts are believed.
#[derive(Debug, clap::Args)]
pub(super) struct Migrate {
    #[command(flatten)]
    ring: RingOption,
    #[command(flatten)]
    key: KeyOption,
}

/// The option of commands that can do without the key.
#[derive(Debug, clap::Args)]
pub(super) struct MaybeKeyOption {
    /// The file with the key that protects the keyring: refuses one that was changed. Without it,
    /// what the keyring says is believed
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(super) key: Option<PathBuf>,
}

impl Keyring {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        match self {
            Self::Create(command) => command.execute(printer)?,
            Self::List(command) => command.execute(printer)?,
            Self::Rotate(command) => command.execute(printer)?,
            Self::Retire(command) => command.execute(printer)?,
            Self::Jwks(command) => command.execute(printer)?,
            Self::Migrate(command) => command.execute(printer)?,
        }
        Ok(Finish::Clean)
    }
}

impl RingOption {
    /// Reads the ring without its key: nothing in it is authenticated.
    pub(super) fn load(&self) -> Result<rings::Keyring, CommandError> {
        let text = key_file::read_text(&self.keyring)?;
        rings::Keyring::from_json(&text).map_err(|error| self.cannot(&error))
    }

    /// Reads the ring as its key wrote it.
    pub(super) fn open(&self, wrap: &Key) -> Result<rings::Keyring, CommandError> {
        let text = key_file::read_text(&self.keyring)?;
        rings::Keyring::open(&text, wrap).map_err(|error| match error {
            KeyringError::Older => self.cannot(&error).hint(
                "take it over once: ringfence crypto keyring migrate --keyring FILE --key FILE",
            ),
            other => self.cannot(&other),
        })
    }

    /// Reads the ring with its key, where that is given.
    pub(super) fn read(&self, key: Option<&Path>) -> Result<rings::Keyring, CommandError> {
        match key {
            Some(key) => self.open(&key_file::wrapping(&key_file::read_key(key)?)?),
            None => self.load(),
        }
    }

    /// Writes it.
    pub(super) fn save(&self, ring: &rings::Keyring, wrap: &Key) -> Result<(), CommandError> {
        key_file::write(&self.keyring, &text(ring, wrap)?)
    }

    /// Writes it where nothing is yet.
    fn make(&self, ring: &rings::Keyring, wrap: &Key) -> Result<(), CommandError> {
        let made = key_file::create(&self.keyring, &text(ring, wrap)?);
        made.map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => self.there_already(),
            _ => key_file::unwritten(&self.keyring, &error),
        })
    }

    /// Keeps other commands from changing it until what this gives is dropped.
    pub(super) fn hold(&self) -> Result<Hold, CommandError> {
        hold(&self.keyring)
    }

    fn there_already(&self) -> CommandError {
        let message = format!("{} is there already", self.keyring.display());
        CommandError::new(Kind::Usage, message).hint("name another file")
    }

    fn cannot(&self, error: &KeyringError) -> CommandError {
        failed(&format!("{} cannot be used", self.keyring.display()), error)
    }
}

impl Create {
    fn execute(&self, printer: &mut Printer) -> Result<(), CommandError> {
        if std::fs::symlink_metadata(&self.ring.keyring).is_ok() {
            return Err(self.ring.there_already());
        }
        let kind = match self.kind {
            Kinds::Eddsa => rings::Kind::Eddsa,
            Kinds::Es256 => rings::Kind::Es256,
            Kinds::Ps256 => rings::Kind::Ps256,
            Kinds::A256gcm => rings::Kind::A256gcm,
            Kinds::A256gcmkw => rings::Kind::A256gcmkw,
        };
        let policy = Policy {
            token_life: self.token_life.as_secs(),
            skew: self.skew.as_secs(),
            cache: self.cache.as_secs(),
        };
        let (secret, made) = self.key.read_or_make()?;
        let wrap = key_file::wrapping(&secret)?;
        let ring = rings::Keyring::create(&self.name, kind, policy, &wrap, now())
            .map_err(|error| refused(&error))?;
        self.ring.make(&ring, &wrap)?;
        if made {
            printer.error(&format!(
                "a new key was made: {}\nkeep it away from the keyring: who has both has everything\n",
                self.key.path().display()
            ));
        }
        let first = ring.keys().first().map(|key| key.kid.clone()).unwrap_or_default();
        printer.text(&format!("in use: {first}\n"));
        Ok(())
    }
}

impl List {
    fn execute(&self, printer: &mut Printer) -> Result<(), CommandError> {
        let ring = self.ring.read(self.key.key.as_deref())?;
        if self.format.format == format::Format::Json {
            let keys: Vec<_> = ring.keys().iter().map(shown).collect();
            return format::json(&serde_json::json!({ "schema": 1, "keys": keys }), printer);
        }
        let rows: Vec<_> = ring
            .keys()
            .iter()
            .map(|key| {
                let times = shown(key)["times"].as_str().unwrap_or_default().to_owned();
                [Cell::plain(&key.kid), Cell::plain(word(key.state)), Cell::plain(times)]
            })
            .collect();
        printer.text(&table::draw(&rows, printer));
        Ok(())
    }
}

impl Rotate {
    fn execute(&self, printer: &mut Printer) -> Result<(), CommandError> {
        let wrap = key_file::wrapping(&self.key.read()?)?;
        let _held = self.ring.hold()?;
        let mut ring = self.ring.open(&wrap)?;
        let step = ring.rotate(&wrap, now()).map_err(|error| refused(&error))?;
        self.ring.save(&ring, &wrap)?;
        printer.text(&match step {
            Step::Published { kid, takes_over_from } => {
                format!(
                    "published: {kid}\nit may take over {}: rotate again then\n",
                    from(takes_over_from)
                )
            }
            // What it sealed has no end of its own.
            Step::TookOver { kid, before: Some((before, _)) }
                if ring.kind.algorithm().is_none() =>
            {
                format!("in use: {kid}\n{before} opens what it sealed until it is destroyed\n")
            }
            Step::TookOver { kid, before: Some((before, retires)) } => {
                format!("in use: {kid}\n{before} may be retired {}\n", from(retires))
            }
            Step::TookOver { kid, before: None } => format!("in use: {kid}\n"),
        });
        Ok(())
    }
}

impl Retire {
    fn execute(&self, printer: &mut Printer) -> Result<(), CommandError> {
        let wrap = key_file::wrapping(&self.key.read()?)?;
        let _held = self.ring.hold()?;
        let mut ring = self.ring.open(&wrap)?;
        let retired = if self.destroy {
            ring.destroy(&self.kid, now())
        } else {
            ring.retire(&self.kid, now())
        };
        retired.map_err(|error| refused(&error))?;
        self.ring.save(&ring, &wrap)?;
        printer.text(&format!("retired: {}\n", self.kid));
        Ok(())
    }
}

impl Jwks {
    fn execute(&self, printer: &mut Printer) -> Result<(), CommandError> {
        let jwks = match (&self.keyring, &self.kms, self.algorithm) {
            (Some(keyring), ..) => {
                let ring = RingOption { keyring: keyring.clone() };
                ring.read(self.key.key.as_deref())?.jwks()
            }
            (None, Some(address), Some(algorithm)) => {
                self.service.service(address)?.jwks(algorithm.into())?
            }
            _ => return Err(CommandError::new(Kind::Usage, "neither --keyring nor --kms")),
        };
        format::json(&jwks, printer)
    }
}

impl Migrate {
    fn execute(&self, printer: &mut Printer) -> Result<(), CommandError> {
        let wrap = key_file::wrapping(&self.key.read()?)?;
        let _held = self.ring.hold()?;
        let text = key_file::read_text(&self.ring.keyring)?;
        let ring = rings::Keyring::migrate(&text, &wrap).map_err(|error| refused(&error))?;
        self.ring.save(&ring, &wrap)?;
        printer.text("authenticated from now on\n");
        Ok(())
    }
}

/// A ring as it is written.
fn text(ring: &rings::Keyring, wrap: &Key) -> Result<Vec<u8>, CommandError> {
    let text = ring.to_json(wrap).map_err(|error| refused(&error))?;
    Ok(format!("{text}\n").into_bytes())
}

/// A step that is refused, with the time from which it is not.
pub(super) fn refused(error: &KeyringError) -> CommandError {
    let shown = CommandError::new(Kind::Usage, "the keyring does not permit it");
    match error {
        KeyringError::Refused { what, possible_from } => {
            let shown = CommandError::new(Kind::Usage, what.clone());
            match possible_from {
                Some(at) => shown.hint(format!("possible {}", from(*at))),
                None => shown,
            }
        }
        other => shown.caused_by(other),
    }
}

/// A time from now on, in words.
fn from(at: u64) -> String {
    let left = at.saturating_sub(now());
    if left == 0 {
        return "now".to_owned();
    }
    let minutes = left.div_ceil(60);
    let parts = [(minutes / 1440, "d"), (minutes / 60 % 24, "h"), (minutes % 60, "min")];
    let parts =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count} {unit}"));
    format!("in {}", parts.collect::<Vec<_>>().join(" "))
}

const fn word(state: State) -> &'static str {
    match state {
        State::Published => "published",
        State::Active => "in use",
        State::Retiring => "verifies",
        State::Retired => "retired",
    }
}

/// A key without its halves.
fn shown(key: &rings::RingKey) -> serde_json::Value {
    let times = [
        ("published", Some(key.published)),
        ("in use", key.activated),
        ("replaced", key.replaced),
        ("retired", key.retired),
    ];
    let ago = |at: u64| now().saturating_sub(at);
    let times = times
        .iter()
        .filter_map(|(what, at)| at.map(|at| format!("{what} {} s ago", ago(at))))
        .collect::<Vec<_>>()
        .join(", ");
    serde_json::json!({
        "kid": key.kid, "state": key.state, "published": key.published, "activated": key.activated,
        "replaced": key.replaced, "retired": key.retired, "seals": key.seals, "times": times,
    })
}
