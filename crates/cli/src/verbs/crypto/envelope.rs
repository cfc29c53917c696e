//! `ringfence crypto seal`, `open` and `rewrap`

use super::choice::{Choice, ChoiceOption};
use super::events::EventsOption;
use super::keyring::refused;
use super::service::{self, KeyAddress};
use super::{failed, input, input_within, line};
use crate::error::{CommandError, Finish, Kind};
use crate::printer::Printer;
use ringfence_crypto::Secret;
use ringfence_crypto::envelope::{self, EnvelopeError, Key, Wrapping, WrappingKey};
use ringfence_crypto::keyring;

/// Seal standard input into an envelope (JWE, A256GCM)
///
/// With a keyring of kind a256gcm under its key; with one of kind a256gcmkw, or with --kms, under a
/// data key of its own that lies wrapped in the envelope.
#[derive(Debug, clap::Args)]
pub(super) struct Seal {
    #[command(flatten)]
    choice: ChoiceOption,
    /// What the envelope is bound to, such as orders/17: needed again to open it
    #[arg(long, value_name = "TEXT", default_value = "")]
    context: String,
    /// Refuse unless this is the key in use
    #[arg(long, value_name = "KID", conflicts_with = "kms")]
    kid: Option<String>,
    #[command(flatten)]
    events: EventsOption,
}

/// Open the envelope on standard input
#[derive(Debug, clap::Args)]
pub(super) struct Open {
    #[command(flatten)]
    choice: ChoiceOption,
    /// What the envelope was bound to
    #[arg(long, value_name = "TEXT", default_value = "")]
    context: String,
    /// Refuse envelopes of other keys; the older form without a key's name needs it
    #[arg(long, value_name = "KID", conflicts_with = "kms")]
    kid: Option<String>,
    #[command(flatten)]
    events: EventsOption,
}

/// Put the data key of the envelope on standard input under the newest key, without sealing again
///
/// What is sealed stays byte for byte. Needs a keyring of kind a256gcmkw, or --kms.
#[derive(Debug, clap::Args)]
pub(super) struct Rewrap {
    #[command(flatten)]
    choice: ChoiceOption,
    /// Put it under this key instead, in the same service or another one that is reached alike
    #[arg(long, value_name = "ADDRESS", value_parser = service::address)]
    to_kms: Option<KeyAddress>,
    #[command(flatten)]
    events: EventsOption,
}

impl Seal {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let context = self.context.as_bytes();
        // All of it, before the ring is read: nobody else changes it between reading and writing.
        let data = Secret::new(input()?);
        let held = self.choice.hold()?;
        let sealed = match self.choice.load()? {
            Choice::Service(service) => {
                let key = service.wrapping()?;
                let (key, data) = (key.as_ref(), data.expose());
                self.events.watch(|on| on.seal_wrapped(key, context, data))?
            }
            Choice::Ring(mut ring, option, wrap) => {
                let key = SealingKey::of(&mut ring, &wrap)?;
                if let Some(kid) = self.kid.as_ref().filter(|kid| *kid != key.id()) {
                    let message = format!("{kid} is not the key in use: {} is", key.id());
                    return Err(CommandError::new(Kind::Usage, message));
                }
                // The count is on disk before anything is sealed: a crash counts too many, never too few.
                option.save(&ring, &wrap)?;
                drop(held);
                match &key {
                    SealingKey::Direct(key) => {
                        (envelope::seal(key, context, data.expose()), String::new())
                    }
                    SealingKey::Wrapping(key) => {
                        (envelope::seal_wrapped(key, context, data.expose()), String::new())
                    }
                }
            }
        };
        let sealed = ended("nothing is sealed", sealed)?;
        printer.text(&format!("{sealed}\n"));
        Ok(Finish::Clean)
    }
}

/// What a keyring seals with.
enum SealingKey {
    Direct(Key),
    Wrapping(WrappingKey),
}

impl SealingKey {
    fn of(ring: &mut keyring::Keyring, wrap: &Key) -> Result<Self, CommandError> {
        let key = if ring.kind == keyring::Kind::A256gcmkw {
            ring.wrapping_key_for(wrap, 1).map(Self::Wrapping)
        } else {
            ring.sealing_key_for(wrap, 1).map(Self::Direct)
        };
        key.map_err(|error| refused(&error))
    }

    fn id(&self) -> &str {
        match self {
            Self::Direct(key) => key.id(),
            Self::Wrapping(key) => key.kid(),
        }
    }
}

