//! Files that users send, taken in piece by piece.

use super::path::GuardRoot;
use super::{elsewhere, refused};
use napi::bindgen_prelude::{AsyncTask, Object};
use napi::{Env, Error, Result, Task};
use napi_derive::napi;
use ringfence_guard::upload::{Accepted, Clamd, Intake, Kind, Receiving, UploadError};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What is accepted.
#[napi(object, object_to_js = false)]
pub struct NativeIntake {
    /// Media types.
    pub wanted: Vec<String>,
    /// The sender's media type.
    pub declared: String,
    /// Bytes.
    pub longest: f64,
    /// Whether what is hidden in it is noted and not refused.
    pub tolerates_hidden: bool,
    /// A path, or an address with a port, of clamd.
    pub clamd: Option<String>,
    /// Milliseconds for it.
    pub clamd_timeout: u32,
}

/// What was taken in.
#[napi(object, object_from_js = false)]
pub struct NativeAccepted {
    /// Its name in the store.
    pub name: String,
    /// Of its content.
    pub sha256: String,
    /// Its media type, by its bytes.
    pub media_type: String,
    /// How long it is.
    pub bytes: f64,
    /// What is remarkable in it.
    pub notes: Vec<String>,
    /// Whether it was there already.
    pub known: bool,
}

type Shared = Arc<Mutex<Option<Receiving>>>;

/// An upload under way.
#[napi]
pub struct GuardUpload {
    intake: Arc<Intake>,
    receiving: Shared,
}

#[napi]
impl GuardUpload {
    /// Begins one.
    #[napi(constructor)]
    pub fn new(root: &GuardRoot, options: NativeIntake) -> Result<Self> {
        let intake = Arc::new(intake(&options)?);
        let receiving = intake.begin(&options.declared, root.root()).map_err(told)?;
        Ok(Self { intake, receiving: Arc::new(Mutex::new(Some(receiving))) })
    }

    /// Takes the next bytes, on the thread pool. They are copied: JavaScript may give their memory away
    /// while a thread reads it.
    #[napi]
    pub fn take(&self, piece: &[u8]) -> AsyncTask<TakeTask> {
        let piece = piece.to_vec();
        let (intake, receiving) = (Arc::clone(&self.intake), Arc::clone(&self.receiving));
        AsyncTask::new(TakeTask { intake, receiving, piece })
    }

    /// Judges it, has it scanned and gives it its name.
    #[napi(ts_return_type = "Promise<NativeAccepted>", catch_unwind)]
    pub fn finish<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let (intake, receiving) = (Arc::clone(&self.intake), held(&self.receiving).take());
        let receiving = receiving.ok_or_else(over)?;
        elsewhere(env, move || intake.finish(receiving).map(accepted).map_err(told))
    }

    /// Lets go of it: nothing stays.
    #[napi]
    pub fn abandon(&self) {
        drop(held(&self.receiving).take());
    }
}

/// A piece, on the thread pool.
pub struct TakeTask {
    intake: Arc<Intake>,
    receiving: Shared,
    piece: Vec<u8>,
}

impl Task for TakeTask {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> Result<()> {
        let mut held = held(&self.receiving);
        let receiving = held.as_mut().ok_or_else(over)?;
        let taken = self.intake.take(receiving, &self.piece);
        if taken.is_err() {
            *held = None;
        }
        taken.map_err(told)
    }

    fn resolve(&mut self, _env: Env, (): ()) -> Result<()> {
        Ok(())
    }
}

fn intake(options: &NativeIntake) -> Result<Intake> {
    let wrong = |why| refused("ERR_INVALID_ARG_VALUE", format_args!("argument: {why}"));
    let kinds: Option<Vec<Kind>> = options.wanted.iter().map(|name| Kind::declared(name)).collect();
    let kinds =
        kinds.ok_or_else(|| wrong("accept holds a media type that cannot be told by its bytes"))?;
    let mut intake = Intake::new(whole(options.longest), &kinds);
    if options.tolerates_hidden {
        intake = intake.with_hidden_noted();
    }
    let Some(clamd) = &options.clamd else { return Ok(intake) };
    let daemon = if clamd.starts_with('/') {
        Clamd::unix(clamd)
    } else {
        let address: SocketAddr =
            clamd.parse().map_err(|_| wrong("clamd is a path, or an address with a port"))?;
        Clamd::tcp(address)
    };
    Ok(intake
        .with_scanner(daemon.with_deadline(Duration::from_millis(options.clamd_timeout.into()))))
}

fn accepted(file: Accepted) -> NativeAccepted {
    NativeAccepted {
        name: file.name,
        sha256: file.sha256,
        media_type: file.kind.media_type().to_owned(),
        bytes: number(file.bytes),
        notes: file.notes.iter().map(ToString::to_string).collect(),
        known: file.known,
    }
}

fn held(receiving: &Shared) -> std::sync::MutexGuard<'_, Option<Receiving>> {
    receiving.lock().unwrap_or_else(PoisonError::into_inner)
}

fn over() -> Error {
    refused("ERR_RINGFENCE_GUARD_UPLOAD", "not-received: it is over")
}

/// The rule goes along: `CODE|rule: message`.
fn told(error: UploadError) -> Error {
    let code = match &error {
        UploadError::TooLong(_) => "ERR_RINGFENCE_GUARD_TOO_LARGE",
        UploadError::Store(cause) => return super::path::told_of(cause, "not-stored: "),
        _ => "ERR_RINGFENCE_GUARD_UPLOAD",
    };
    match &error {
        UploadError::Scanner(cause) => {
            refused(code, format_args!("{}: {error}: {cause}", error.code()))
        }
        _ => refused(code, format_args!("{}: {error}", error.code())),
    }
}

#[expect(clippy::cast_precision_loss, reason = "bytes of one file are far below 2^53")]
const fn number(value: u64) -> f64 {
    value as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as saturates")]
const fn whole(value: f64) -> u64 {
    value as u64
}
