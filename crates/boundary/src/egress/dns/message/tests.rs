use super::*;
use hickory_proto::op::{Message, Query as HickoryQuery};
use hickory_proto::rr::{Name, RData, RecordType};
use std::str::FromStr;

fn host(text: &str) -> HostName {
    HostName::parse(text).unwrap()
}

fn question(name: &str, kind: RecordType) -> Vec<u8> {
    let mut message = Message::query();
    message.metadata.id = 0x1234;
    message.metadata.recursion_desired = true;
    message.add_query(HickoryQuery::query(Name::from_str(name).unwrap(), kind));
    message.to_vec().unwrap()
}

#[test]
fn a_query_is_read_as_another_implementation_wrote_it() {
    for (name, kind, number) in [
        ("api.internal.", RecordType::A, kind::A),
        ("WWW.Example.COM.", RecordType::AAAA, kind::AAAA),
        ("_sip._tcp.example.com.", RecordType::SRV, 33),
        ("4.3.2.1.in-addr.arpa.", RecordType::PTR, kind::PTR),
        (".", RecordType::NS, 2),
    ] {
        let bytes = question(name, kind);
        let query = parse_query(&bytes).unwrap();
        assert_eq!((query.id, query.recursion_desired), (0x1234, true));
        assert_eq!((query.kind, query.class), (number, CLASS_IN));
        assert_eq!(query.question, HEADER..bytes.len());
        let shown = name.to_ascii_lowercase();
        let shown = if shown == "." { shown } else { shown.trim_end_matches('.').to_owned() };
        assert_eq!(query.name.shown(), shown);
    }
}

#[test]
fn our_queries_are_read_by_another_implementation() {
    let mut bytes = Vec::new();
    write_query(&mut bytes, 77, &WireName::of(&host("a.b.example.com")), kind::AAAA);
    let message = Message::from_vec(&bytes).unwrap();
    assert_eq!(message.metadata.id, 77);
    assert!(message.metadata.recursion_desired);
    assert_eq!(message.queries.len(), 1);
    assert_eq!(message.queries[0].name().to_string(), "a.b.example.com.");
    assert_eq!(message.queries[0].query_type(), RecordType::AAAA);
    assert!(message.edns.is_none() && message.additionals.is_empty());
}

