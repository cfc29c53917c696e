//! Servers of every kind: good ones, ones that do not verify, and ones that do harm.

use super::site::*;
use crate::tls::handshake::Step;
use crate::tls::{CHAIN_AT_MOST, Code, ConnectError, Old, StartTls, Target, inspect};
use std::io::{self, Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

#[test]
fn a_good_server_is_described_and_sent_no_data() {
    let root = root("root");
    let leaf = issue(&root, &server(&["shop.test"]));
    for (versions, protocol) in [(ONLY_13, "TLS 1.3"), (ONLY_12, "TLS 1.2")] {
        let mut setup = Setup::of(&[&leaf.der]);
        (setup.versions, setup.alpn) = (versions, vec![b"h2".to_vec()]);
        let server = Server::tls(setup, &leaf.key, 1);
        let seen = look(&server, Some(only(&root))).unwrap();
        assert_eq!(codes(&seen.findings), []);
        assert_eq!(seen.trusted, Some(true));
        let handshake = seen.handshake.unwrap();
        assert_eq!(handshake.protocol.as_deref(), Some(protocol));
        assert_eq!(handshake.alpn.as_deref(), Some("h2"));
        assert!(handshake.cipher.unwrap().contains("AES"));
        assert!(handshake.key_proven && !handshake.asks_client && handshake.ended.is_none());
        assert_eq!(seen.chain[0].key.kind, "EC P-256");
        assert_eq!(seen.chain[0].names, ["shop.test"]);
        assert_eq!(server.got(), [Ok(Vec::new())]);
    }
}

#[test]
fn what_does_not_verify_is_seen_and_sent_no_data_either() {
    let root = root("root");
    let mut params = server(&["other.test"]);
    dated(&mut params, -30, -1);
    let leaf = self_signed(&params);
    let server = Server::tls(Setup::of(&[&leaf.der]), &leaf.key, 2);
    let seen = look(&server, Some(only(&root))).unwrap();
    assert_eq!(codes(&seen.findings), [Code::Expired, Code::NameMismatch, Code::SelfSigned]);
    // The control: a client refuses it.
    greeted(&server, client(&root).build().unwrap(), "other.test").unwrap_err();
    assert_eq!(server.got()[0], Ok(Vec::new()));
}

#[test]
fn a_server_that_wants_a_certificate_of_its_clients_is_seen_all_the_same() {
    let root = root("root");
    let leaf = issue(&root, &server(&["shop.test"]));
    for versions in [ONLY_13, ONLY_12] {
        let mut setup = Setup::of(&[&leaf.der]);
        (setup.versions, setup.clients) = (versions, Some(root.der().clone()));
        let server = Server::tls(setup, &leaf.key, 1);
        let seen = look(&server, Some(only(&root))).unwrap();
        assert!(seen.handshake.unwrap().asks_client);
        assert_eq!(codes(&seen.findings), []);
        server.got()[0].as_ref().unwrap_err();
    }
}

#[test]
fn a_server_that_has_not_the_private_key_is_found_out() {
    let root = root("root");
    let leaf = issue(&root, &server(&["shop.test"]));
    let thief = self_signed(&server(&["shop.test"]));
    let server = Server::tls(Setup::of(&[&leaf.der]), &thief.key, 1);
    let seen = look(&server, Some(only(&root))).unwrap();
    assert_eq!(codes(&seen.findings), [Code::UnprovenKey]);
}

#[test]
fn a_server_that_hangs_is_left_in_time() {
    let hang = |stream: std::net::TcpStream| -> io::Result<Vec<u8>> {
        // Until the other side has gone.
        let mut all = Vec::new();
        (&stream).read_to_end(&mut all)?;
        Ok(all)
    };
    let server = Server::raw(1, hang);
    let began = Instant::now();
    let mut options = options(None);
    options.timeout = Duration::from_secs(3);
    let error = inspect(&server.target, &options).unwrap_err();
    assert!(matches!(error, ConnectError::Late(Step::Handshake)), "{error}");
    assert!(began.elapsed() < Duration::from_mins(1));
    assert_eq!(server.got()[0].as_ref().unwrap()[0], 22, "it was sent a handshake and no more");
}

#[test]
fn a_server_that_drips_is_left_in_time() {
    let drip = |mut stream: std::net::TcpStream| {
        let mut first = [0; 1];
        stream.read_exact(&mut first)?;
        stream.set_read_timeout(Some(Duration::from_millis(20)))?;
        // A record that never ends, a byte at a time.
        stream.write_all(&[22, 3, 3, 0x40, 0])?;
        while stream.write_all(&[2]).is_ok() {
            let _ = stream.read(&mut [0; 1]);
        }
        Ok(Vec::new())
    };
    let server = Server::raw(1, drip);
    let mut options = options(None);
    options.timeout = Duration::from_secs(3);
    let began = Instant::now();
    let error = inspect(&server.target, &options).unwrap_err();
    assert!(matches!(error, ConnectError::Late(_)), "{error}");
    assert!(began.elapsed() < Duration::from_mins(1));
}

#[test]
fn what_is_not_tls_is_called_so() {
    for garbage in
        [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"SSH-2.0-x\r\n", &[0; 64], &[0xff; 64]]
    {
        let server = Server::raw(1, move |mut stream| {
            stream.read_exact(&mut [0; 1])?;
            stream.write_all(garbage)?;
            Ok(Vec::new())
        });
        let error = look(&server, None).unwrap_err();
        assert!(matches!(error, ConnectError::NotTls), "{garbage:?}: {error:?}");
    }
    let silent = Server::raw(1, |mut stream| {
        stream.read_exact(&mut [0; 1])?;
        Ok(Vec::new())
    });
    let error = look(&silent, None).unwrap_err();
    assert!(matches!(error, ConnectError::Ended(Step::Handshake, _)), "{error:?}");
}

#[test]
fn nobody_listening_is_no_connection() {
    // The near end of a connection: nobody listens there, and nobody else is given the port.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let port = taken.local_addr().unwrap().port();
    let target = Target { host: "127.0.0.1".to_owned(), port };
    let error = inspect(&target, &options(None)).unwrap_err();
    assert!(matches!(error, ConnectError::Connect { .. }), "{error:?}");
}

#[test]
fn too_many_certificates_are_told_and_too_long_ones_are_refused() {
    let root = root("root");
    let leaf = issue(&root, &server(&["shop.test"]));
    let mut chain = vec![leaf.der.clone()];
    chain.extend((0..40).map(|_| root.der().clone()));
    let server = Server::tls(Setup::of(&chain.iter().collect::<Vec<_>>()), &leaf.key, 1);
    let seen = look(&server, Some(only(&root))).unwrap();
    assert!(codes(&seen.findings).contains(&Code::TooManyCertificates));
    assert_eq!(seen.chain.len(), CHAIN_AT_MOST);
    assert_eq!(seen.handshake.unwrap().certificates, 41);

    chain.extend((0..400).map(|_| root.der().clone()));
    let setup = Setup::of(&chain.iter().collect::<Vec<_>>());
    let server = Server::tls(setup, &leaf.key, 1);
    let error = look(&server, None).unwrap_err();
    assert!(matches!(error, ConnectError::TooMuch | ConnectError::Handshake(_)), "{error:?}");
}

#[test]
fn a_flood_is_refused() {
    let server = Server::raw(1, |mut stream| {
        stream.read_exact(&mut [0; 1])?;
        // Empty records of application data are no handshake.
        while stream.write_all(&[22, 3, 3, 0, 1, 0]).is_ok() {}
        Ok(Vec::new())
    });
    let error = look(&server, None).unwrap_err();
    let told =
        matches!(error, ConnectError::TooMuch | ConnectError::NotTls | ConnectError::Handshake(_));
    assert!(told, "{error:?}");
}

/// Answers the first connection with an alert, and the others as a server of an old version.
fn old_server(newest: u8) -> Server {
    Server::raw(3, move |mut stream| {
        let mut header = [0; 5];
        stream.read_exact(&mut header)?;
        let mut hello = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
        stream.read_exact(&mut hello)?;
        let asked = hello[5];
        if (1..=newest).contains(&asked) && !hello.windows(5).any(|part| part == [0, 43, 0, 5, 4]) {
            let mut answer = vec![22, 3, asked, 0, 42, 2, 0, 0, 38, 3, asked];
            answer.extend([7; 32]);
            answer.extend([0, 0, 0x2f, 0]);
            stream.write_all(&answer)?;
        } else {
            stream.write_all(&[21, 3, 1, 0, 2, 2, 70])?;
        }
        Ok(Vec::new())
    })
}

#[test]
fn a_server_of_old_versions_is_told_with_their_names() {
    for (newest, old) in [(2, vec![Old::Tls10, Old::Tls11]), (1, vec![Old::Tls10])] {
        let server = old_server(newest);
        let seen = look(&server, None).unwrap();
        assert_eq!(seen.old, old);
        assert_eq!(codes(&seen.findings), [Code::OldProtocol]);
        assert!(seen.findings[0].message.contains("nothing newer"), "{seen:?}");
        assert!(seen.handshake.is_none());
    }
    // The control: a server of today refuses them.
    let root = root("root");
    let leaf = issue(&root, &server(&["shop.test"]));
    let server = Server::tls(Setup::of(&[&leaf.der]), &leaf.key, 3);
    let mut options = options(Some(only(&root)));
    options.old_protocols = true;
    let seen = inspect(&server.target, &options).unwrap();
    assert_eq!((codes(&seen.findings), seen.old), (vec![], vec![]));
}

/// What is waited for, and what is said then.
type Exchanged = (&'static [u8], &'static [u8]);

#[test]
fn tls_is_asked_for_in_plain_text() {
    let root = root("root");
    let leaf = issue(&root, &server(&["shop.test"]));
    let exchanges: [(StartTls, &[Exchanged]); 2] = [
        (StartTls::Postgres, &[(&[0, 0, 0, 8, 4, 210, 22, 47], b"S")]),
        (
            StartTls::Smtp,
            &[
                (b"", b"220-mail\r\n220 ready\r\n"),
                (b"EHLO localhost\r\n", b"250-mail\r\n250 STARTTLS\r\n"),
                (b"STARTTLS\r\n", b"220 go\r\n"),
            ],
        ),
    ];
    for (starttls, exchange) in exchanges {
        let server = Server::after(exchange, Setup::of(&[&leaf.der]), &leaf.key);
        let mut options = options(Some(only(&root)));
        options.starttls = Some(starttls);
        let seen = inspect(&server.target, &options).unwrap();
        assert_eq!(codes(&seen.findings), []);
        assert_eq!(server.got(), [Ok(Vec::new())]);
    }
}

#[test]
fn a_server_without_tls_behind_its_plain_text_is_told() {
    let cases: [(StartTls, &[u8]); 6] = [
        (StartTls::Postgres, b"N"),
        (StartTls::Postgres, b"E\0\0\0\x08"),
        (StartTls::Smtp, b"554 no\r\n"),
        (StartTls::Smtp, b"220 x\r\n250 x\r\n502 no\r\n"),
        (StartTls::Smtp, &[b'2'; 600]),
        (StartTls::Smtp, &b"220-x\r\n".repeat(65)),
    ];
    for (starttls, answer) in cases {
        let answer = answer.to_vec();
        let server = Server::raw(1, move |mut stream| {
            stream.write_all(&answer)?;
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest);
            Ok(rest)
        });
        let mut options = options(None);
        options.starttls = Some(starttls);
        let error = inspect(&server.target, &options).unwrap_err();
        assert!(matches!(error, ConnectError::StartTls(_)), "{error:?}");
    }
}

#[test]
fn targets_are_read_as_people_write_them() {
    let read = |text| Target::read(text).map(|target| (target.host, target.port));
    let some = |host: &str, port| Some((host.to_owned(), port));
    assert_eq!(read("shop.test"), some("shop.test", 443));
    assert_eq!(read("shop.test:8443"), some("shop.test", 8443));
    assert_eq!(read("127.0.0.1:1"), some("127.0.0.1", 1));
    assert_eq!(read("::1"), some("::1", 443));
    assert_eq!(read("[::1]:8443"), some("::1", 8443));
    assert_eq!(read("[::1]"), some("::1", 443));
    for wrong in ["", ":443", "a:0", "a:65536", "a:x", "[::1", "[::1]x", "a b:1", "https://a:1"] {
        assert_eq!(read(wrong), None, "{wrong}");
    }
    assert_eq!(Target::read("[::1]:1").unwrap().to_string(), "[::1]:1");
}
