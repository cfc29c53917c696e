//! Computing hashes: a few at once, in memory that is used again.

use super::limiter::{Attempts, Limiter};
use super::{Bounds, Encoded, Form, LONGEST_PASSWORD, PasswordError, Scheme};
use crate::compare::secret_equals;
use crate::random;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use zeroize::{Zeroize as _, Zeroizing};

/// Bytes of a new salt (RFC 9106 section 3.1 recommends 16).
const SALT: usize = 16;
/// Bytes of a new hash.
const KEY: usize = 32;

/// How a hasher works.
#[derive(Debug, Clone)]
pub struct HasherOptions {
    /// What new hashes are made with, and what older ones are compared with.
    pub policy: Scheme,
    /// What stored hashes may ask for.
    pub bounds: Bounds,
    /// How many are computed at once; more than cores only adds memory and waiting.
    pub at_once: usize,
    /// How many may wait for their turn; the next one is refused at once.
    pub waiting: usize,
    /// Attempts by key; `None` does not count.
    pub attempts: Option<Attempts>,
}

impl Default for HasherOptions {
    /// OWASP's minimum, as many at once as there are cores, and 16 waiting for each.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            policy: Scheme::OWASP,
            bounds: Bounds::default(),
            at_once: cores,
            waiting: 16 * cores,
            attempts: Some(Attempts::default()),
        }
    }
}

/// What comparing a password found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Whether it is the password.
    pub matches: bool,
    /// Whether the stored hash is weaker than the policy, or in an older form: hash the password
    /// again and store that. Only ever set when it matches.
    pub rehash: bool,
}

/// Hashes passwords and compares them. Its calls block: from an event loop they belong on threads
/// of their own.
#[derive(Debug)]
pub struct Hasher {
    options: HasherOptions,
    limiter: Option<Limiter>,
    room: Mutex<Room>,
    freed: Condvar,
}

/// Who computes, who waits, and memory that nobody uses at the moment.
#[derive(Debug, Default)]
struct Room {
    computing: usize,
    waiting: usize,
    arenas: Vec<Vec<Block>>,
}

impl Hasher {
    /// A hasher.
    ///
    /// # Errors
    /// [`PasswordError::Policy`] when the policy is below OWASP's minimum or beyond its own bounds,
    /// or nothing may be computed at all.
    pub fn new(options: HasherOptions) -> Result<Self, PasswordError> {
        if !options.policy.is_strong() {
            let why = format!("{:?} is below the OWASP minimum", options.policy);
            return Err(PasswordError::Policy(why));
        }
        options.bounds.check(&options.policy).map_err(|e| PasswordError::Policy(e.to_string()))?;
        if options.at_once == 0 {
            return Err(PasswordError::Policy("none at once".to_owned()));
        }
        let limiter = options.attempts.map(Limiter::new);
        Ok(Self { options, limiter, room: Mutex::default(), freed: Condvar::new() })
    }

