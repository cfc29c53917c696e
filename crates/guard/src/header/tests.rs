//! Headers as they are sent and as attackers change them.

use super::*;
use proptest::prelude::*;
use std::net::IpAddr;

fn check(headers: &[(&str, &str)]) -> Result<Headers, HeaderError> {
    Headers::check(headers.iter().copied(), &Limits::default())
}

#[test]
fn usual_headers_are_accepted_in_one_form() {
    let headers = check(&[
        ("Host", "api.example.com:8443"),
        ("Content-Type", "application/json"),
        ("CONTENT-LENGTH", "12"),
        ("Cookie", "a=1"),
        ("cookie", "\tb=2 "),
        ("X-Request_ID", "7"),
        ("Empty", ""),
    ])
    .unwrap();
    assert_eq!(headers.one("host"), Some("api.example.com:8443"));
    assert_eq!(headers.all("cookie").collect::<Vec<_>>(), ["a=1", "b=2"]);
    assert_eq!(headers.one("cookie"), None, "there are two");
    assert_eq!(headers.one("empty"), Some(""));
    assert!(headers.has("content-length") && !headers.has("Content-Length"));
}

#[test]
fn what_two_readers_can_read_in_two_ways_is_refused() {
    let host = |value| check(&[("Host", value)]).map(drop);
    for value in ["a.example", "", "127.0.0.1:80", "[::1]:80", "[::1]", "a_b.example"] {
        assert_eq!(host(value), Ok(()), "{value}");
    }
    for value in
        ["a b", "a/b", "a@b", "a?b", "a#b", "a,b", "a:b", "a:123456", "[::1", "[x]", "::1", "%61"]
    {
        assert_eq!(host(value), Err(HeaderError::Value("host")), "{value}");
    }
    for (headers, refused) in [
        (&[("Host", "a"), ("host", "a")][..], HeaderError::Twice("host")),
        (&[("Content-Length", "1"), ("content-length", "1")], HeaderError::Twice("content-length")),
        (&[("Authorization", "a"), ("AUTHORIZATION", "b")], HeaderError::Twice("authorization")),
        (&[("Content-Length", "1"), ("Transfer-Encoding", "chunked")], HeaderError::Framing),
        (&[("Content-Length", "1, 1")], HeaderError::Value("content-length")),
        (&[("Content-Length", "+1")], HeaderError::Value("content-length")),
        (&[("Content-Length", "")], HeaderError::Value("content-length")),
        (&[("Content-Length", "0x1")], HeaderError::Value("content-length")),
        (&[("Transfer-Encoding", "chunked, identity")], HeaderError::Value("transfer-encoding")),
        (&[("Transfer-Encoding", "xchunked")], HeaderError::Value("transfer-encoding")),
        (&[("X-Custom", "1"), ("X_Custom", "2")], HeaderError::Ambiguous),
        (&[("X_Forwarded_For", "127.0.0.1")], HeaderError::Ambiguous),
        (&[("Content_Length", "1")], HeaderError::Ambiguous),
        (&[("A", "a\r\nSet-Cookie: b")], HeaderError::LineBreak),
        (&[("A", "a\r\n b")], HeaderError::LineBreak),
        (&[("A", "a\nb")], HeaderError::LineBreak),
        (&[("A", "a\rb")], HeaderError::LineBreak),
        (&[("A", "a\0b")], HeaderError::Control),
        (&[("A", "a\u{1b}[2J")], HeaderError::Control),
        (&[("A", "a\u{7f}")], HeaderError::Control),
        (&[("A", "\u{202e}")], HeaderError::NotAscii),
        (&[("", "a")], HeaderError::Name),
        (&[("Host ", "a")], HeaderError::Name),
        (&[("Host:", "a")], HeaderError::Name),
        (&[(" Host", "a")], HeaderError::Name),
        (&[("H\u{f6}st", "a")], HeaderError::Name),
        (&[("\u{212a}ey", "a")], HeaderError::Name),
        (&[("a\nb", "a")], HeaderError::Name),
    ] {
        assert_eq!(check(headers), Err(refused), "{headers:?}");
    }
}

