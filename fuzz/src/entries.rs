//! What is fuzzed: one entry for each reader of bytes that somebody hostile may have chosen.
//!
//! The same functions run under libFuzzer (`cargo +nightly fuzz run policy`) and, on a stable
//! compiler, over the corpora and their mutations in every test run. An entry panics when the
//! promise beside it is broken. A new one is a line in [`ENTRIES`], a target of its name and a
//! folder of seeds.

#[path = "entries/crypto.rs"]
pub mod crypto;
#[path = "entries/deps.rs"]
pub mod deps;
#[path = "entries/guard.rs"]
pub mod guard;

use ringfence_policy::statement::statement;
use ringfence_sys::Errno;
use ringfence_sys::socket::Address;

/// One entry: its name, which is its target's and its corpus', and what it does with bytes.
pub type Entry = (&'static str, fn(&[u8]));

/// Every entry, in the order of the names.
pub const ENTRIES: [Entry; 42] = [
    ("address", address),
    ("advisory", deps::advisory),
    ("archive", archive),
    ("bundle", deps::bundle),
    ("control", control),
    ("dns", dns),
    ("dsse", crypto::dsse),
    ("elf", elf),
    ("event", event),
    ("explain_text", explain_text),
    ("header", guard::header),
    ("hosts", hosts),
    ("identifier", guard::identifier),
    ("json", guard::json),
    ("jwe", crypto::jwe),
    ("jwk", crypto::jwk),
    ("jws", crypto::jws),
    ("keyring", crypto::keyring),
    ("ldcache", ldcache),
    ("lock_bun", deps::lock_bun),
    ("lock_npm", deps::lock_npm),
    ("lock_pnpm", deps::lock_pnpm),
    ("lock_yarn_berry", deps::lock_yarn_berry),
    ("lock_yarn_classic", deps::lock_yarn_classic),
    ("lockfile", deps::lockfile),
    ("manifest", deps::manifest),
    ("npmrc", deps::npmrc),
    ("osv", deps::osv),
    ("packument", deps::packument),
    ("path", guard::path),
    ("phc", crypto::phc),
    ("policy", policy),
    ("project", project),
    ("query", guard::query),
    ("ranges", deps::ranges),
    ("request", request),
    ("resolvconf", resolvconf),
    ("sri", deps::sri),
    ("tarball", deps::tarball),
    ("token", crypto::token),
    ("url", url),
    ("webhook", guard::webhook),
];

/// A socket address as it stands in the service's memory: it means the same when it is written
/// again, as far as it can be written.
pub fn address(bytes: &[u8]) {
    let Ok(decoded) = Address::decode(bytes) else { return };
    let _ = decoded.to_string();
    match decoded.encode() {
        Ok((room, length)) => {
            let again = room.get(..length).map(Address::decode);
            assert_eq!(again, Some(Ok(decoded)));
        }
        // The kernel takes no longer name (unix(7)); 36 is ENAMETOOLONG.
        Err(Errno(errno)) => assert!(errno == 36 && bytes.len() > 2 + 107, "{decoded:?}"),
    }
}

/// An archive: what is listed keeps to the bounds, what is refused can be shown. A tape is read again
/// with checksums that fit, or hardly one that was changed would be looked into.
pub fn archive(bytes: &[u8]) {
    assert!(ringfence_guard::archive::fuzz_archive(bytes), "{bytes:?}");
    let mut sealed = bytes.to_vec();
    for header in sealed.chunks_exact_mut(512) {
        if header.get(257..262) == Some(b"ustar") {
            header[148..156].fill(b' ');
            let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
            header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
    assert!(ringfence_guard::archive::fuzz_archive(&sealed), "{sealed:?}");
}

/// A record on the channel to the supervisor.
pub fn control(bytes: &[u8]) {
    assert!(ringfence_boundary::enforce::fuzz_report(bytes), "{bytes:?}");
}

/// A question to the resolver inside, a nameserver's answer, a `resolv.conf`.
pub fn dns(bytes: &[u8]) {
    assert!(ringfence_boundary::egress::dns::fuzz_query(bytes), "{bytes:?}");
}

/// A program or a library.
pub fn elf(bytes: &[u8]) {
    assert!(ringfence_boundary::resolve::fuzz_elf(bytes), "{bytes:?}");
}

/// The line of an event whose texts a service has chosen.
pub fn event(bytes: &[u8]) {
    assert!(ringfence_boundary::enforce::fuzz_line(bytes), "{bytes:?}");
}

/// A text that is explained: the answer can be shown, and every grant in it can be given.
pub fn explain_text(bytes: &[u8]) {
    assert!(ringfence_boundary::explain::fuzz_explain(bytes), "{bytes:?}");
}

/// The host's `/etc/hosts`.
pub fn hosts(bytes: &[u8]) {
    assert!(ringfence_boundary::egress::dns::fuzz_hosts(bytes), "{bytes:?}");
}

/// The loader's cache.
pub fn ldcache(bytes: &[u8]) {
    assert!(ringfence_boundary::resolve::fuzz_ld_cache(bytes), "{bytes:?}");
}

/// A boundary file: every mistake in it has a place in the text and can be shown; one that is read
/// can be said in sentences.
pub fn policy(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match ringfence_policy::parse("ringfence.toml", &text) {
        Ok(boundary) => assert!(!statement(&boundary).is_empty()),
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            for mistake in mistakes {
                assert!(text.get(mistake.span.clone()).is_some(), "{mistake:?}");
                assert!(mistake.line > 0 && mistake.column > 0, "{mistake:?}");
                assert!(mistake.to_string().chars().all(is_plain), "{mistake:?}");
            }
        }
    }
}

/// Whether a character of a message can neither move a cursor nor pass for something else.
fn is_plain(character: char) -> bool {
    character == '\n' || (' '..='~').contains(&character)
}

/// What a project says about itself, in each of the forms it may have: no value of a variable is in
/// what is shown, and what a command really granted can be said.
pub fn project(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().count().max(1);
    if let Err(error) = ringfence_project::package::parse(&text) {
        assert!((1..=lines + 1).contains(&error.line), "{error:?}");
    }
    for (file, manager) in ringfence_project::lockfile::NAMES {
        let _ = ringfence_project::lockfile::parse(file, manager, &text);
    }
    let read = ringfence_project::variables::parse(&text);
    for variable in &read.variables {
        let value = variable.value.expose();
        let _ = ringfence_project::variables::suspicion(&variable.name, value);
        assert_eq!(format!("{:?}", variable.value), "[redacted]");
    }
    let Ok(plain) = ringfence_project::command::split(&text) else { return };
    assert!(!plain.words.is_empty());
    if let Some(node) = ringfence_project::command::NodeCommand::read(&plain.words) {
        assert!(node.reality().iter().all(|one| !one.is_empty()), "{node:?}");
    }
}

/// The host's `/etc/resolv.conf`: any text has at least one server, and bounds.
pub fn resolvconf(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let conf = ringfence_boundary::egress::dns::ResolvConf::parse(&text);
    assert!((1..=3).contains(&conf.servers.len()) && conf.search.len() <= 6, "{conf:?}");
    assert!((1..=30).contains(&conf.timeout.as_secs()) && conf.ndots <= 15, "{conf:?}");
    assert!((1..=5).contains(&conf.attempts), "{conf:?}");
}

/// A packet on the control channel, answered under a boundary that grants nothing.
pub fn request(bytes: &[u8]) {
    assert!(ringfence_boundary::control::fuzz_request(bytes), "{bytes:?}");
}

/// A URL, a redirect, a range of addresses.
pub fn url(bytes: &[u8]) {
    assert!(ringfence_guard::url::fuzz_url(bytes), "{bytes:?}");
}
