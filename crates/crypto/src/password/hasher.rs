//! Computing hashes: a few at once, in memory that is used again.

use super::argon2id::{self, Arena, Cost};
use super::limiter::{Attempts, Limiter};
use super::{Bounds, Encoded, Form, LONGEST_PASSWORD, PasswordError, Scheme};
use crate::compare::secret_equals;
use crate::random;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use zeroize::Zeroizing;

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
/// of their own, with a [`Place`] taken before.
#[derive(Debug)]
pub struct Hasher {
    options: HasherOptions,
    limiter: Option<Limiter>,
    room: Mutex<Room>,
    freed: Condvar,
}

/// Who computes, who waits, and memory that nobody uses at the moment.
#[derive(Default)]
struct Room {
    /// Places that are taken, computing or not.
    places: usize,
    computing: usize,
    /// Tickets that were drawn; who has the lowest one computes next.
    drawn: u64,
    /// Tickets whose turn has come.
    called: u64,
    arenas: Vec<Arena>,
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { places, computing, .. } = self;
        write!(f, "{computing} of {places} computing")
    }
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
        if !argon2id::is_right_here() {
            return Err(PasswordError::Wrong);
        }
        let limiter = options.attempts.map(Limiter::new);
        Ok(Self { options, limiter, room: Mutex::default(), freed: Condvar::new() })
    }

    /// Takes a place, or refuses at once when all are taken. Never blocks: an event loop takes it
    /// before it hands the work to another thread, so that nothing is queued that would be refused.
    ///
    /// # Errors
    /// [`PasswordError::Busy`].
    pub fn place(self: &Arc<Self>) -> Result<Place<Arc<Self>>, PasswordError> {
        Place::take(Arc::clone(self))
    }

    /// A new password as a PHC string.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn hash(&self, password: &[u8]) -> Result<String, PasswordError> {
        Place::take(self)?.hash(password)
    }

    /// Whether a password is the one of a stored hash.
    ///
    /// # Errors
    /// [`PasswordError`]; a wrong password is none.
    pub fn verify(&self, password: &[u8], stored: &str) -> Result<Verified, PasswordError> {
        Place::take(self)?.verify(password, stored)
    }

    /// The same, with the attempts of `key` (an account, an address) counted. A password that matches
    /// forgives the earlier ones. What finds no place is no attempt.
    ///
    /// # Errors
    /// [`PasswordError`], [`PasswordError::Limited`] among them.
    pub fn verify_for(
        &self,
        key: &str,
        password: &[u8],
        stored: &str,
    ) -> Result<Verified, PasswordError> {
        Place::take(self)?.verify_for(key, password, stored)
    }

    /// Takes as long as a comparison and always says no: for an account that does not exist, so that
    /// time does not tell which accounts do.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn verify_nobody(&self, key: &str, password: &[u8]) -> Result<Verified, PasswordError> {
        Place::take(self)?.verify_nobody(key, password)
    }

    /// Waits for a turn, in the order of asking. Whoever asks holds a place, so no more wait than may.
    fn turn(&self) -> Turn<'_> {
        let mut room = self.room();
        let ticket = room.drawn;
        room.drawn += 1;
        let must_wait =
            |room: &mut Room| room.called != ticket || room.computing >= self.options.at_once;
        room = self.freed.wait_while(room, must_wait).unwrap_or_else(PoisonError::into_inner);
        room.called += 1;
        room.computing += 1;
        let arena = room.arenas.pop().unwrap_or_default();
        let more = room.drawn > room.called && room.computing < self.options.at_once;
        drop(room);
        if more {
            self.freed.notify_all();
        }
        Turn { hasher: self, arena }
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among those that compute or wait. It is given back when it is used or dropped.
#[derive(Debug)]
pub struct Place<H: Deref<Target = Hasher>> {
    hasher: H,
}

impl<H: Deref<Target = Hasher>> Place<H> {
    fn take(hasher: H) -> Result<Self, PasswordError> {
        let options = &hasher.options;
        let mut room = hasher.room();
        if room.places >= options.at_once.saturating_add(options.waiting) {
            let waiting = room.places.saturating_sub(options.at_once);
            return Err(PasswordError::Busy { waiting });
        }
        room.places += 1;
        drop(room);
        Ok(Self { hasher })
    }