#[test]
fn every_limit_is_one_of_its_own_and_is_about_size() {
    let usual = Limits::default();
    let with = |limits| Headers::check([("ab", "xyz"), ("c", "d")], &limits).map(drop);
    assert_eq!(with(Limits { count: 2, name: 2, value: 3, total: 7, ..usual }), Ok(()));
    for (limits, refused) in [
        (Limits { count: 1, ..usual }, HeaderError::TooMany(1)),
        (Limits { name: 1, ..usual }, HeaderError::NameLength(1)),
        (Limits { value: 2, ..usual }, HeaderError::ValueLength(2)),
        (Limits { total: 6, ..usual }, HeaderError::TooLong(6)),
    ] {
        assert_eq!(with(limits), Err(refused));
        assert!(refused.is_size());
    }
    assert!(!HeaderError::Framing.is_size());
    let text = Limits { obs_text: true, ..usual };
    Headers::check([("a", b"\xff\xfe")], &text).unwrap();
}

#[test]
fn a_refusal_is_an_event_without_a_value() {
    let sent = [("Authorization", "Bearer hunter2"), ("A", "b\r\nSet-Cookie: hunter2=1")];
    let refusal = check(&sent).unwrap_err().refusal(sent);
    assert_eq!((refusal.rule(), refusal.size()), ("line-break", 52));
    assert_eq!(refusal.sample(), r"*: * *, *: *\x0d\x0a*: *=*, ");
    let long = "hunter2".repeat(5000);
    let refusal = check(&[("A", &long)]).unwrap_err().refusal([("A", &long)]);
    assert_eq!((refusal.size(), refusal.sample()), (35001, "*: *..."));
}

fn client(source: Source, peer: &str, lines: &[&str]) -> Result<String, HeaderError> {
    let ranges = ["10.0.0.0/8", "fd00::/8", "127.0.0.1"].map(|range| range.parse().unwrap());
    let trusted = TrustedProxies::new(source, ranges.to_vec());
    // The other header is what a client sends to confuse.
    let (name, other) = match source {
        Source::Forwarded => ("Forwarded", ("X-Forwarded-For", "6.6.6.6")),
        Source::XForwardedFor => ("X-Forwarded-For", ("Forwarded", "for=6.6.6.6")),
    };
    let headers = lines.iter().map(|line| (name, *line)).chain([other]);
    let headers = Headers::check(headers, &Limits::default()).unwrap();
    trusted.client(peer.parse().unwrap(), &headers).map(|address| address.to_string())
}

#[test]
fn the_client_is_the_first_from_the_right_that_is_no_trusted_proxy() {
    let read = |peer, lines: &[&str]| client(Source::XForwardedFor, peer, lines);
    let is = |address: &str| Ok(address.to_owned());
    assert_eq!(read("10.0.0.1", &["9.9.9.9"]), is("9.9.9.9"));
    assert_eq!(read("10.0.0.1", &["1.1.1.1, 9.9.9.9, 10.0.0.2"]), is("9.9.9.9"));
    assert_eq!(read("10.0.0.1", &["1.1.1.1", "9.9.9.9,10.0.0.2", "fd00::5"]), is("9.9.9.9"));
    assert_eq!(read("10.0.0.1", &["nonsense, 10.0.0.7, 9.9.9.9"]), is("9.9.9.9"), "never reached");
    assert_eq!(read("::ffff:10.0.0.1", &["::ffff:10.0.0.2, 9.9.9.9:443"]), is("9.9.9.9"));
    assert_eq!(read("10.0.0.1", &["[2600::1]:443"]), is("2600::1"));
    assert_eq!(read("10.0.0.1", &["2600::1"]), is("2600::1"));
    assert_eq!(read("10.0.0.1", &["10.0.0.9, 10.0.0.2"]), is("10.0.0.9"), "it began inside");
    assert_eq!(read("10.0.0.1", &[]), is("10.0.0.1"));
}

#[test]
fn nobody_can_choose_their_address() {
    let read = |peer, lines: &[&str]| client(Source::XForwardedFor, peer, lines);
    assert_eq!(read("9.9.9.9", &["127.0.0.1"]), Ok("9.9.9.9".to_owned()), "no proxy spoke");
    assert_eq!(read("10.0.0.1", &["127.0.0.1, 9.9.9.9"]), Ok("9.9.9.9".to_owned()));
    for lines in [
        &["9.9.9.9, "][..],
        &["9.9.9.9, unknown"],
        &["9.9.9.9, 10.0.0.1.evil.example"],
        &["9.9.9.9, 010.0.0.1"],
        &["9.9.9.9, 0x7f000001"],
        &["9.9.9.9, 10.0.0.2:port"],
        &["9.9.9.9, [10.0.0.2]"],
        &["9.9.9.9, fe80::1%eth0"],
        &[""],
        &[&"10.0.0.1,".repeat(200)],
        &[&["10.0.0.1"; 40].join(",")],
    ] {
        assert_eq!(
            read("10.0.0.1", lines),
            Err(HeaderError::Client("x-forwarded-for")),
            "{lines:?}"
        );
    }
}

