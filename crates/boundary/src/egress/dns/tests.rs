//! The whole resolver against a nameserver on loopback that follows a script.

use super::message::{self, WireName, kind};
use super::*;
use crate::egress::names::NameTable;
use crate::egress::shared::Shared;
use crate::egress::testing::{Record, recorded, shared};
use crate::egress::token::{self, Source};
use ringfence_policy::model::DnsMode;
use ringfence_policy::net::HostName;
use ringfence_sys::epoll::{Epoll, Ready};
use ringfence_sys::wait;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What the nameserver does with one question.
enum Script {
    /// Answers with this code and these addresses.
    Answer(u8, Vec<&'static str>),
    /// Answers with another id first, then with these addresses.
    Forged(Vec<&'static str>),
    /// Says nothing.
    Silent,
    /// Says that the answer is too long for a datagram, and gives so many addresses over a stream.
    TooLong(u8),
}

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(3);
/// A nameserver that answers is asked once, however slow the machine is.
const UNHURRIED: &str = "options timeout:30";

fn unhurried() -> Bounds {
    Bounds { deadline: PATIENCE, ..Bounds::default() }
}

type Rules = fn(&str, u16) -> Script;

/// A nameserver on loopback.
struct Nameserver {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Nameserver {
    fn start(rules: Rules) -> Self {
        let (streams, datagrams, address) = std::iter::repeat_with(|| {
            let streams = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = streams.local_addr().unwrap();
            // Somebody else may have the port for datagrams.
            UdpSocket::bind(address).ok().map(|datagrams| (streams, datagrams, address))
        })
        .find_map(|both| both)
        .unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&asked);
        let thread = std::thread::spawn(move || serve(&datagrams, &streams, rules, &log));
        Self { address, asked, thread: Some(thread) }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// What it was asked in all, be it that it has not read the last questions yet.
    fn asked_to_the_end(mut self) -> Vec<String> {
        self.end();
        self.asked()
    }

    fn end(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        // One byte is no question; it ends the thread.
        let end = UdpSocket::bind("127.0.0.1:0").unwrap();
        end.send_to(b"e", self.address).unwrap();
        let _ = thread.join();
    }
}

impl Drop for Nameserver {
    fn drop(&mut self) {
        self.end();
    }
}

fn serve(datagrams: &UdpSocket, streams: &TcpListener, rules: Rules, log: &Mutex<Vec<String>>) {
    let mut buffer = [0; 2048];
    loop {
        let ready = wait::readable(&[datagrams.as_fd(), streams.as_fd()], None).unwrap();
        if ready & 1 != 0 {
            let (length, from) = datagrams.recv_from(&mut buffer).unwrap();
            if length == 1 {
                return;
            }
            let (name, kind) = read(&buffer[..length]);
            log.lock().unwrap().push(format!("{name} {kind}"));
            for reply in by_datagram(&buffer[..length], &rules(&name, kind)) {
                datagrams.send_to(&reply, from).unwrap();
            }
        }
        if ready & 2 != 0 {
            let (mut stream, _) = streams.accept().unwrap();
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            let query = &mut buffer[..usize::from(u16::from_be_bytes(length))];
            stream.read_exact(query).unwrap();
            let (name, kind) = read(query);
            log.lock().unwrap().push(format!("{name} {kind} stream"));
            let Script::TooLong(count) = rules(&name, kind) else { continue };
            let addresses: Vec<String> = (0..count).map(|last| format!("8.8.8.{last}")).collect();
            let reply =
                reply(query, 0, 0, &addresses.iter().map(String::as_str).collect::<Vec<_>>());
            // In pieces, as a slow network would bring it.
            for byte in u16::try_from(reply.len()).unwrap().to_be_bytes().iter().chain(&reply) {
                stream.write_all(&[*byte]).unwrap();
            }
        }
    }
}

fn read(query: &[u8]) -> (String, u16) {
    let query = message::parse_query(query).unwrap();
    (query.name.shown(), query.kind)
}

fn by_datagram(query: &[u8], script: &Script) -> Vec<Vec<u8>> {
    match script {
        Script::Answer(rcode, addresses) => vec![reply(query, 0, *rcode, addresses)],
        Script::Silent => vec![],
        Script::TooLong(_) => vec![reply(query, 0x02, 0, &[])],
        Script::Forged(addresses) => {
            let mut forged = reply(query, 0, 0, &["6.6.6.6"]);
            forged[0] ^= 0xff;
            vec![forged, reply(query, 0, 0, addresses)]
        }
    }
}

fn reply(query: &[u8], flags: u8, rcode: u8, addresses: &[&str]) -> Vec<u8> {
    let mut reply = query.to_vec();
    reply[2] |= 0x80 | flags;
    reply[3] = 0x80 | rcode;
    reply[7] = u8::try_from(addresses.len()).unwrap();
    for address in addresses {
        let address: std::net::IpAddr = address.parse().unwrap();
        let (kind, data) = match address {
            std::net::IpAddr::V4(v4) => (kind::A, v4.octets().to_vec()),
            std::net::IpAddr::V6(v6) => (kind::AAAA, v6.octets().to_vec()),
        };
        reply.extend([0xc0, 12]);
        reply.extend(kind.to_be_bytes());
        reply.extend([0, 1, 0, 0, 0, 60]);
        reply.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        reply.extend(data);
    }
    reply
}

/// A resolver, its events, and a client of it.
struct Resolving {
    stub: Stub,
    epoll: Epoll,
    shared: Arc<Shared>,
    events: Record,
    client: UdpSocket,
    streams: SocketAddr,
}

fn conf(servers: &[SocketAddr], text: &str) -> ResolvConf {
    ResolvConf { servers: servers.to_vec(), ..ResolvConf::parse(text) }
}

impl Resolving {
    fn new(net: &str, conf: ResolvConf, hosts: &str, bounds: Bounds) -> Self {
        let (shared, events) = shared(net);
        let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(datagrams.local_addr().unwrap()).unwrap();
        let streams = listener.local_addr().unwrap();
        let epoll = Epoll::new().unwrap();
        let inside = (OwnedFd::from(datagrams), OwnedFd::from(listener));
        let state = Arc::clone(&shared);
        let stub = Stub::new(state, (conf, hosts), inside, bounds, &epoll, Instant::now()).unwrap();
        Self { stub, epoll, shared, events, client, streams }
    }

    fn simple(net: &str, server: &Nameserver) -> Self {
        Self::new(net, conf(&[server.address], UNHURRIED), "", unhurried())
    }

    /// Serves until `done` is readable.
    fn serve_until(&mut self, done: std::os::fd::BorrowedFd<'_>) {
        let mut room = [Ready::NONE; 64];
        let patience = Instant::now() + PATIENCE;
        while wait::readable(&[done], Some(Duration::ZERO)).unwrap() == 0 {
            assert!(Instant::now() < patience, "no answer came");
            let sources = [self.epoll.as_fd(), done];
            let pause = self
                .stub
                .wakes()
                .map_or(PATIENCE, |at| at.saturating_duration_since(Instant::now()));
            wait::readable(&sources, Some(pause)).unwrap();
            let now = Instant::now();
            for ready in self.epoll.wait(&mut room, Some(Duration::ZERO)).unwrap() {
                match token::read(ready.token).unwrap() {
                    (Source::DnsDatagrams, _) => self.stub.datagrams_ready(&self.epoll, now),
                    (Source::DnsListener, _) => self.stub.listener_ready(&self.epoll, now),
                    (Source::DnsStream, index) => {
                        self.stub.stream_ready(index, *ready, &self.epoll, now);
                    }
                    (Source::Lookup, index) => self.stub.lookup_ready(index, &self.epoll, now),
                    other => panic!("{other:?}"),
                }
            }
            self.stub.tick(&self.epoll, now);
        }
    }

    /// Asks by datagram and answers `code address...`.
    fn ask(&mut self, name: &str, kind: u16) -> String {
        self.send(1, name, kind);
        self.receive()
    }

    fn send(&self, id: u16, name: &str, kind: u16) {
        self.client.send(&question(id, name, kind)).unwrap();
    }

    fn receive(&mut self) -> String {
        self.receive_from().1
    }

    /// The next answer, behind the number of its question.
    fn receive_from(&mut self) -> (u16, String) {
        let client = self.client.try_clone().unwrap();
        self.serve_until(client.as_fd());
        let mut buffer = [0; 2048];
        let length = client.recv(&mut buffer).unwrap();
        (u16::from_be_bytes([buffer[0], buffer[1]]), shown(&buffer[..length]))
    }

    fn denials(&self) -> Vec<String> {
        recorded(&self.events)
            .into_iter()
            .filter(|event| event.kind == ringfence_policy::event::Kind::Denial)
            .map(|event| format!("{}: {}", event.resource, event.reason))
            .collect()
    }
}

fn question(id: u16, name: &str, kind: u16) -> Vec<u8> {
    let mut query = Vec::new();
    message::write_query(&mut query, id, &WireName::of(&HostName::parse(name).unwrap()), kind);
    query
}

/// As another implementation reads it.
fn shown(reply: &[u8]) -> String {
    use hickory_proto::rr::RData;
    let message = hickory_proto::op::Message::from_vec(reply).unwrap();
    let mut out = message.metadata.response_code.to_string();
    for record in &message.answers {
        let data = match &record.data {
            RData::A(a) => a.0.to_string(),
            RData::AAAA(a) => a.0.to_string(),
            RData::PTR(name) => name.0.to_string(),
            other => format!("{other:?}"),
        };
        out = format!("{out} {data}");
    }
    out
}

#[test]
fn a_granted_name_is_answered_with_one_synthetic_address_for_each_real_one() {
    let server = Nameserver::start(|_, kind| match kind {
        kind::A => Script::Answer(0, vec!["93.184.216.34", "93.184.216.35"]),
        _ => Script::Answer(0, vec!["2606:4700::1"]),
    });
    let mut resolving = Resolving::simple("connect = [\"api.test:443\"]", &server);
    assert_eq!(resolving.ask("api.test", kind::A), "No Error 198.18.0.2 198.18.0.3");
    assert_eq!(resolving.ask("API.test", kind::AAAA), "No Error fd52:6e67::2");
    assert_eq!(resolving.ask("api.test", kind::A), "No Error 198.18.0.2 198.18.0.3");
    assert_eq!(server.asked(), ["api.test 1", "api.test 28"], "the second answer is a kept one");
    let found = resolving.shared.names.lock().unwrap().lookup("198.18.0.3".parse().unwrap());
    let (name, real) = found.unwrap();
    assert_eq!((name.as_str(), real.to_string().as_str()), ("api.test", "93.184.216.35"));
    assert_eq!(resolving.ask("3.0.18.198.in-addr.arpa", kind::PTR), "No Error api.test.");
    let audit: Vec<_> = recorded(&resolving.events).into_iter().map(|e| e.addresses).collect();
    assert_eq!(audit, [vec!["93.184.216.34", "93.184.216.35"], vec!["2606:4700::1"]]);
}

#[test]
fn in_real_mode_the_real_addresses_are_answered_and_remembered() {
    let server = Nameserver::start(|_, _| Script::Answer(0, vec!["93.184.216.34"]));
    let net = "connect = [\"api.test:443\", \"www.test:443\"]\ndns = \"real\"";
    let mut resolving = Resolving::simple(net, &server);
    assert_eq!(resolving.shared.network().dns, DnsMode::Real);
    for name in ["api.test", "www.test"] {
        assert_eq!(resolving.ask(name, kind::A), "No Error 93.184.216.34");
    }
    let names = resolving.shared.names.lock().unwrap().names_of("93.184.216.34".parse().unwrap());
    let names: Vec<_> = names.iter().map(HostName::as_str).collect();
    assert_eq!(names, ["api.test", "www.test"]);
}

#[test]
fn a_name_without_a_grant_is_never_asked_and_does_not_exist() {
    let server = Nameserver::start(|_, _| Script::Answer(0, vec!["93.184.216.34"]));
    let mut resolving = Resolving::simple("connect = [\"api.test:443\"]", &server);
    let secret = "c2vjcmv0.evil.test";
    assert_eq!(resolving.ask(secret, kind::A), "Non-Existent Domain");
    assert_eq!(resolving.ask(secret, kind::AAAA), "Non-Existent Domain");
    assert_eq!(resolving.ask(secret, 16), "Non-Existent Domain");
    assert_eq!(
        resolving.denials(),
        [format!("{secret}: no grant names {secret}; it is granted with the port")],
        "told once"
    );
    assert_eq!(server.asked(), [] as [&str; 0]);
    // The control: a granted name goes out.
    assert_eq!(resolving.ask("api.test", kind::A), "No Error 198.18.0.2");
    assert_eq!(server.asked(), ["api.test 1"]);
}

#[test]
fn other_record_types_of_a_granted_name_are_refused_or_empty() {
    let server = Nameserver::start(|_, _| Script::Silent);
    let mut resolving = Resolving::simple("connect = [\"api.test:443\"]", &server);
    for (kind, code) in [
        (16, "Query Refused"),
        (33, "Query Refused"),
        (255, "Query Refused"),
        (kind::HTTPS, "No Error"),
        (kind::SVCB, "No Error"),
    ] {
        assert_eq!(resolving.ask("api.test", kind), code, "type {kind}");
    }
    assert_eq!(server.asked(), [] as [&str; 0]);
    let denials = resolving.denials();
    assert_eq!(denials.len(), 3);
    assert_eq!(denials[0], "api.test: TXT records (type 16) are not answered, only addresses are");
}

#[test]
fn addresses_the_policy_refuses_are_left_out_and_named() {
    let server = Nameserver::start(|name, _| match name {
        "mixed.test" => Script::Answer(0, vec!["10.0.0.1", "93.184.216.34"]),
        "cloud.test" => Script::Answer(0, vec!["169.254.169.254"]),
        _ => Script::Answer(0, vec!["127.0.0.1", "203.0.114.9"]),
    });
    let net = "connect = [\"*.test:443\"]\nprivate = [\"allowed.test\"]";
    let mut resolving = Resolving::simple(net, &server);
    assert_eq!(resolving.ask("mixed.test", kind::A), "No Error 198.18.0.2");
    assert_eq!(resolving.ask("rebind.test", kind::A), "Non-Existent Domain");
    assert_eq!(resolving.ask("cloud.test", kind::A), "Non-Existent Domain");
    assert_eq!(resolving.ask("allowed.test", kind::A), "No Error 198.18.0.3 198.18.0.4");
    assert_eq!(
        resolving.denials(),
        [
            "mixed.test: mixed.test resolves to 10.0.0.1, which is a private address",
            "rebind.test: rebind.test resolves to 203.0.114.9, which is an address of this host",
            "cloud.test: cloud.test resolves to 169.254.169.254, which is a cloud metadata address and never granted",
        ]
    );
}

#[test]
fn the_kinds_of_no_stay_apart() {
    let server = Nameserver::start(|name, kind| match (name, kind) {
        ("none.test", _) => Script::Answer(3, vec![]),
        ("empty.test", _) => Script::Answer(0, vec![]),
        _ => Script::Answer(2, vec![]),
    });
    let mut resolving = Resolving::simple("connect = [\"*.test:443\"]", &server);
    assert_eq!(resolving.ask("none.test", kind::A), "Non-Existent Domain");
    assert_eq!(resolving.ask("empty.test", kind::A), "No Error");
    assert_eq!(resolving.ask("broken.test", kind::A), "Server Failure");
    let broken = server.asked().iter().filter(|asked| asked.starts_with("broken")).count();
    assert_eq!(broken, 2, "as often as the attempts say");
}

#[test]
fn a_failing_or_silent_nameserver_leads_to_the_next() {
    let failing = Nameserver::start(|_, _| Script::Answer(2, vec![]));
    let silent = Nameserver::start(|_, _| Script::Silent);
    let good = Nameserver::start(|_, _| Script::Answer(0, vec!["93.184.216.34"]));
    let servers = [failing.address, silent.address, good.address];
    // Long enough for one that answers, on any machine.
    let conf = conf(&servers, "options timeout:3");
    let net = "connect = [\"api.test:443\"]";
    let mut resolving = Resolving::new(net, conf, "", Bounds::default());
    assert_eq!(resolving.ask("api.test", kind::A), "No Error 198.18.0.2");
    let asked = [failing, silent, good].map(|server| server.asked_to_the_end().len());
    assert_eq!(asked, [1, 1, 1]);
}

#[test]
fn an_answer_with_another_id_is_not_believed() {
    let server = Nameserver::start(|_, _| Script::Forged(vec!["93.184.216.34"]));
    let mut resolving = Resolving::simple("connect = [\"api.test:443\"]", &server);
    assert_eq!(resolving.ask("api.test", kind::A), "No Error 198.18.0.2");
    let real = resolving.shared.names.lock().unwrap().lookup("198.18.0.2".parse().unwrap());
    assert_eq!(real.unwrap().1.to_string(), "93.184.216.34");
}

#[test]
fn an_answer_too_long_for_a_datagram_is_fetched_over_a_stream() {
    let server = Nameserver::start(|_, _| Script::TooLong(40));
    let mut resolving = Resolving::simple("connect = [\"api.test:443\"]", &server);
    let answer = resolving.ask("api.test", kind::A);
    assert_eq!(answer.matches("198.18.0.").count(), 16, "{answer}");
    assert_eq!(server.asked(), ["api.test 1", "api.test 1 stream"]);
}

#[test]
fn the_hosts_search_list_completes_names() {
    let server = Nameserver::start(|name, kind| match (name, kind) {
        ("api.b.test", kind::A) => Script::Answer(0, vec!["93.184.216.34"]),
        ("api.b.test", _) => Script::Answer(0, vec![]),
        _ => Script::Answer(3, vec![]),
    });
    let conf = conf(&[server.address], &format!("search a.test b.test\n{UNHURRIED}"));
    let mut resolving = Resolving::new("connect = [\"api:443\"]", conf, "", unhurried());
    assert_eq!(resolving.ask("api", kind::A), "No Error 198.18.0.2");
    assert_eq!(resolving.ask("api", kind::AAAA), "No Error", "the search ends where the name is");
    assert_eq!(server.asked(), ["api.a.test 1", "api.b.test 1", "api.a.test 28", "api.b.test 28"]);
    let found = resolving.shared.names.lock().unwrap().lookup("198.18.0.2".parse().unwrap());
    assert_eq!(found.unwrap().0.as_str(), "api", "the grant is for the name as it is written");
}

#[test]
fn fixed_names_and_localhost_are_answered_without_asking() {
    let server = Nameserver::start(|_, _| Script::Silent);
    let net = "connect = [\"fixed.test:443\", \"file.test:443\"]\nprivate = [\"file.test\"]\n\
               hosts = { \"fixed.test\" = \"127.0.0.1\" }";
    let hosts = "10.0.0.7 file.test\n10.0.0.8 fixed.test other.test\n";
    let conf = conf(&[server.address], "");
    let mut resolving = Resolving::new(net, conf, hosts, Bounds::default());
    assert_eq!(resolving.ask("fixed.test", kind::A), "No Error 198.18.0.2");
    assert_eq!(resolving.ask("fixed.test", kind::AAAA), "No Error");
    assert_eq!(resolving.ask("file.test", kind::A), "No Error 198.18.0.3");
    assert_eq!(resolving.ask("other.test", kind::A), "Non-Existent Domain");
    assert_eq!(resolving.ask("localhost", kind::A), "No Error 127.0.0.1");
    assert_eq!(resolving.ask("x.localhost", kind::AAAA), "No Error ::1");
    assert_eq!(resolving.ask("1.0.0.127.in-addr.arpa", kind::PTR), "No Error localhost.");
    assert_eq!(resolving.ask("9.9.9.9.in-addr.arpa", kind::PTR), "Non-Existent Domain");
    let real = resolving.shared.names.lock().unwrap().lookup("198.18.0.2".parse().unwrap());
    assert_eq!(real.unwrap().1.to_string(), "127.0.0.1");
    assert_eq!(server.asked(), [] as [&str; 0]);
}

#[test]
fn the_same_question_is_asked_once_however_many_wait_for_it() {
    let slow = Nameserver::start(|_, _| Script::Silent);
    let good = Nameserver::start(|_, _| Script::Answer(0, vec!["93.184.216.34"]));
    let conf = conf(&[slow.address, good.address], "options timeout:3");
    let net = "connect = [\"api.test:443\"]";
    let mut resolving = Resolving::new(net, conf, "", unhurried());
    for id in 1..=5 {
        resolving.send(id, "api.test", kind::A);
        resolving.send(id, "api.test", kind::A);
    }
    for _ in 0..5 {
        assert_eq!(resolving.receive(), "No Error 198.18.0.2");
    }
    assert_eq!([slow, good].map(|server| server.asked_to_the_end().len()), [1, 1]);
}

#[test]
fn bounds_are_kept_and_named() {
    let server = Nameserver::start(|_, _| Script::Answer(0, vec!["93.184.216.34"]));
    let bounds = Bounds { wildcard_names: 2, wildcard_length: 8, ..Bounds::default() };
    let conf = conf(&[server.address], "");
    let net = "connect = [\"*.evil.test:443\", \"api.test:443\"]";
    let mut resolving = Resolving::new(net, conf.clone(), "", bounds);
    for (name, code) in [
        ("a.evil.test", "No Error 198.18.0.2"),
        ("b.evil.test", "No Error 198.18.0.3"),
        ("c.evil.test", "Non-Existent Domain"),
        ("123456789.evil.test", "Non-Existent Domain"),
        ("api.test", "No Error 198.18.0.4"),
        ("a.evil.test", "No Error 198.18.0.2"),
    ] {
        assert_eq!(resolving.ask(name, kind::A), code, "{name}");
    }
    assert_eq!(server.asked().len(), 3);
    assert_eq!(
        resolving.denials(),
        [
            "c.evil.test: more than 2 names below wildcard grants within an hour",
            "123456789.evil.test: more than 8 bytes before the suffix of a wildcard grant",
        ]
    );
    let bounds = Bounds { rate: 0, burst: 1, ..Bounds::default() };
    let mut resolving = Resolving::new(net, conf, "", bounds);
    assert_eq!(resolving.ask("a.evil.test", kind::A), "No Error 198.18.0.2");
    assert_eq!(resolving.ask("b.evil.test", kind::A), "Server Failure", "may work later");
}

#[test]
fn lookups_that_wait_are_bounded() {
    let server = Nameserver::start(|_, _| Script::Silent);
    let bounds = Bounds { lookups: 2, deadline: Duration::from_secs(1), ..Bounds::default() };
    let conf = conf(&[server.address], "options timeout:30");
    let mut resolving = Resolving::new("connect = [\"*.test:443\"]", conf, "", bounds);
    for (id, name) in [(1, "a.test"), (2, "b.test"), (3, "c.test")] {
        resolving.send(id, name, kind::A);
    }
    let start = Instant::now();
    assert_eq!(resolving.receive_from(), (3, "Server Failure".to_owned()), "the third, at once");
    let mut others = [resolving.receive_from(), resolving.receive_from()];
    others.sort();
    assert_eq!(others, [1, 2].map(|id| (id, "Server Failure".to_owned())));
    assert!(start.elapsed() >= Duration::from_secs(1), "the others, when their time was over");
    assert_eq!(server.asked_to_the_end().len(), 2);
}

#[test]
fn a_narrowed_boundary_keeps_no_answers() {
    let server = Nameserver::start(|_, _| Script::Answer(0, vec!["93.184.216.34"]));
    let mut resolving = Resolving::simple("connect = [\"api.test:443\"]", &server);
    resolving.ask("api.test", kind::A);
    resolving.ask("api.test", kind::A);
    assert_eq!(server.asked().len(), 1);
    resolving.stub.forget(&resolving.epoll);
    resolving.ask("api.test", kind::A);
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn a_full_name_table_is_a_temporary_failure() {
    let server = Nameserver::start(|_, _| Script::Answer(0, vec!["93.184.216.34"]));
    let mut resolving = Resolving::simple("connect = [\"*.test:443\"]", &server);
    *resolving.shared.names.lock().unwrap() = NameTable::with_capacity(DnsMode::Synthetic, 1);
    assert_eq!(resolving.ask("a.test", kind::A), "No Error 198.18.0.2");
    assert_eq!(resolving.ask("b.test", kind::A), "Server Failure");
}

#[test]
fn streams_are_answered_and_bounded() {
    let server = Nameserver::start(|_, _| Script::TooLong(12));
    let bounds = Bounds { connections: 2, ..unhurried() };
    let conf = conf(&[server.address], UNHURRIED);
    let mut resolving = Resolving::new("connect = [\"*.test:443\"]", conf, "", bounds);
    let ask = |resolving: &mut Resolving, stream: &mut TcpStream, names: &[&str]| {
        let mut bytes = Vec::new();
        for name in names {
            let question = question(9, name, kind::A);
            bytes.extend(u16::try_from(question.len()).unwrap().to_be_bytes());
            bytes.extend(question);
        }
        stream.write_all(&bytes).unwrap();
        let mut answers = Vec::new();
        for _ in names {
            let copy = stream.try_clone().unwrap();
            resolving.serve_until(copy.as_fd());
            let mut length = [0; 2];
            if stream.read_exact(&mut length).is_err() {
                return answers;
            }
            let mut reply = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut reply).unwrap();
            answers.push(shown(&reply).matches("198.18").count());
        }
        answers
    };
    let address = resolving.streams;
    let connect = || TcpStream::connect(address).unwrap();
    let mut first = connect();
    assert_eq!(ask(&mut resolving, &mut first, &["a.test", "b.test"]), [12, 12], "pipelined");
    let (mut second, mut third) = (connect(), connect());
    assert_eq!(ask(&mut resolving, &mut second, &["c.test"]), [12]);
    assert_eq!(ask(&mut resolving, &mut third, &["d.test"]), [12]);
    // The quietest one made room.
    resolving.serve_until(first.as_fd());
    assert_eq!(first.read(&mut [0; 1]).unwrap(), 0);
    assert_eq!(ask(&mut resolving, &mut second, &["c.test"]), [12]);
    // A length no question has ends the stream.
    second.write_all(&[0xff, 0xff, 0]).unwrap();
    resolving.serve_until(second.as_fd());
    assert!(matches!(second.read(&mut [0; 1]), Ok(0) | Err(_)));
}
