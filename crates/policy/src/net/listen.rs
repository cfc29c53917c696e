//! Decisions about listeners.
//!
//! Programs ask for `::` or `0.0.0.0` out of habit. Such a request is narrowed to the one address
//! that is granted at that port instead of being refused; a listener that is not granted still
//! works, but only inside the boundary.

use super::{ListenEndpoint, ListenPlace, Refusal, Transport};
use crate::address;
use crate::model::Network;
use crate::source::Located;
use std::net::SocketAddr;

impl Network {
    /// Where does a bind to `asked` followed by listen go?
    ///
    /// IPv4-mapped addresses are folded, so an IPv6 socket may get an IPv4 place. Port 0 is matched
    /// by grants with port 0 only.
    ///
    /// # Errors
    /// A wildcard was asked for and the port is granted at several addresses, none of them it.
    pub fn listen(&self, transport: Transport, asked: SocketAddr) -> Result<ListenPlace, Refusal> {
        let asked = SocketAddr::new(address::fold(asked.ip()), asked.port());
        let grants = match transport {
            Transport::Tcp => &self.listen,
            Transport::Udp => &self.udp_listen,
        };
        let at_port: Vec<ListenEndpoint> = grants
            .iter()
            .map(|grant: &Located<ListenEndpoint>| grant.value)
            .filter(|grant| grant.port == asked.port())
            .collect();
        if at_port.iter().any(|grant| grant.address == asked.ip()) {
            return Ok(ListenPlace::Host(asked));
        }
        if asked.ip().is_unspecified() {
            return narrowed(transport, asked, &at_port);
        }
        let any = at_port.iter().any(|grant| {
            grant.address.is_unspecified() && grant.address.is_ipv4() == asked.is_ipv4()
        });
        Ok(if any { ListenPlace::Host(asked) } else { ListenPlace::Private })
    }
}

/// A wildcard that is not granted itself: `::` is served by both families, `0.0.0.0` by IPv4.
fn narrowed(
    transport: Transport,
    asked: SocketAddr,
    at_port: &[ListenEndpoint],
) -> Result<ListenPlace, Refusal> {
    let fits = |grant: &&ListenEndpoint| asked.is_ipv6() || grant.address.is_ipv4();
    let fitting: Vec<&ListenEndpoint> = at_port.iter().filter(fits).collect();
    match fitting.as_slice() {
        [] => Ok(ListenPlace::Private),
        [grant] => Ok(ListenPlace::Host(SocketAddr::new(grant.address, grant.port))),
        several => {
            let names: Vec<String> = several.iter().map(ToString::to_string).collect();
            let key = transport.listen_key();
            let reason = format!(
                "{asked} was asked for and {key} grants {}: listen on one of them",
                names.join(" and ")
            );
            Err(Refusal::missing(reason, key, &asked.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::tests::network;

    const FILE: &str = r#"
        listen = ["127.0.0.1:8080", "0.0.0.0:8081", "[::]:8082", "127.0.0.1:8083", "10.0.0.1:8083",
                  "[::1]:8084", "127.0.0.1:0", "127.0.0.1:8085", "[::1]:8085"]
        udp-listen = ["0.0.0.0:8443"]
    "#;

    fn place(transport: Transport, asked: &str) -> String {
        match network(FILE).listen(transport, asked.parse().unwrap()) {
            Ok(ListenPlace::Host(place)) => place.to_string(),
            Ok(ListenPlace::Private) => "private".to_owned(),
            Err(_) => "refused".to_owned(),
        }
    }

    #[test]
    fn a_listener_goes_where_it_is_granted_and_otherwise_stays_inside() {
        for (asked, expected) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("[::ffff:127.0.0.1]:8080", "127.0.0.1:8080"),
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "127.0.0.1:8080"),
            ("127.0.0.2:8080", "private"),
            ("[::1]:8080", "private"),
            ("0.0.0.0:8081", "0.0.0.0:8081"),
            ("[::]:8081", "0.0.0.0:8081"),
            ("10.9.9.9:8081", "10.9.9.9:8081"),
            ("[::1]:8081", "private"),
            ("[::]:8082", "[::]:8082"),
            ("[::1]:8082", "[::1]:8082"),
            ("0.0.0.0:8082", "private"),
            ("127.0.0.1:8082", "private"),
            ("0.0.0.0:8083", "refused"),
            ("[::]:8083", "refused"),
            ("10.0.0.1:8083", "10.0.0.1:8083"),
            ("0.0.0.0:8084", "private"),
            ("[::]:8084", "[::1]:8084"),
            ("0.0.0.0:8085", "127.0.0.1:8085"),
            ("[::]:8085", "refused"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("0.0.0.0:0", "127.0.0.1:0"),
            ("[::]:0", "127.0.0.1:0"),
            ("[::1]:0", "private"),
            ("0.0.0.0:5000", "private"),
            ("127.0.0.1:5000", "private"),
        ] {
            assert_eq!(place(Transport::Tcp, asked), expected, "{asked}");
        }
        assert_eq!(place(Transport::Udp, "127.0.0.1:8080"), "private");
        assert_eq!(place(Transport::Udp, "[::]:8443"), "0.0.0.0:8443");
        assert_eq!(place(Transport::Tcp, "0.0.0.0:8443"), "private");
    }

    #[test]
    fn an_ambiguous_wildcard_names_the_choices() {
        let refusal =
            network(FILE).listen(Transport::Tcp, "[::]:8083".parse().unwrap()).unwrap_err();
        assert_eq!(
            refusal.reason,
            "[::]:8083 was asked for and net.listen grants 127.0.0.1:8083 and 10.0.0.1:8083: listen on one of them"
        );
        assert_eq!(refusal.missing_grant.as_deref(), Some("net.listen = [\"[::]:8083\"]"));
    }
}
