//! What is fuzzed: everything that reads bytes of somebody hostile.
//!
//! The same functions run under libFuzzer (`cargo fuzz run policy`) and, on a stable compiler, over
//! the corpora and their mutations in every test run. None may panic; each checks what must hold
//! of its own answer.

use ringfence_sys::socket::Address;

/// One entry: its name, which is its corpus' folder, and what it does with bytes.
pub type Entry = (&'static str, fn(&[u8]));

/// Every entry.
pub const ENTRIES: [Entry; 4] =
    [("address", address), ("control", control), ("dns", dns), ("policy", policy)];

/// A socket address as it stands in the service's memory: what was understood survives being
/// written and read again.
pub fn address(bytes: &[u8]) {
    let Ok(decoded) = Address::decode(bytes) else { return };
    if let Ok((room, length)) = decoded.encode() {
        let again = room.get(..length).map(Address::decode);
        assert!(matches!(again, Some(Ok(_))), "{decoded:?}");
    }
    let _ = decoded.to_string();
}

/// A record on the channel to the supervisor.
pub fn control(bytes: &[u8]) {
    assert!(ringfence_boundary::enforce::fuzz_report(bytes), "{bytes:?}");
}

/// A query to the resolver inside.
pub fn dns(bytes: &[u8]) {
    let _ = ringfence_boundary::egress::dns::fuzz_query(bytes);
}

/// A boundary file: every mistake points into the text.
pub fn policy(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match ringfence_policy::parse("ringfence.toml", text) {
        Ok(boundary) => drop(ringfence_policy::statement::statement(&boundary)),
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            for mistake in mistakes {
                assert!(mistake.span.start <= mistake.span.end, "{mistake:?}");
                assert!(mistake.span.end <= text.len(), "{mistake:?}");
                let _ = mistake.to_string();
            }
        }
    }
}
