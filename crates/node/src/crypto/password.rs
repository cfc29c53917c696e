//! Passwords.
//!
//! A place in the queue is taken on the event loop, so whoever is refused hears it at once; hashing
//! is done on threads of the hasher's own.

use super::pool::Pool;
use super::refusal::{Refusal, Result, refuse};
use napi::bindgen_prelude::Object;
use napi::{Env, JsDeferred};
use napi_derive::napi;
use ringfence_crypto::password::{
    Attempts, Bounds, Hasher, HasherOptions, Limiter, PasswordError, Place, Scheme,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// What a hasher is made with. Argon2id's numbers and scrypt's stand in the same three places.
#[napi(object, object_to_js = false)]
pub struct NativeHasherOptions {
    /// `argon2id` or `scrypt`.
    pub algorithm: String,
    /// Memory in KiB, or the binary logarithm of N.
    pub first: u32,
    /// Passes, or r.
    pub second: u32,
    /// Lanes, or p.
    pub third: u32,
    /// Most memory of a stored hash in KiB.
    pub most_memory: u32,
    /// Most work of a stored hash, in KiB times passes.
    pub most_work: i64,
    /// Most lanes of a stored hash.
    pub most_lanes: u32,
    /// How many at once; 0 is as many as there are cores.
    pub at_once: u32,
    /// How many may wait; -1 is 16 for each at once.
    pub waiting: i64,
    /// Attempts at once by key; 0 counts none.
    pub burst: u32,
    /// Milliseconds until one comes back.
    pub refill: i64,
    /// Keys remembered.
    pub keys: u32,
}

/// What came out of it: a hash, two answers, or a refusal.
#[napi(object, object_from_js = false)]
pub struct NativeOutcome {
    /// A PHC string.
    pub encoded: Option<String>,
    /// Whether it is the password.
    pub ok: Option<bool>,
    /// Whether to hash it again.
    pub rehash: Option<bool>,
    /// Why there is neither.
    pub code: Option<String>,
    /// The sentence for it.
    pub message: Option<String>,
}

type Resolver = Box<dyn FnOnce(Env) -> napi::Result<NativeOutcome> + Send>;
type Deferred = JsDeferred<NativeOutcome, Resolver>;
type Seat = Place<Arc<Hasher>>;

/// Hashes and compares.
#[napi]
pub struct NativeHasher {
    hasher: Arc<Hasher>,
    limiter: Option<Arc<Limiter>>,
    pool: Pool,
}

impl Drop for NativeHasher {
    fn drop(&mut self) {
        self.pool.close();
    }
}

#[napi]
impl NativeHasher {
    /// A hasher.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, options: NativeHasherOptions) -> Result<Self> {
        let attempts = (options.burst > 0).then(|| attempts(&options));
        let options = settings(&options);
        let pool = Pool::new(options.at_once);
        let hasher = Arc::new(Hasher::new(options).map_err(refuse)?);
        let ending = pool.clone();
        env.add_env_cleanup_hook(ending, |pool| pool.abandon())
            .map_err(|_| refuse(Refusal::new("PASSWORD", "the environment is ending")))?;
        Ok(Self {
            hasher,
            limiter: attempts.map(|attempts| Arc::new(Limiter::new(attempts))),
            pool,
        })
    }

    /// Hashes a password.
    #[napi(ts_return_type = "Promise<NativeOutcome>", catch_unwind)]
    pub fn hash<'env>(&self, env: &'env Env, password: &[u8]) -> Result<Object<'env>> {
        let place = self.place(None)?;
        let password = Zeroizing::new(password.to_vec());
        self.elsewhere(env, move || Ok(hashed(place.hash(&password)?)))
    }

    /// Compares a password; without a stored hash it takes as long and says no.
    #[napi(ts_return_type = "Promise<NativeOutcome>", catch_unwind)]
    pub fn verify<'env>(
        &self,
        env: &'env Env,
        password: &[u8],
        stored: Option<String>,
        key: Option<String>,
    ) -> Result<Object<'env>> {
        let place = self.place(key.as_deref())?;
        let password = Zeroizing::new(password.to_vec());
        let limiter = self.limiter.clone();
        self.elsewhere(env, move || {
            let verified = match stored {
                Some(stored) => place.verify(&password, &stored)?,
                None => place.verify_nobody("", &password)?,
            };
            if let (true, Some(limiter), Some(key)) = (verified.matches, limiter, key) {
                limiter.forgive(&key);
            }
            let (ok, rehash) = (Some(verified.matches), Some(verified.rehash));
            Ok(NativeOutcome { ok, rehash, ..nothing() })
        })
    }

    /// A place in the queue, and an attempt of `key`; what finds no place is no attempt.
    fn place(&self, key: Option<&str>) -> Result<Seat> {
        let place = self.hasher.place().map_err(refuse)?;
        if let (Some(limiter), Some(key)) = (&self.limiter, key) {
            limiter
                .attempt(key, Instant::now())
                .map_err(|retry_after| refuse(PasswordError::Limited { retry_after }))?;
        }
        Ok(place)
    }

    /// A promise for what `work` answers on another thread.
    fn elsewhere<'env>(
        &self,
        env: &'env Env,
        work: impl FnOnce() -> std::result::Result<NativeOutcome, Refusal> + Send + 'static,
    ) -> Result<Object<'env>> {
        let none = || refuse(Refusal::new("PASSWORD", "no thread can be started"));
        let (deferred, promise): (Deferred, _) = env.create_deferred().map_err(|_| none())?;
        let job = move || {
            let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
                Err(Refusal::new("PASSWORD", "hashing failed in a way that is a fault"))
            });
            deferred.resolve(Box::new(move |_| Ok(outcome.unwrap_or_else(refused))));
        };
        self.pool.run(Box::new(job)).map_err(|_| none())?;
        Ok(promise)
    }
}

/// Parameters of the crate.
fn settings(options: &NativeHasherOptions) -> HasherOptions {
    let usual = HasherOptions::default();
    let (first, second, third) = (options.first, options.second, options.third);
    let policy = if options.algorithm == "argon2id" {
        Scheme::Argon2id { memory: first, passes: second, lanes: third }
    } else {
        let log_n = u8::try_from(first).unwrap_or(u8::MAX);
        Scheme::Scrypt { log_n, r: second, p: third }
    };
    let at_once = match options.at_once {
        0 => usual.at_once,
        some => usize::try_from(some).unwrap_or(usize::MAX),
    };
    HasherOptions {
        policy,
        bounds: Bounds {
            memory: options.most_memory,
            work: u64::try_from(options.most_work).unwrap_or(0),
            lanes: options.most_lanes,
        },
        at_once,
        waiting: usize::try_from(options.waiting).unwrap_or_else(|_| at_once.saturating_mul(16)),
        // They are counted on the event loop, before anything waits.
        attempts: None,
    }
}

fn attempts(options: &NativeHasherOptions) -> Attempts {
    Attempts {
        burst: options.burst,
        refill: Duration::from_millis(u64::try_from(options.refill).unwrap_or(0)),
        keys: usize::try_from(options.keys).unwrap_or(usize::MAX),
    }
}

fn hashed(encoded: String) -> NativeOutcome {
    NativeOutcome { encoded: Some(encoded), ..nothing() }
}

fn refused(refusal: Refusal) -> NativeOutcome {
    NativeOutcome { code: Some(refusal.code()), message: Some(refusal.into_message()), ..nothing() }
}

const fn nothing() -> NativeOutcome {
    NativeOutcome { encoded: None, ok: None, rehash: None, code: None, message: None }
}
