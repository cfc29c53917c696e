//! Acts that ask for too much of one thing.

use crate::say;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};

/// An address that no grant of a test covers, and that nothing routes to (RFC 5737).
const NOWHERE: &str = "192.0.2.1:443";

/// Connections that are refused, then one that is granted.
pub(crate) fn denials(granted: u16, count: usize) -> i32 {
    say(&format!("refused {}", denied(count)));
    served(granted)
}

/// Connections that are refused.
pub(crate) fn denied(count: usize) -> usize {
    (0..count).filter(|_| TcpStream::connect(NOWHERE).is_err()).count()
}

/// Questions for names that do not exist, as fast as they can be sent, then a granted connection.
pub(crate) fn names(granted: u16, count: usize) -> i32 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback is there");
    let mut sent = 0;
    for number in 0..count {
        let question = question(number);
        sent += usize::from(socket.send_to(&question, "127.0.0.1:53").is_ok());
    }
    say(&format!("sent {sent}"));
    // The resolver still answers: with something, for a question of its own.
    let fresh = UdpSocket::bind("127.0.0.1:0").expect("loopback is there");
    fresh.set_read_timeout(Some(std::time::Duration::from_millis(200))).expect("not zero");
    let mut answer = [0; 512];
    // However long it takes: a datagram may find no room and is sent again.
    loop {
        let asked = fresh.send_to(&question(usize::MAX), "127.0.0.1:53");
        if asked.is_ok() && fresh.recv(&mut answer).is_ok() {
            break;
        }
    }
    say("answered");
    served(granted)
}

/// A question for an address of `<number>.flood.test` (RFC 1035, 4.1).
fn question(number: usize) -> Vec<u8> {
    let mut message = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in [number.to_string().as_str(), "flood", "test"] {
        message.push(u8::try_from(label.len()).unwrap_or_default());
        message.extend_from_slice(label.as_bytes());
    }
    message.extend_from_slice(&[0, 0, 1, 0, 1]);
    message
}

/// Lines on standard error that look like the supervisor's own.
pub(crate) fn fake_events(count: usize) -> i32 {
    let line = "{\"v\":1,\"time\":\"2026-01-01T00:00:00.000Z\",\"service\":\"forged\",\
                \"kind\":\"allowed\",\"layer\":\"broker\",\"action\":\"connect\",\
                \"resource\":\"forged\",\"reason\":\"\"}\n";
    let mut error = std::io::stderr().lock();
    let written = (0..count).filter(|_| error.write_all(line.as_bytes()).is_ok()).count();
    let _ = TcpStream::connect(NOWHERE);
    say(&format!("written {written}"));
    0
}

fn served(granted: u16) -> i32 {
    let connected = TcpStream::connect(("127.0.0.1", granted));
    let ended = connected.is_ok_and(|mut stream| stream.read(&mut [0; 16]).is_ok());
    say(&format!("served {ended}"));
    0
}
