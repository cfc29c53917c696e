//! Webhooks: verified over the bytes that came.

use super::refused;
use napi::bindgen_prelude::AsyncTask;
use napi::{Env, Error, Result, Task};
use napi_derive::napi;
use ringfence_guard::webhook::{
    Accepted, Headers, Memory, Scheme, Seen, Verifier, WebhookError, WebhookSecret,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A verifier and what it has seen.
struct State {
    verifier: Verifier,
    memory: Memory,
}

/// Verifies webhooks of one sender.
#[napi]
pub struct GuardWebhook {
    state: Arc<State>,
}

/// What was accepted.
#[napi(object)]
pub struct AcceptedWebhook {
    /// What it is known by.
    pub id: String,
    /// Seconds since 1970, where the scheme signs a time.
    pub sent: Option<f64>,
    /// Until when (seconds since 1970) it has to be remembered.
    pub until: f64,
}

#[napi]
impl GuardWebhook {
    /// `tolerance` in seconds; `remembered` is how many the memory holds at once.
    #[napi(constructor)]
    pub fn new(
        scheme: String,
        secrets: Vec<String>,
        tolerance: u32,
        remembered: u32,
    ) -> Result<Self> {
        let scheme = read_scheme(&scheme)?;
        let secrets = secrets.iter().map(|text| read_secret(scheme, text));
        let verifier = Verifier::new(scheme, secrets.collect::<Result<_>>()?).map_err(told)?;
        let verifier = verifier.with_tolerance(Duration::from_secs(tolerance.into()));
        let memory = Memory::new(remembered as usize);
        Ok(Self { state: Arc::new(State { verifier, memory }) })
    }

    /// Verifies; `headers` are names and values in turn, `now` is in seconds since 1970. Without
    /// `remember` the caller's own store has to be asked.
    #[napi]
    pub fn verify(
        &self,
        headers: Vec<String>,
        body: &[u8],
        now: u32,
        remember: bool,
    ) -> Result<AcceptedWebhook> {
        self.state.verify(&headers, body, now, remember)
    }

    /// The same on the thread pool, for large bodies. The body is copied: JavaScript may give its memory
    /// away while a thread reads it.
    #[napi]
    pub fn verify_later(
        &self,
        headers: Vec<String>,
        body: &[u8],
        now: u32,
        remember: bool,
    ) -> AsyncTask<VerifyTask> {
        let body = body.to_vec();
        AsyncTask::new(VerifyTask { state: Arc::clone(&self.state), headers, body, now, remember })
    }
}

/// A verification on the thread pool.
pub struct VerifyTask {
    state: Arc<State>,
    headers: Vec<String>,
    body: Vec<u8>,
    now: u32,
    remember: bool,
}

impl Task for VerifyTask {
    type Output = AcceptedWebhook;
    type JsValue = AcceptedWebhook;

    fn compute(&mut self) -> Result<AcceptedWebhook> {
        self.state.verify(&self.headers, &self.body, self.now, self.remember)
    }

    fn resolve(&mut self, _env: Env, output: AcceptedWebhook) -> Result<AcceptedWebhook> {
        Ok(output)
    }
}

/// Signs a body as the sender does: names and values of headers in turn.
#[napi]
pub fn guard_webhook_sign(
    scheme: String,
    secret: String,
    id: String,
    now: u32,
    body: &[u8],
) -> Result<Vec<String>> {
    let scheme = read_scheme(&scheme)?;
    let secret = read_secret(scheme, &secret)?;
    let headers = scheme.sign(&secret, &id, now.into(), body).map_err(told)?;
    Ok(headers.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect())
}

impl State {
    fn verify(
        &self,
        headers: &[String],
        body: &[u8],
        now: u32,
        remember: bool,
    ) -> Result<AcceptedWebhook> {
        let pairs: Vec<_> = headers
            .chunks_exact(2)
            .filter_map(|pair| Some((pair.first()?.as_str(), pair.get(1)?.as_str())))
            .collect();
        let asked = Asked { memory: remember.then_some(&self.memory), until: Mutex::new(0) };
        let found = self.verifier.verify(&Headers::new(&pairs), body, &asked, now.into());
        let Accepted { id, sent } = found.map_err(told)?;
        let until = asked.until.into_inner().unwrap_or_default();
        Ok(AcceptedWebhook { id, sent: sent.map(seconds), until: seconds(until) })
    }
}

/// The memory, or nobody where the caller asks a store of its own; and what was asked.
struct Asked<'a> {
    memory: Option<&'a Memory>,
    until: Mutex<u64>,
}

impl Seen for Asked<'_> {
    fn first(&self, id: &str, until: u64, now: u64) -> std::result::Result<bool, WebhookError> {
        *self.until.lock().map_err(|_| WebhookError::Store)? = until;
        self.memory.map_or(Ok(true), |memory| memory.first(id, until, now))
    }
}

fn read_scheme(name: &str) -> Result<Scheme> {
    match name {
        "standard" => Ok(Scheme::Standard),
        "stripe" => Ok(Scheme::Stripe),
        "github" => Ok(Scheme::GitHub),
        "slack" => Ok(Scheme::Slack),
        _ => {
            Err(refused("ERR_INVALID_ARG_VALUE", "the scheme is standard, stripe, github or slack"))
        }
    }
}

fn read_secret(scheme: Scheme, text: &str) -> Result<WebhookSecret> {
    match scheme {
        Scheme::Standard => WebhookSecret::standard(text),
        _ => WebhookSecret::new(text.as_bytes()),
    }
    .map_err(told)
}

/// Exact until the year 285,000,000.
#[expect(clippy::cast_precision_loss, reason = "seconds of a date are far below 2^53")]
const fn seconds(value: u64) -> f64 {
    value as f64
}

fn told(error: WebhookError) -> Error {
    let code = match error {
        WebhookError::Header(_) => "ERR_RINGFENCE_GUARD_WEBHOOK_HEADER",
        WebhookError::Signature => "ERR_RINGFENCE_GUARD_WEBHOOK_SIGNATURE",
        WebhookError::Time(_) => "ERR_RINGFENCE_GUARD_WEBHOOK_TIME",
        WebhookError::Replayed => "ERR_RINGFENCE_GUARD_WEBHOOK_REPLAYED",
        WebhookError::Store => "ERR_RINGFENCE_GUARD_WEBHOOK_STORE",
        WebhookError::Secret => "ERR_RINGFENCE_GUARD_WEBHOOK_SECRET",
        WebhookError::TooLong => "ERR_RINGFENCE_GUARD_TOO_LARGE",
    };
    refused(code, error)
}
