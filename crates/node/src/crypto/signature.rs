//! Signatures.

use super::envelope::copied;
use super::refusal::{Refusal, Result, refuse};
use napi::bindgen_prelude::{AsyncTask, BufferSlice};
use napi::{Env, Task};
use napi_derive::napi;
use ringfence_crypto::Secret;
use ringfence_crypto::signature::{
    self, Algorithm, Claims, Expected, Jwk, JwkSet, KeySet, SigningKey, VerifyingKey, Window,
};
use std::sync::Arc;
use std::time::Duration;

/// A private key.
#[napi]
pub struct NativeSigningKey(Arc<SigningKey>);

impl From<SigningKey> for NativeSigningKey {
    fn from(key: SigningKey) -> Self {
        Self(Arc::new(key))
    }
}

#[napi]
impl NativeSigningKey {
    /// Reads PKCS#8 in DER.
    #[napi(constructor, catch_unwind)]
    pub fn new(algorithm: String, kid: String, der: &[u8]) -> Result<Self> {
        let key = SigningKey::from_pkcs8(named(&algorithm)?, &kid, &Secret::new(der.to_vec()));
        Ok(key.map_err(refuse)?.into())
    }

    /// A new key, made on another thread: RSA takes a second.
    #[napi(catch_unwind)]
    pub fn generate(algorithm: String, kid: String) -> Result<AsyncTask<Generate>> {
        Ok(AsyncTask::new(Generate { algorithm: named(&algorithm)?, kid }))
    }

    /// PKCS#8 in DER.
    #[napi(catch_unwind)]
    pub fn to_pkcs8<'env>(&self, env: &'env Env) -> Result<BufferSlice<'env>> {
        copied(env, self.0.to_pkcs8().map_err(refuse)?.expose())
    }

    /// Its name.
    #[napi(getter, catch_unwind)]
    pub fn kid(&self) -> &str {
        self.0.kid()
    }

    /// Its algorithm as in `alg`.
    #[napi(getter, catch_unwind)]
    pub fn algorithm(&self) -> &'static str {
        self.0.algorithm().name()
    }

    /// What verifies its signatures.
    #[napi(catch_unwind)]
    pub fn public(&self) -> Result<NativeVerifyingKey> {
        Ok(NativeVerifyingKey(self.0.public().map_err(refuse)?))
    }

    /// The bare signature of a message.
    #[napi(catch_unwind)]
    pub fn sign<'env>(&self, env: &'env Env, message: &[u8]) -> Result<BufferSlice<'env>> {
        copied(env, &self.0.sign(message).map_err(refuse)?)
    }

    /// A JWS.
    #[napi(catch_unwind)]
    pub fn sign_jws(&self, kind: Option<String>, payload: &[u8]) -> Result<String> {
        signature::sign(&*self.0, kind.as_deref(), payload).map_err(refuse)
    }

    /// A JWS, signed on another thread: for RSA.
    #[napi(catch_unwind)]
    pub fn sign_jws_elsewhere(&self, kind: Option<String>, payload: &[u8]) -> AsyncTask<Sign> {
        AsyncTask::new(Sign { key: Arc::clone(&self.0), kind, payload: payload.to_vec() })
    }
}

/// Makes a key on a thread of libuv's pool.
pub struct Generate {
    algorithm: Algorithm,
    kid: String,
}

impl Task for Generate {
    type Output = SigningKey;
    type JsValue = NativeSigningKey;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        SigningKey::generate(self.algorithm, &self.kid).map_err(elsewhere)
    }

    fn resolve(&mut self, _: Env, key: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(key.into())
    }
}

/// Signs on a thread of libuv's pool.
pub struct Sign {
    key: Arc<SigningKey>,
    kind: Option<String>,
    payload: Vec<u8>,
}

impl Task for Sign {
    type Output = String;
    type JsValue = String;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        signature::sign(&*self.key, self.kind.as_deref(), &self.payload).map_err(elsewhere)
    }

    fn resolve(&mut self, _: Env, jws: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(jws)
    }
}

/// A task's error has no code of its own: it stands before the sentence.
fn elsewhere(error: impl Into<Refusal>) -> napi::Error {
    let refusal = error.into();
    napi::Error::from_reason(format!("{}\n{}", refusal.code(), refusal.into_message()))
}

/// A public key.
#[napi]
pub struct NativeVerifyingKey(VerifyingKey);

#[napi]
impl NativeVerifyingKey {
    /// Reads a JWK.
    #[napi(constructor, catch_unwind)]
    pub fn new(jwk: String) -> Result<Self> {
        VerifyingKey::from_jwk(&read(&jwk)?).map(Self).map_err(refuse)
    }