#[test]
fn our_answers_are_read_by_another_implementation() {
    let mut bytes = question("api.internal.", RecordType::A);
    bytes[HEADER + 1] = b'A';
    let query = parse_query(&bytes).unwrap();
    let echoed = &bytes[query.question.clone()];
    let mut out = Vec::new();
    let mut reply = Reply::begin(&mut out, LONGEST_UDP, (query.id, true), echoed, Rcode::NOERROR);
    assert!(reply.address("198.18.0.2".parse().unwrap(), 30));
    assert!(reply.address("fd52:6e67::2".parse().unwrap(), 29));
    assert!(reply.pointer(&host("api.internal"), 28));
    let message = Message::from_vec(&out).unwrap();
    assert!(out[HEADER..].starts_with(echoed), "the case is echoed");
    let shown: Vec<String> = message
        .answers
        .iter()
        .map(|record| match &record.data {
            RData::A(a) => format!("{} {} {}", record.name, record.ttl, a.0),
            RData::AAAA(a) => format!("{} {} {}", record.name, record.ttl, a.0),
            RData::PTR(name) => format!("{} {} {}", record.name, record.ttl, name.0),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(
        shown,
        [
            "Api.internal. 30 198.18.0.2",
            "Api.internal. 29 fd52:6e67::2",
            "Api.internal. 28 api.internal."
        ]
    );
}

#[test]
fn an_answer_never_outgrows_its_limit() {
    let bytes = question(&format!("{}.test.", "a".repeat(60)), RecordType::AAAA);
    let query = parse_query(&bytes).unwrap();
    let echoed = &bytes[query.question.clone()];
    let mut out = Vec::new();
    let mut reply = Reply::begin(&mut out, LONGEST_UDP, (query.id, true), echoed, Rcode::NOERROR);
    let fitted = (0..100).take_while(|_| reply.address("::1".parse().unwrap(), 1)).count();
    assert!(out.len() <= LONGEST_UDP);
    assert!(fitted >= 14);
    assert_eq!(Message::from_vec(&out).unwrap().answers.len(), fitted);
}

#[test]
fn what_is_not_one_plain_question_is_rejected() {
    let good = question("a.test.", RecordType::A);
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        parse_query(&bytes).err()
    };
    let malformed = Some(Rejected::With(0x1234, Rcode::FORMERR));
    assert_eq!(with(2, 0x81), Some(Rejected::Silently), "a response");
    assert_eq!(with(2, 0x28), Some(Rejected::With(0x1234, Rcode::NOTIMP)), "an update");
    assert_eq!(with(5, 0), malformed, "no question");
    assert_eq!(with(5, 2), malformed, "two questions");
    assert_eq!(with(7, 1), malformed, "an answer");
    assert_eq!(with(9, 1), malformed, "an authority");
    assert_eq!(with(11, 1), None, "additional records are not looked at");
    assert_eq!(with(12, 0xc0), malformed, "compression");
    assert_eq!(with(12, 0x40), malformed, "an unknown label type");
    assert_eq!(with(12, 63), malformed, "a label beyond the end");
    for length in 0..good.len() {
        let expected = if length < HEADER { Some(Rejected::Silently) } else { malformed };
        assert_eq!(parse_query(&good[..length]).err(), expected, "{length} bytes");
    }
    let mut long = good.clone();
    long.resize(LONGEST_QUERY + 1, 0);
    assert_eq!(parse_query(&long).err(), Some(Rejected::Silently));
}

#[test]
fn a_name_is_at_most_255_bytes() {
    let name = |labels: usize, last: usize| {
        let mut bytes = vec![0; HEADER];
        for _ in 0..labels {
            bytes.push(49);
            bytes.extend([b'a'; 49]);
        }
        bytes.push(u8::try_from(last).unwrap());
        bytes.extend(std::iter::repeat_n(b'a', last));
        bytes.push(0);
        read_name(&bytes, HEADER, Compression::Refuse).map(|(name, _)| name.as_bytes().len())
    };
    assert_eq!(name(5, 3), Some(255));
    assert_eq!(name(5, 4), None);
}

#[test]
fn compression_only_leads_backwards_and_ends() {
    let read =
        |bytes: &[u8], at| read_name(bytes, at, Compression::Allow).map(|(n, a)| (n.shown(), a));
    // 0: "a", 3: "b" -> 0
    let chained = [1, b'a', 0, 1, b'b', 0xc0, 0];
    assert_eq!(read(&chained, 3), Some(("b.a".to_owned(), 7)));
    assert_eq!(read(&[0xc0, 0], 0), None, "itself");
    assert_eq!(read(&[0xc0, 2, 0xc0, 0], 0), None, "forwards");
    assert_eq!(read(&[1, b'a', 0xc0, 0], 0), None, "its own beginning");
    assert_eq!(read(&[0xc0], 0), None, "cut");
    let mut ladder = vec![0];
    for rung in 0..20_u8 {
        ladder.extend([0xc0, rung.saturating_sub(1) * 2 + u8::from(rung > 0)]);
    }
    assert!(read(&ladder, 1).is_some());
    assert_eq!(read(&ladder, 39), None, "too many pointers");
}

#[test]
fn a_name_with_odd_bytes_is_no_host_and_is_shown_plainly() {
    for label in [&b"a b"[..], b"a.b", b"\x00", b"\xff\xfe", b"a\x1b[2J", b"-a"] {
        let mut bytes = vec![u8::try_from(label.len()).unwrap()];
        bytes.extend(label);
        bytes.push(0);
        let (name, _) = read_name(&bytes, 0, Compression::Refuse).unwrap();
        assert_eq!(name.to_host(), None, "{label:?}");
        assert!(name.shown().bytes().all(|byte| byte.is_ascii_graphic()));
    }
}

#[test]
fn reverse_names_are_addresses() {
    let address = |text: &str| WireName::of(&host(text)).reverse_address().map(|a| a.to_string());
    assert_eq!(address("2.0.18.198.in-addr.arpa").as_deref(), Some("198.18.0.2"));
    let six = "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.7.6.e.6.2.5.d.f.ip6.arpa";
    assert_eq!(address(six).as_deref(), Some("fd52:6e67::2"));
    for wrong in [
        "18.198.in-addr.arpa",
        "256.0.0.1.in-addr.arpa",
        "a.b.c.d.in-addr.arpa",
        "1.ip6.arpa",
        "1.2.3.4.example.com",
        "2.0.18.198.in-addr.arpa.evil.test",
        "arpa",
    ] {
        assert_eq!(address(wrong), None, "{wrong}");
    }
}
