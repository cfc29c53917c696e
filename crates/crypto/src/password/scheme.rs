//! Algorithms and their parameters.

use super::PasswordError;

/// An algorithm with its cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Argon2id version 1.3 (RFC 9106).
    Argon2id {
        /// Memory in KiB.
        memory: u32,
        /// Passes over the memory.
        passes: u32,
        /// Lanes.
        lanes: u32,
    },
    /// scrypt (RFC 7914).
    Scrypt {
        /// Binary logarithm of N.
        log_n: u8,
        /// Block size.
        r: u32,
        /// Parallelisation.
        p: u32,
    },
}

impl Scheme {
    /// The least that OWASP's Password Storage Cheat Sheet names for Argon2id: 19 MiB, 2 passes, 1 lane.
    pub const OWASP: Self = Self::Argon2id { memory: 19 * 1024, passes: 2, lanes: 1 };

    /// Memory of one computation in KiB.
    #[must_use]
    pub fn memory(&self) -> u64 {
        match *self {
            Self::Argon2id { memory, .. } => memory.into(),
            Self::Scrypt { log_n, r, p } => {
                let blocks = 1_u64.checked_shl(log_n.into()).unwrap_or(u64::MAX);
                blocks.saturating_add(p.into()).saturating_mul(r.into()).saturating_div(8)
            }
        }
    }

    /// Whether a hash made with this is at least as strong as one made with `policy`: the same
    /// algorithm, and no parameter below it.
    #[must_use]
    pub const fn satisfies(&self, policy: &Self) -> bool {
        match (*self, *policy) {
            (
                Self::Argon2id { memory, passes, lanes },
                Self::Argon2id { memory: m, passes: t, lanes: p },
            ) => memory >= m && passes >= t && lanes == p,
            (Self::Scrypt { log_n, r, p }, Self::Scrypt { log_n: n, r: block, p: parallel }) => {
                log_n >= n && r >= block && p >= parallel
            }
            _ => false,
        }
    }

    /// Whether it is at or above what OWASP names: Argon2id with 19 MiB and 2 passes or one of its
    /// equals (46 MiB and 1, 12 MiB and 3, 9 MiB and 4, 7 MiB and 5), scrypt with N = 2^17, r = 8,
    /// p = 1 or one of its equals (2^16 and 2, 2^15 and 3, 2^14 and 5, 2^13 and 10).
    #[must_use]
    pub fn is_strong(&self) -> bool {
        const ARGON2ID: [(u32, u32); 5] =
            [(46 * 1024, 1), (19 * 1024, 2), (12 * 1024, 3), (9 * 1024, 4), (7 * 1024, 5)];
        const SCRYPT: [(u8, u32); 5] = [(17, 1), (16, 2), (15, 3), (14, 5), (13, 10)];
        match *self {
            Self::Argon2id { memory, passes, .. } => {
                ARGON2ID.iter().any(|(least, times)| memory >= *least && passes >= *times)
            }
            Self::Scrypt { log_n, r, p } => {
                r >= 8 && SCRYPT.iter().any(|(least, times)| log_n >= *least && p >= *times)
            }
        }
    }
}

impl Default for Scheme {
    fn default() -> Self {
        Self::OWASP
    }
}

/// The most that a stored hash may ask for. What asks for more is refused before anything is
/// allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Memory of one computation in KiB.
    pub memory: u32,
    /// Work: memory in KiB times passes (Argon2id) or times p (scrypt).
    pub work: u64,
    /// Lanes.
    pub lanes: u32,
}

impl Default for Bounds {
    /// 256 MiB, and four times as much work: what a login may cost at all.
    fn default() -> Self {
        Self { memory: 256 * 1024, work: 4 * 256 * 1024, lanes: 16 }
    }
}

impl Bounds {
    /// Whether a scheme is within.
    ///
    /// # Errors
    /// [`PasswordError::OutOfBounds`] with the first parameter that is not, and
    /// [`PasswordError::Malformed`] for parameters that are none.
    pub fn check(&self, scheme: &Scheme) -> Result<(), PasswordError> {
        let out = |what, value| Err(PasswordError::OutOfBounds { what, value });
        let memory = scheme.memory();
        if memory > self.memory.into() {
            return out("memory in KiB", memory);
        }
        let (rounds, lanes) = match *scheme {
            Scheme::Argon2id { memory, passes, lanes } => {
                if passes == 0 || lanes == 0 || u64::from(memory) < 8 * u64::from(lanes) {
                    return Err(PasswordError::Malformed("parameters of Argon2"));
                }
                (passes, lanes)
            }
            Scheme::Scrypt { log_n, r, p } => {
                if log_n == 0 || r == 0 || p == 0 {
                    return Err(PasswordError::Malformed("parameters of scrypt"));
                }
                (p, 1)
            }
        };
        if lanes > self.lanes {
            return out("lanes", lanes.into());
        }
        let work = memory.saturating_mul(rounds.into());
        if work > self.work {
            return out("work in KiB", work);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expensive_is_refused_and_what_is_usual_is_not() {
        let bounds = Bounds::default();
        bounds.check(&Scheme::OWASP).unwrap();
        bounds.check(&Scheme::Scrypt { log_n: 17, r: 8, p: 1 }).unwrap();
        bounds.check(&Scheme::Argon2id { memory: 64 * 1024, passes: 3, lanes: 4 }).unwrap();
        let refused = [
            Scheme::Argon2id { memory: 1 << 20, passes: 1, lanes: 1 },
            Scheme::Argon2id { memory: 1 << 18, passes: 5, lanes: 1 },
            Scheme::Argon2id { memory: 1 << 16, passes: 1, lanes: 17 },
            Scheme::Argon2id { memory: 1 << 16, passes: 0, lanes: 1 },
            Scheme::Argon2id { memory: 15, passes: 1, lanes: 2 },
            Scheme::Scrypt { log_n: 20, r: 8, p: 1 },
            Scheme::Scrypt { log_n: 63, r: u32::MAX, p: u32::MAX },
            Scheme::Scrypt { log_n: 255, r: 1, p: 1 },
            Scheme::Scrypt { log_n: 14, r: 8, p: 1000 },
            Scheme::Scrypt { log_n: 14, r: 0, p: 1 },
        ];
        for scheme in refused {
            bounds.check(&scheme).unwrap_err();
        }
    }

    #[test]
    fn the_default_is_what_owasp_names_and_the_manuals_scrypt_is_not() {
        assert!(Scheme::default().is_strong());
        assert!(!Scheme::Scrypt { log_n: 15, r: 8, p: 1 }.is_strong());
        assert!(Scheme::Scrypt { log_n: 17, r: 8, p: 1 }.is_strong());
        assert!(!Scheme::Argon2id { memory: 19 * 1024, passes: 1, lanes: 1 }.is_strong());
    }
}