    /// Its name.
    #[napi(getter, catch_unwind)]
    pub fn kid(&self) -> &str {
        self.0.kid()
    }

    /// Its algorithm as in `alg`.
    #[napi(getter, catch_unwind)]
    pub fn algorithm(&self) -> &'static str {
        self.0.algorithm().name()
    }

    /// The key as a JWK.
    #[napi(catch_unwind)]
    pub fn to_jwk(&self) -> Result<String> {
        written(&self.0.to_jwk())
    }

    /// Whether a bare signature is this key's.
    #[napi(catch_unwind)]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify(message, signature).is_ok()
    }
}

/// What was signed.
#[napi(object, object_from_js = false)]
pub struct NativeVerified<'env> {
    /// The key that fits.
    pub kid: String,
    /// `typ` of the header.
    pub typ: Option<String>,
    /// What was signed.
    pub payload: BufferSlice<'env>,
}

/// The keys a verifier trusts.
#[napi]
#[derive(Default)]
pub struct NativeKeySet {
    keys: KeySet,
    public: JwkSet,
}

#[napi]
impl NativeKeySet {
    /// No keys.
    #[napi(constructor, catch_unwind)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a public key with its window in seconds since 1970.
    #[napi(catch_unwind)]
    pub fn add(
        &mut self,
        key: &NativeVerifyingKey,
        from: Option<i64>,
        until: Option<i64>,
    ) -> Result<()> {
        let second = |time: Option<i64>| time.map(|time| u64::try_from(time).unwrap_or(0));
        let window = Window { from: second(from), until: second(until) };
        self.insert(key.0.clone(), window).map_err(refuse)
    }

    /// Adds every key of a JWK set, or none of them.
    #[napi(catch_unwind)]
    pub fn add_set(&mut self, jwks: String) -> Result<()> {
        let mut more = Self { keys: self.keys.clone(), public: self.public.clone() };
        for key in JwkSet::parse(&jwks).map_err(refuse)? {
            more.insert(key, Window::default()).map_err(refuse)?;
        }
        *self = more;
        Ok(())
    }

    /// The keys as a JWK set.
    #[napi(catch_unwind)]
    pub fn to_jwks(&self) -> Result<String> {
        written(&self.public)
    }

    /// Verifies a JWS at `now`, seconds since 1970.
    #[napi(catch_unwind)]
    pub fn verify_jws<'env>(
        &self,
        env: &'env Env,
        jws: String,
        now: i64,
    ) -> Result<NativeVerified<'env>> {
        let now = u64::try_from(now).unwrap_or(0);
        let verified = signature::verify(&self.keys, &jws, now).map_err(refuse)?;
        let payload = copied(env, &verified.payload)?;
        Ok(NativeVerified { kid: verified.kid, typ: verified.kind, payload })
    }
}

impl NativeKeySet {
    /// A set whose keys are known apart from their public form.
    pub(super) const fn of(keys: KeySet, public: JwkSet) -> Self {
        Self { keys, public }
    }

    fn insert(
        &mut self,
        key: VerifyingKey,
        window: Window,
    ) -> std::result::Result<(), signature::SignatureError> {
        let jwk = key.to_jwk();
        self.keys.add(key, window)?;
        self.public.keys.push(jwk);
        Ok(())
    }
}

/// Checks the registered claims of a verified payload; times in seconds.
#[napi(catch_unwind)]
pub fn check_claims(
    payload: &[u8],
    issuer: String,
    audience: String,
    skew: u32,
    life: u32,
    now: i64,
) -> Result<()> {
    let expected = Expected {
        issuer: &issuer,
        audience: &audience,
        skew: Duration::from_secs(skew.into()),
        life: Duration::from_secs(life.into()),
    };
    let now = u64::try_from(now).unwrap_or(0);
    Claims::check(payload, &expected, now).map(drop).map_err(refuse)
}

fn named(algorithm: &str) -> Result<Algorithm> {
    Algorithm::named(algorithm).ok_or_else(|| refuse(signature::SignatureError::Algorithm))
}

fn read(jwk: &str) -> Result<Jwk> {
    let none = |_| refuse(signature::SignatureError::Key("it is no JWK"));
    serde_json::from_str(jwk).map_err(none)
}

/// As JSON.
pub(super) fn written(value: &impl serde::Serialize) -> Result<String> {
    let none = |_| refuse(Refusal::new("SIGNATURE_KEY", "it cannot be written"));
    serde_json::to_string(value).map_err(none)
}