    /// A new password as a PHC string.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn hash(&self, password: &[u8]) -> Result<String, PasswordError> {
        let mut encoded = Encoded {
            scheme: self.options.policy,
            form: Form::Phc,
            salt: random::bytes::<SALT>()?.to_vec(),
            key: vec![0; KEY],
        };
        encoded.key = self.compute(password, &encoded)?.to_vec();
        Ok(encoded.to_string())
    }

    /// Whether a password is the one of a stored hash.
    ///
    /// # Errors
    /// [`PasswordError`]; a wrong password is none.
    pub fn verify(&self, password: &[u8], stored: &str) -> Result<Verified, PasswordError> {
        let encoded = Encoded::parse(stored, &self.options.bounds)?;
        let key = self.compute(password, &encoded)?;
        let matches = secret_equals(&key, &encoded.key);
        let current = encoded.form == Form::Phc
            && encoded.scheme.satisfies(&self.options.policy)
            && encoded.key.len() >= KEY
            && encoded.salt.len() >= SALT;
        Ok(Verified { matches, rehash: matches && !current })
    }

    /// The same, with the attempts of `key` (an account, an address) counted. A password that matches
    /// forgives the earlier ones.
    ///
    /// # Errors
    /// [`PasswordError`], [`PasswordError::Limited`] among them.
    pub fn verify_for(
        &self,
        key: &str,
        password: &[u8],
        stored: &str,
    ) -> Result<Verified, PasswordError> {
        if let Some(limiter) = &self.limiter {
            limiter
                .attempt(key, Instant::now())
                .map_err(|retry_after| PasswordError::Limited { retry_after })?;
        }
        let verified = self.verify(password, stored)?;
        if let Some(limiter) = self.limiter.as_ref().filter(|_| verified.matches) {
            limiter.forgive(key);
        }
        Ok(verified)
    }

    /// Takes as long as a comparison and always says no: for an account that does not exist, so that
    /// time does not tell which accounts do.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn verify_nobody(&self, key: &str, password: &[u8]) -> Result<Verified, PasswordError> {
        let nobody = Encoded {
            scheme: self.options.policy,
            form: Form::Phc,
            salt: vec![0; SALT],
            key: random::bytes::<KEY>()?.to_vec(),
        };
        let verified = self.verify_for(key, password, &nobody.to_string())?;
        Ok(Verified { matches: false, ..verified })
    }

    fn compute(&self, password: &[u8], how: &Encoded) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
        if password.len() > LONGEST_PASSWORD {
            return Err(PasswordError::TooLong);
        }
        let mut turn = self.turn()?;
        let mut key = Zeroizing::new(vec![0; how.key.len()]);
        match how.scheme {
            Scheme::Argon2id { memory, passes, lanes } => {
                let params = Params::new(memory, passes, lanes, Some(key.len()))
                    .map_err(|_| PasswordError::Malformed("parameters of Argon2"))?;
                let blocks = params.block_count();
                let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
                let arena = turn.arena(blocks)?;
                argon2
                    .hash_password_into_with_memory(password, &how.salt, &mut key, arena)
                    .map_err(|_| PasswordError::Malformed("parameters of Argon2"))?;
            }
            Scheme::Scrypt { log_n, r, p } => {
                let params = scrypt::Params::new(log_n, r, p)
                    .map_err(|_| PasswordError::Malformed("parameters of scrypt"))?;
                scrypt::scrypt(password, &how.salt, &params, &mut key)
                    .map_err(|_| PasswordError::Malformed("parameters of scrypt"))?;
            }
        }
        Ok(key)
    }

    /// Waits for a turn, or refuses when too many wait.
    fn turn(&self) -> Result<Turn<'_>, PasswordError> {
        let mut room = self.room();
        if room.computing >= self.options.at_once {
            if room.waiting >= self.options.waiting {
                return Err(PasswordError::Busy { waiting: room.waiting });
            }
            room.waiting += 1;
            let full = |room: &mut Room| room.computing >= self.options.at_once;
            room = self.freed.wait_while(room, full).unwrap_or_else(PoisonError::into_inner);
            room.waiting -= 1;
        }
        room.computing += 1;
        let arena = room.arenas.pop().unwrap_or_default();
        Ok(Turn { hasher: self, arena })
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One computation's place, and its memory.
struct Turn<'a> {
    hasher: &'a Hasher,
    arena: Vec<Block>,
}

