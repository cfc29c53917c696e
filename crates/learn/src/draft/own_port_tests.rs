//! What a program asks of itself.

use super::testing::Seen;
use crate::record::Transport;

#[test]
fn a_port_that_was_asked_before_the_run_listened_there_is_its_own() {
    for at in ["127.0.0.1:3000", "0.0.0.0:3000", "[::]:3000"] {
        let seen = Seen::new(&[]).connect("127.0.0.1:3000", false).listen(at, Transport::Tcp);
        let lines = seen.lines();
        assert!(!lines.iter().any(|line| line.starts_with("net.connect")), "{at}: {lines:?}");
    }
    // The controls: another port, and another protocol.
    for (at, transport) in [("127.0.0.1:3001", Transport::Tcp), ("127.0.0.1:3000", Transport::Udp)]
    {
        let lines = Seen::new(&[]).connect("127.0.0.1:3000", false).listen(at, transport).lines();
        assert!(lines.contains(&"net.connect = [\"127.0.0.1:3000\"]".to_owned()), "{lines:?}");
    }
}
