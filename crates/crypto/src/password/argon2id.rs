//! Argon2id in memory that is used again.
//!
//! The computation is `argon2-rust`'s: vector code for AVX-512, AVX2, SSE2 and NEON, chosen at run time,
//! in an arena on huge pages that is wiped after every hash and stays mapped. Measured beside
//! `RustCrypto`'s `argon2`, which leaves vectors to the compiler, it takes 0.55 times the processor time
//! at 19 MiB and 0.6 times at 64 MiB. It is the younger crate and has not been audited: a known answer
//! is computed before a hasher is used, on the processor it will run on, and tests compare it with
//! `RustCrypto`'s over many parameters.

use super::PasswordError;
use argon2_rust::params::{Memory, TagLen};
use argon2_rust::{Algorithm, Argon2, Params, Version};

/// Cost of one hash.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    /// Memory in KiB.
    pub(super) memory: u32,
    /// Passes over the memory.
    pub(super) passes: u32,
    /// Lanes, computed one after the other.
    pub(super) lanes: u32,
}

/// Memory of one computation at a time; none is taken before the first.
#[derive(Default)]
pub(super) struct Arena(Option<argon2_rust::Hasher>);

impl Arena {
    /// Fills `key` from a password and a salt.
    pub(super) fn compute(
        &mut self,
        password: &[u8],
        salt: &[u8],
        cost: Cost,
        key: &mut [u8],
    ) -> Result<(), PasswordError> {
        let malformed = |_| PasswordError::Malformed("parameters of Argon2");
        let length = u64::try_from(key.len()).unwrap_or(u64::MAX);
        let params = Params::builder()
            .memory(Memory::kib(cost.memory.into()))
            .passes(cost.passes)
            .lanes(cost.lanes)
            .threads(1)
            .tag_len(TagLen::bytes(length))
            .build()
            .map_err(malformed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hasher = self.0.get_or_insert_with(|| argon2.hasher());
        hasher.set_argon2(argon2);
        hasher.reserve().map_err(|_| PasswordError::Memory(cost.memory.into()))?;
        hasher.hash_into(password, salt, key).map_err(malformed)
    }

    /// Gives memory back that is more than this many KiB.
    pub(super) fn shrink(&mut self, most: u64) {
        if self.0.as_ref().is_some_and(|hasher| hasher.reserved_blocks() as u64 > most) {
            self.0 = None;
        }
    }

    /// KiB that are held.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.0.as_ref().map_or(0, argon2_rust::Hasher::reserved_blocks)
    }
}

/// Whether this processor computes a known answer (of the reference implementation's own tests).
pub(super) fn is_right_here() -> bool {
    const ANSWER: [u8; 32] = [
        0x9d, 0xfe, 0xb9, 0x10, 0xe8, 0x0b, 0xad, 0x03, 0x11, 0xfe, 0xe2, 0x0f, 0x9c, 0x0e, 0x2b,
        0x12, 0xc1, 0x79, 0x87, 0xb4, 0xca, 0xc9, 0x0c, 0x2e, 0xf5, 0x4d, 0x5b, 0x30, 0x21, 0xc6,
        0x8b, 0xfe,
    ];
    let mut key = [0; 32];
    let cost = Cost { memory: 256, passes: 2, lanes: 1 };
    Arena::default().compute(b"password", b"somesalt", cost, &mut key).is_ok() && key == ANSWER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_implementations_answer_is_computed_here() {
        assert!(is_right_here());
    }

    #[test]
    fn every_hash_is_what_another_implementation_computes() {
        let mut arena = Arena::default();
        for (memory, passes, lanes, length) in [
            (8, 1, 1, 16),
            (9, 3, 1, 32),
            (64, 2, 1, 32),
            (100, 1, 3, 64),
            (512, 4, 4, 20),
            (33, 2, 4, 33),
            (1024, 1, 16, 64),
            (7 * 1024, 5, 1, 32),
            (19 * 1024, 2, 1, 32),
        ] {
            for (password, salt) in [(&b""[..], &[0_u8; 8][..]), (&[0xff; 200], &[7; 64])] {
                let params = argon2::Params::new(memory, passes, lanes, Some(length)).unwrap();
                let (algorithm, version) = (argon2::Algorithm::Argon2id, argon2::Version::V0x13);
                let mut expected = vec![0; length];
                argon2::Argon2::new(algorithm, version, params)
                    .hash_password_into(password, salt, &mut expected)
                    .unwrap();
                let mut key = vec![0; length];
                arena.compute(password, salt, Cost { memory, passes, lanes }, &mut key).unwrap();
                assert_eq!(key, expected, "{memory} {passes} {lanes} {length}");
            }
        }
    }

    #[test]
    fn memory_stays_for_the_next_hash_and_no_more_of_it_than_was_allowed() {
        let mut arena = Arena::default();
        let mut key = [0; 32];
        for memory in [64, 256, 64] {
            let cost = Cost { memory, passes: 1, lanes: 1 };
            arena.compute(b"x", b"somesalt", cost, &mut key).unwrap();
        }
        assert_eq!(arena.held(), 256);
        arena.shrink(256);
        assert_eq!(arena.held(), 256);
        arena.shrink(255);
        assert_eq!(arena.held(), 0);
    }
}