impl Open {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let choice = self.choice.load()?;
        let bytes = envelope_input()?;
        let text = envelope_text(&bytes)?;
        let context = self.context.as_bytes();
        let opened = match &choice {
            Choice::Service(service) => {
                let key = service.wrapping()?;
                self.events.watch(|on| on.open_wrapped(&[key.as_ref()], context, text))?
            }
            Choice::Ring(ring, _, wrap) if ring.kind == keyring::Kind::A256gcmkw => {
                let keys = ring.unwrapping_keys(wrap).map_err(|error| refused(&error))?;
                let keys: Vec<&dyn Wrapping> = keys
                    .iter()
                    .filter(|key| self.kid.as_ref().is_none_or(|kid| kid == key.kid()))
                    .map(|key| key as &dyn Wrapping)
                    .collect();
                self.events.watch(|on| on.open_wrapped(&keys, context, text))?
            }
            Choice::Ring(ring, _, wrap) => {
                let keys = ring.opening_keys(wrap).map_err(|error| refused(&error))?;
                self.direct(&keys, text)?
            }
        };
        let opened = ended("the envelope does not open", opened)?;
        printer.bytes(opened.expose());
        Ok(Finish::Clean)
    }

    /// With the key of a ring itself.
    fn direct(
        &self,
        keys: &[Key],
        text: &str,
    ) -> Result<(Result<Secret, EnvelopeError>, String), CommandError> {
        let named = |key: &&Key| self.kid.as_ref().is_none_or(|kid| kid == key.id());
        let keys: Vec<_> = keys.iter().filter(named).collect();
        let context = self.context.as_bytes();
        if !text.starts_with('{') {
            return self.events.watch(|on| on.open(&keys, context, text));
        }
        match (&self.kid, keys.as_slice()) {
            (Some(_), [key]) => self.events.watch(|on| on.open_manual(key, context, text)),
            (Some(_), _) => Ok((Err(EnvelopeError::UnknownKey), String::new())),
            (None, _) => {
                let message = "this envelope does not say which key it was sealed with";
                Err(CommandError::new(Kind::Usage, message).hint("name it: --kid KID"))
            }
        }
    }
}

impl Rewrap {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let bytes = envelope_input()?;
        let text = envelope_text(&bytes)?;
        let held = self.choice.hold()?;
        let choice = self.choice.load()?;
        let other = self.to_kms.as_ref().map(|address| self.choice.other(address)).transpose()?;
        let (keys, own) = match choice {
            Choice::Service(service) => {
                let key = service.wrapping()?;
                let to = other.as_ref().map(service::Service::wrapping).transpose()?;
                let to = to.as_deref().unwrap_or(key.as_ref());
                let done = self.events.watch(|on| on.rewrap(&[key.as_ref()], to, text))?;
                return finish(done, printer);
            }
            Choice::Ring(mut ring, option, wrap) => {
                let keys = ring.unwrapping_keys(&wrap).map_err(|error| refused(&error))?;
                let own = ring.wrapping_key_for(&wrap, 1).map_err(|error| refused(&error))?;
                option.save(&ring, &wrap)?;
                drop(held);
                (keys, own)
            }
        };
        let keys: Vec<&dyn Wrapping> = keys.iter().map(|key| key as &dyn Wrapping).collect();
        let to = other.as_ref().map(service::Service::wrapping).transpose()?;
        let to = to.as_deref().unwrap_or(&own);
        let done = self.events.watch(|on| on.rewrap(&keys, to, text))?;
        finish(done, printer)
    }
}

fn finish(
    rewrapped: (Result<String, EnvelopeError>, String),
    printer: &mut Printer,
) -> Result<Finish, CommandError> {
    let text = ended("the envelope stays as it is", rewrapped)?;
    printer.text(&format!("{text}\n"));
    Ok(Finish::Clean)
}

/// What was done, or the failure with its events behind it.
fn ended<T>(
    what: &str,
    (done, events): (Result<T, EnvelopeError>, String),
) -> Result<T, CommandError> {
    done.map_err(|error| failed(what, &error).with_event(events))
}

/// An envelope is longer than what is in it: whatever was sealed is read again.
fn envelope_input() -> Result<Vec<u8>, CommandError> {
    input_within(envelope::LONGEST as u64)
}

fn envelope_text(bytes: &[u8]) -> Result<&str, CommandError> {
    std::str::from_utf8(line(bytes))
        .map_err(|_| CommandError::new(Kind::Source, "the envelope is not text"))
}