impl Turn<'_> {
    /// Memory of this many blocks of 1 KiB. What an earlier hash left in it is overwritten before it
    /// is read (RFC 9106 section 3.2).
    fn arena(&mut self, blocks: usize) -> Result<&mut [Block], PasswordError> {
        if self.arena.len() < blocks {
            let more = blocks - self.arena.len();
            let none = PasswordError::Memory(u64::try_from(blocks).unwrap_or(u64::MAX));
            self.arena.try_reserve_exact(more).map_err(|_| none)?;
            self.arena.resize_with(blocks, Block::new);
        }
        Ok(&mut self.arena[..blocks])
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // The last blocks are what a hash is made of.
        if let Some(last) = self.arena.last_mut() {
            last.zeroize();
        }
        let mut room = self.hasher.room();
        room.computing -= 1;
        room.arenas.push(std::mem::take(&mut self.arena));
        drop(room);
        self.hasher.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use std::sync::Arc;

    fn hasher(options: HasherOptions) -> Hasher {
        Hasher::new(options).unwrap()
    }

    #[test]
    fn a_password_matches_its_hash_and_no_other_does() {
        let hasher = hasher(HasherOptions::default());
        let stored = hasher.hash(b"correct horse").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_ne!(stored, hasher.hash(b"correct horse").unwrap(), "salts differ");
        let yes = hasher.verify(b"correct horse", &stored).unwrap();
        assert_eq!(yes, Verified { matches: true, rehash: false });
        let no = hasher.verify(b"correct horsf", &stored).unwrap();
        assert_eq!(no, Verified { matches: false, rehash: false });
    }

    #[test]
    fn an_older_or_weaker_hash_matches_and_asks_to_be_made_again() {
        let hasher = hasher(HasherOptions::default());
        let mut key = [0; 64];
        let params = scrypt::Params::new(14, 8, 1).unwrap();
        scrypt::scrypt(b"correct horse", b"0123456789abcdef", &params, &mut key).unwrap();
        let key = STANDARD.encode(key);
        let older = format!("scrypt$16384$8$1$MDEyMzQ1Njc4OWFiY2RlZg==${key}");
        let verified = hasher.verify(b"correct horse", &older).unwrap();
        assert_eq!(verified, Verified { matches: true, rehash: true });
        assert!(!hasher.verify(b"wrong", &older).unwrap().rehash);
    }

    #[test]
    fn a_weak_policy_is_refused() {
        let weak = Scheme::Argon2id { memory: 1024, passes: 2, lanes: 1 };
        let options = HasherOptions { policy: weak, ..HasherOptions::default() };
        assert!(matches!(Hasher::new(options), Err(PasswordError::Policy(_))));
    }

    #[test]
    fn what_finds_no_room_is_refused_at_once_and_memory_stays_bounded() {
        let options =
            HasherOptions { at_once: 2, waiting: 3, attempts: None, ..HasherOptions::default() };
        let hasher = Arc::new(hasher(options));
        // Both places are taken by hand, so that nothing depends on time.
        let (first, second) = (hasher.turn().unwrap(), hasher.turn().unwrap());
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let hasher = Arc::clone(&hasher);
                std::thread::spawn(move || hasher.hash(b"x").map(|_| ()))
            })
            .collect();
        while hasher.room().waiting < 3 {
            std::thread::yield_now();
        }
        assert_eq!(hasher.hash(b"x"), Err(PasswordError::Busy { waiting: 3 }));
        drop((first, second));
        for thread in waiting {
            thread.join().unwrap().unwrap();
        }
        assert!(hasher.room().arenas.len() <= 2, "one arena for each that computes at once");
    }

    #[test]
    fn attempts_are_limited_by_key_and_forgiven_by_the_right_password() {
        let attempts = Attempts { burst: 2, ..Attempts::default() };
        let hasher = hasher(HasherOptions { attempts: Some(attempts), ..HasherOptions::default() });
        let stored = hasher.hash(b"right").unwrap();
        assert!(!hasher.verify_for("alice", b"wrong", &stored).unwrap().matches);
        assert!(hasher.verify_for("alice", b"right", &stored).unwrap().matches);
        for _ in 0..2 {
            assert!(!hasher.verify_nobody("alice", b"right").unwrap().matches);
        }
        let refused = hasher.verify_for("alice", b"right", &stored);
        assert!(matches!(refused, Err(PasswordError::Limited { .. })), "{refused:?}");
        assert!(hasher.verify_for("bob", b"right", &stored).unwrap().matches);
    }
}