    /// [`Hasher::hash`].
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn hash(self, password: &[u8]) -> Result<String, PasswordError> {
        let mut encoded = Encoded {
            scheme: self.hasher.options.policy,
            form: Form::Phc,
            salt: random::bytes::<SALT>()?.to_vec(),
            key: vec![0; KEY],
        };
        encoded.key = self.compute(password, &encoded)?.to_vec();
        Ok(encoded.to_string())
    }

    /// [`Hasher::verify`].
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn verify(self, password: &[u8], stored: &str) -> Result<Verified, PasswordError> {
        let options = &self.hasher.options;
        let encoded = Encoded::parse(stored, &options.bounds)?;
        let key = self.compute(password, &encoded)?;
        let matches = secret_equals(&key, &encoded.key);
        let current = encoded.form == Form::Phc
            && encoded.scheme.satisfies(&options.policy)
            && encoded.key.len() >= KEY
            && encoded.salt.len() >= SALT;
        Ok(Verified { matches, rehash: matches && !current })
    }

    /// [`Hasher::verify_for`].
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn verify_for(
        self,
        key: &str,
        password: &[u8],
        stored: &str,
    ) -> Result<Verified, PasswordError>
    where
        H: Clone,
    {
        let hasher = self.hasher.clone();
        if let Some(limiter) = &hasher.limiter {
            limiter
                .attempt(key, Instant::now())
                .map_err(|retry_after| PasswordError::Limited { retry_after })?;
        }
        let verified = self.verify(password, stored)?;
        if let Some(limiter) = hasher.limiter.as_ref().filter(|_| verified.matches) {
            limiter.forgive(key);
        }
        Ok(verified)
    }

    /// [`Hasher::verify_nobody`].
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn verify_nobody(self, key: &str, password: &[u8]) -> Result<Verified, PasswordError>
    where
        H: Clone,
    {
        let nobody = Encoded {
            scheme: self.hasher.options.policy,
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
        let mut turn = self.hasher.turn();
        let mut key = Zeroizing::new(vec![0; how.key.len()]);
        match how.scheme {
            Scheme::Argon2id { memory, passes, lanes } => {
                let cost = Cost { memory, passes, lanes };
                turn.arena.compute(password, &how.salt, cost, &mut key)?;
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
}

impl<H: Deref<Target = Hasher>> Drop for Place<H> {
    fn drop(&mut self) {
        self.hasher.room().places -= 1;
    }
}

/// One computation's turn, and its memory.
struct Turn<'a> {
    hasher: &'a Hasher,
    arena: Arena,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // A dearer stored hash does not leave its memory behind for ever.
        self.arena.shrink(self.hasher.options.policy.memory());
        let mut room = self.hasher.room();
        room.computing -= 1;
        room.arenas.push(std::mem::take(&mut self.arena));
        drop(room);
        self.hasher.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

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
        // The turns are taken by hand, so that nothing depends on time.
        let turns = (hasher.turn(), hasher.turn());
        let places: Vec<_> = (0..5).map(|_| hasher.place().unwrap()).collect();
        assert_eq!(hasher.place().map(drop), Err(PasswordError::Busy { waiting: 3 }));
        assert_eq!(hasher.hash(b"x"), Err(PasswordError::Busy { waiting: 3 }));
        let threads: Vec<_> = places
            .into_iter()
            .map(|place| std::thread::spawn(move || place.hash(b"x").map(drop)))
            .collect();
        while hasher.room().drawn < 7 {
            std::thread::yield_now();
        }
        drop(turns);
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
        let room = hasher.room();
        assert_eq!((room.places, room.computing, room.called), (0, 0, 7));
        assert_eq!(room.arenas.len(), 2, "one arena for each that computes at once");
    }

    #[test]
    fn a_place_that_is_not_used_is_free_again() {
        let options =
            HasherOptions { at_once: 1, waiting: 0, attempts: None, ..HasherOptions::default() };
        let hasher = Arc::new(hasher(options));
        let place = hasher.place().unwrap();
        hasher.place().unwrap_err();
        drop(place);
        assert!(hasher.place().unwrap().verify(b"x", "no hash").is_err());
        hasher.place().unwrap();
    }

    #[test]
    fn a_dear_stored_hash_leaves_no_more_memory_behind_than_the_policy_needs() {
        let hasher = hasher(HasherOptions { at_once: 1, ..HasherOptions::default() });
        let dear = "$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$\
                    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert!(!hasher.verify(b"x", dear).unwrap().matches);
        assert_eq!(hasher.room().arenas[0].held(), 0);
        hasher.hash(b"x").unwrap();
        assert_eq!(hasher.room().arenas[0].held(), 19 * 1024);
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
