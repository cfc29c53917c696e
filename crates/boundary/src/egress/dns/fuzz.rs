//! The parsers behind one door for fuzzing: any bytes are a question, an answer and a file.

use super::answer::{MOST_ADDRESSES, parse_answer};
use super::hosts::{Hosts, MOST_ADDRESSES as MOST_KNOWN};
use super::message::{LONGEST_UDP, Rcode, Rejected, WireName, kind, parse_query};
use super::resolv_conf::ResolvConf;
use super::told::Told;
use ringfence_policy::model::Network;
use ringfence_policy::net::HostName;

/// Reads `bytes` as a question, as a nameserver's answer to that question and as a `resolv.conf`.
/// Answers whether what was written in reply kept its promises; never panics.
#[must_use]
pub fn fuzz_query(bytes: &[u8]) -> bool {
    let mut reply = Vec::new();
    let mut kept = true;
    match parse_query(bytes) {
        Ok(query) => {
            let question = bytes.get(query.question.clone()).unwrap_or_default();
            if let Some(name) = query.name.to_host() {
                // What is sent on is what was asked, and only that.
                kept &= WireName::of(&name) == query.name;
                Told::Pointer(name).write(&mut reply, LONGEST_UDP, (query.id, true), question);
                kept &= reply.len() <= LONGEST_UDP + question.len();
            }
            let _ = (query.name.shown(), query.name.reverse_address());
            let told = Told::Nothing(Rcode::REFUSED);
            told.write(&mut reply, LONGEST_UDP, (query.id, query.recursion_desired), question);
            // An answer is never taken for a question.
            kept &= parse_query(&reply).err() == Some(Rejected::Silently);
            kept &= parse_answer(&reply, query.id, &query.name, query.kind).is_ok()
                || query.class != super::message::CLASS_IN;
        }
        Err(Rejected::Silently | Rejected::With(..)) => {}
    }
    if let (Ok(name), Some([high, low])) = (HostName::parse("a.test"), bytes.first_chunk::<2>()) {
        let id = u16::from_be_bytes([*high, *low]);
        for kind in [kind::A, kind::AAAA] {
            if let Ok(answer) = parse_answer(bytes, id, &WireName::of(&name), kind) {
                kept &= answer.addresses.len() <= MOST_ADDRESSES;
                kept &= answer.addresses.iter().all(|ip| ip.is_ipv6() == (kind == kind::AAAA));
            }
        }
    }
    let conf = ResolvConf::parse(&String::from_utf8_lossy(bytes));
    kept && !conf.servers.is_empty()
}

/// Reads `bytes` as an `/etc/hosts`, of which only names with `.test` in them are wanted. Answers whether
/// nothing else was kept and no name has more addresses than it may; never panics.
#[must_use]
pub fn fuzz_hosts(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let wanted = |name: &HostName| name.as_str().contains(".test");
    let hosts = Hosts::new(&Network::default(), &text, wanted);
    let names = text.split_ascii_whitespace().filter_map(|word| HostName::parse(word).ok());
    let mut every = names.map(|name| (wanted(&name), hosts.find(&name)));
    every.all(|(wanted, found)| {
        found.is_none_or(|addresses| wanted && (1..=MOST_KNOWN).contains(&addresses.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fuzzer's loop in small: valid messages with bytes changed, cut and repeated.
    #[test]
    fn no_bytes_break_a_promise() {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            usize::try_from(seed >> 16).unwrap_or_default()
        };
        let mut query = Vec::new();
        let name = HostName::parse("a.test").unwrap();
        super::super::message::write_query(&mut query, 7, &WireName::of(&name), kind::A);
        let mut reply = Vec::new();
        let told = Told::Addresses(vec!["192.0.2.1".parse().unwrap()], 5);
        told.write(&mut reply, LONGEST_UDP, (7, true), &query[12..]);
        for round in 0..200_000 {
            let mut bytes = if round % 2 == 0 { query.clone() } else { reply.clone() };
            for _ in 0..=random() % 4 {
                let at = random() % bytes.len();
                match random() % 4 {
                    0 => bytes.truncate(at.max(1)),
                    1 => bytes.extend_from_within(at..),
                    _ => bytes[at] = u8::try_from(random() % 256).unwrap(),
                }
            }
            assert!(fuzz_query(&bytes), "{bytes:02x?}");
        }
        assert!(fuzz_query(&[]));
    }
}
