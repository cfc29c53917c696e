use super::*;
use ringfence_policy::net::HostName;

const ID: u16 = 0x55aa;

fn name(text: &str) -> WireName {
    WireName::of(&HostName::parse(text).unwrap())
}

/// An answer to a question for `asked` with records of (owner, type, time to live, data).
fn answer(asked: &str, kind: u16, records: &[(&str, u16, u32, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    super::super::message::write_query(&mut bytes, ID, &name(asked), kind);
    bytes[2] |= 0x80;
    bytes[7] = u8::try_from(records.len()).unwrap();
    for (owner, kind, ttl, data) in records {
        bytes.extend(name(owner).as_bytes());
        bytes.extend(kind.to_be_bytes());
        bytes.extend(CLASS_IN.to_be_bytes());
        bytes.extend(ttl.to_be_bytes());
        bytes.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        bytes.extend(*data);
    }
    bytes
}

fn parse(bytes: &[u8], asked: &str, kind: u16) -> Result<(String, u32), Unusable> {
    let answer = parse_answer(bytes, ID, &name(asked), kind)?;
    let addresses: Vec<String> = answer.addresses.iter().map(ToString::to_string).collect();
    Ok((addresses.join(" "), answer.ttl))
}

#[test]
fn aliases_are_followed_in_any_order_and_the_least_time_to_live_counts() {
    let (b, c) = (name("b.test"), name("c.test"));
    let records: &[(&str, u16, u32, &[u8])] = &[
        ("c.test", kind::A, 60, &[192, 0, 2, 1]),
        ("b.test", kind::CNAME, 20, c.as_bytes()),
        ("a.test", kind::CNAME, 300, b.as_bytes()),
        ("c.test", kind::A, 90, &[192, 0, 2, 2]),
        ("other.test", kind::A, 1, &[192, 0, 2, 9]),
        ("c.test", kind::AAAA, 1, &[0; 16]),
    ];
    let bytes = answer("a.test", kind::A, records);
    assert_eq!(parse(&bytes, "a.test", kind::A), Ok(("192.0.2.1 192.0.2.2".to_owned(), 20)));
}

#[test]
fn addresses_of_other_names_are_not_taken() {
    let records: &[(&str, u16, u32, &[u8])] = &[("b.test", kind::A, 60, &[192, 0, 2, 1])];
    let bytes = answer("a.test", kind::A, records);
    assert_eq!(parse(&bytes, "a.test", kind::A).unwrap().0, "");
}

#[test]
fn an_answer_to_something_else_is_foreign() {
    let records: &[(&str, u16, u32, &[u8])] = &[("a.test", kind::A, 60, &[192, 0, 2, 1])];
    let bytes = answer("a.test", kind::A, records);
    assert!(parse(&bytes, "a.test", kind::A).is_ok());
    let foreign = |bytes: &[u8], asked, kind| parse(bytes, asked, kind) == Err(Unusable::Foreign);
    assert!(foreign(&bytes, "b.test", kind::A));
    assert!(foreign(&bytes, "a.test", kind::AAAA));
    for (at, bits) in [(0, 1), (1, 1), (2, 0x80), (2, 0x08), (5, 1)] {
        let mut bytes = bytes.clone();
        bytes[at] ^= bits;
        assert!(foreign(&bytes, "a.test", kind::A), "byte {at}");
    }
}

#[test]
fn a_circle_of_aliases_and_broken_records_are_malformed() {
    let (a, b) = (name("a.test"), name("b.test"));
    let circle: &[(&str, u16, u32, &[u8])] =
        &[("a.test", kind::CNAME, 1, b.as_bytes()), ("b.test", kind::CNAME, 1, a.as_bytes())];
    for records in [circle, &[("a.test", kind::A, 1, &[1, 2, 3])]] {
        let bytes = answer("a.test", kind::A, records);
        assert_eq!(parse(&bytes, "a.test", kind::A), Err(Unusable::Malformed));
    }
    let whole = answer("a.test", kind::A, &[("a.test", kind::A, 1, &[192, 0, 2, 1])]);
    let question = whole.len() - (8 + 10 + 4);
    for length in question..whole.len() {
        assert_eq!(
            parse(&whole[..length], "a.test", kind::A),
            Err(Unusable::Malformed),
            "{length}"
        );
    }
}

#[test]
fn no_answer_gives_more_than_its_bound_and_no_address_twice() {
    let data: Vec<[u8; 4]> = (0..200).map(|last| [192, 0, 2, last / 2]).collect();
    let records: Vec<(&str, u16, u32, &[u8])> =
        data.iter().map(|data| ("a.test", kind::A, 1, &data[..])).collect();
    let bytes = answer("a.test", kind::A, &records);
    let parsed = parse_answer(&bytes, ID, &name("a.test"), kind::A).unwrap();
    assert_eq!(parsed.addresses.len(), MOST_ADDRESSES);
    assert_eq!(parsed.addresses[15].to_string(), "192.0.2.15");
}

#[test]
fn a_truncated_answer_and_a_refusal_carry_no_addresses() {
    let records: &[(&str, u16, u32, &[u8])] = &[("a.test", kind::A, 60, &[192, 0, 2, 1])];
    let mut bytes = answer("a.test", kind::A, records);
    bytes[2] |= 0x02;
    let parsed = parse_answer(&bytes, ID, &name("a.test"), kind::A).unwrap();
    assert!(parsed.truncated && parsed.addresses.is_empty());
    bytes[2] &= !0x02;
    bytes[3] = 3;
    let parsed = parse_answer(&bytes, ID, &name("a.test"), kind::A).unwrap();
    assert_eq!((parsed.rcode, parsed.addresses.len()), (Rcode::NXDOMAIN, 0));
}