#[test]
fn forwarded_is_read_like_it_and_an_open_quote_swallows_nothing() {
    let read = |lines: &[&str]| client(Source::Forwarded, "10.0.0.1", lines);
    let is = |address: &str| Ok(address.to_owned());
    assert_eq!(read(&["for=9.9.9.9"]), is("9.9.9.9"));
    assert_eq!(read(&["For=\"[2600::1]:4711\";proto=https;by=10.0.0.3"]), is("2600::1"));
    assert_eq!(
        read(&["for=1.1.1.1, for=9.9.9.9;host=\"a,b;for=7.7.7.7\", for=10.0.0.2"]),
        is("9.9.9.9")
    );
    assert_eq!(read(&["for=1.1.1.1", "for=\"9.9.9.9:80\"", "for=10.0.0.2"]), is("9.9.9.9"));
    for line in [
        "for=\"1.1.1.1, for=9.9.9.9",
        "for=\"1.1.1.1, for=\"[2600::1]\"",
        "for=1.1.1.1;for=9.9.9.9",
        "for=_hidden",
        "for=unknown",
        "by=10.0.0.2",
        "for=9.9.9.9,",
        "for=9.9.9.9;",
        "for",
        "for=",
        "=9.9.9.9",
        "for =9.9.9.9",
        "for=[2600::1]",
        "for=9.9.9.9;proto=javascript",
        "",
    ] {
        assert_eq!(read(&[line]), Err(HeaderError::Client("forwarded")), "{line}");
    }
}

#[test]
fn the_examples_of_rfc_7239_are_read() {
    for line in [
        "for=\"_gazonk\"",
        "For=\"[2001:db8:cafe::17]:4711\"",
        "for=192.0.2.60;proto=http;by=203.0.113.43",
        "for=192.0.2.43, for=198.51.100.17",
        "for=_hidden, for=_SEVKISEK",
        "for=192.0.2.43,for=\"[2001:db8:cafe::17]\",for=unknown",
        "for=192.0.2.43, for=\"[2001:db8:cafe::17]\"",
    ] {
        assert!(parse_forwarded(line).is_some(), "{line}");
    }
}

proptest! {
    #[test]
    fn headers_of_any_bytes_are_read_in_one_form_or_refused(
        headers in proptest::collection::vec(
            (proptest::collection::vec(any::<u8>(), 0..12), proptest::collection::vec(any::<u8>(), 0..12)),
            0..6,
        ),
    ) {
        if let Ok(read) = Headers::check(headers.iter().map(|(n, v)| (n, v)), &Limits::default()) {
            let again = Headers::check(read.iter(), &Limits::default()).unwrap();
            prop_assert_eq!(again, read);
        }
    }

    #[test]
    fn a_client_behind_a_trusted_proxy_is_found_whatever_it_sends(
        sent in r#"[a-z0-9.:,;="\[\] _\\]{0,60}"#, a in 11_u8..=126, b: u8,
    ) {
        let real = format!("{a}.{b}.3.4");
        let line = format!("{sent}, {real}");
        let found = client(Source::XForwardedFor, "10.0.0.1", &[&line]).unwrap();
        prop_assert_eq!(&found, &real);
        // As a line of its own, and on the same line: the real one, or a refusal.
        let own = format!("for={real}");
        if let Ok(found) = client(Source::Forwarded, "10.0.0.1", &[&sent, &own]) {
            prop_assert_eq!(&found, &real);
        }
        let line = format!("{sent}, for={real}");
        if let Ok(found) = client(Source::Forwarded, "10.0.0.1", &[&line]) {
            prop_assert_eq!(&found, &real);
        }
    }

    #[test]
    fn any_text_is_a_forwarded_header_or_none(line: String) {
        if let Some(read) = parse_forwarded(&line) {
            prop_assert!(!read.is_empty() && read.len() <= 64);
        }
        let _ = line.parse::<Cidr>();
        let _: Option<IpAddr> = client::address(&line);
    }
}
