//! `ringfence crypto seal` and `open`

use super::key_file::{self, KeyOption};
use super::keyring::{RingOption, refused};
use super::{failed, input, line};
use crate::error::{CommandError, Finish, Kind};
use crate::printer::Printer;
use ringfence_crypto::Secret;
use ringfence_crypto::envelope::{self, EnvelopeError};

/// Seal standard input into an envelope (JWE dir, A256GCM)
#[derive(Debug, clap::Args)]
pub(super) struct Seal {
    #[command(flatten)]
    ring: RingOption,
    #[command(flatten)]
    key: KeyOption,
    /// What the envelope is bound to, such as orders/17: needed again to open it
    #[arg(long, value_name = "TEXT", default_value = "")]
    context: String,
    /// Refuse unless this is the key in use
    #[arg(long, value_name = "KID")]
    kid: Option<String>,
}

/// Open the envelope on standard input
#[derive(Debug, clap::Args)]
pub(super) struct Open {
    #[command(flatten)]
    ring: RingOption,
    #[command(flatten)]
    key: KeyOption,
    /// What the envelope was bound to
    #[arg(long, value_name = "TEXT", default_value = "")]
    context: String,
    /// Refuse envelopes of other keys; the older form without a key's name needs it
    #[arg(long, value_name = "KID")]
    kid: Option<String>,
}

impl Seal {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let mut ring = self.ring.load()?;
        let wrap = key_file::wrapping(&self.key.read()?)?;
        let key = ring.sealing_key(&wrap).map_err(|error| refused(&error))?;
        if let Some(kid) = self.kid.as_ref().filter(|kid| *kid != key.id()) {
            let message = format!("{kid} is not the key in use: {} is", key.id());
            return Err(CommandError::new(Kind::Usage, message));
        }
        let data = Secret::new(input()?);
        // The count is on disk before anything is sealed: a crash counts too many, never too few.
        self.ring.save(&ring)?;
        let sealed = envelope::seal(&key, self.context.as_bytes(), data.expose())
            .map_err(|error| failed("nothing is sealed", &error))?;
        printer.text(&format!("{sealed}\n"));
        Ok(Finish::Clean)
    }
}

impl Open {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let ring = self.ring.load()?;
        let wrap = key_file::wrapping(&self.key.read()?)?;
        let keys = ring.opening_keys(&wrap).map_err(|error| refused(&error))?;
        let keys: Vec<_> =
            keys.iter().filter(|key| self.kid.as_ref().is_none_or(|kid| kid == key.id())).collect();
        let bytes = input()?;
        let text = std::str::from_utf8(line(&bytes))
            .map_err(|_| CommandError::new(Kind::Source, "the envelope is not text"))?;
        let context = self.context.as_bytes();
        let opened = if text.starts_with('{') {
            match (&self.kid, keys.as_slice()) {
                (Some(_), [key]) => envelope::open_manual(key, context, text),
                (Some(_), _) => Err(EnvelopeError::UnknownKey),
                (None, _) => {
                    let message = "this envelope does not say which key it was sealed with";
                    return Err(CommandError::new(Kind::Usage, message).hint("name it: --kid KID"));
                }
            }
        } else {
            envelope::open(&keys, context, text)
        };
        let opened = opened.map_err(|error| failed("the envelope does not open", &error))?;
        printer.bytes(opened.expose());
        Ok(Finish::Clean)
    }
}
