//! How long a comparison takes by where the first difference is: the samples of a dudect measurement
//! (Reparaz, Balasch, Verbauwhede, "Dude, is my code constant time?", 2017).
//!
//! Two classes of input, chosen at random for every measurement: what differs in the first byte, and
//! what differs in the last. Inputs are prepared before the clock starts and lie in the same memory
//! for both classes.

use crate::Failure;
use crate::subject::{self, Class};
use std::hint::black_box;
use std::io::{BufWriter, Write as _};
use std::time::Instant;

/// Measurements that are thrown away at the start.
const WARMING: u32 = 2_000;

/// Prints `CLASS NANOSECONDS` for each measurement of a subject.
pub(crate) fn measure(name: &str, count: u32) -> Result<(), Failure> {
    let mut subject = subject::find(name)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut chance = Chance::new()?;
    for number in 0..count.saturating_add(WARMING) {
        let class = if chance.next() >> 63 == 0 { Class::First } else { Class::Last };
        subject.prepare(class, chance.next());
        let began = Instant::now();
        let accepted = black_box(&subject).call();
        let nanos = began.elapsed().as_nanos();
        if black_box(accepted) {
            return Err("an input that differs was accepted".into());
        }
        if number >= WARMING {
            writeln!(out, "{} {nanos}", u8::from(class == Class::Last))?;
        }
    }
    out.flush()?;
    Ok(())
}

/// Random numbers that need not be secret (`SplitMix64`), begun from the kernel's.
struct Chance(u64);

impl Chance {
    fn new() -> Result<Self, Failure> {
        let mut seed = [0; 8];
        rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty())?;
        Ok(Self(u64::from_le_bytes(seed)))
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
