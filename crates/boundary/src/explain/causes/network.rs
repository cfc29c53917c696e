//! Connections, listeners and datagrams.
//!
//! What the broker answers is known (docs/network.md): EACCES for an address or port without a
//! grant, ECONNREFUSED for loopback without one, ENOTFOUND for a name without one. The same codes
//! come from peers, so the boundary decides which of the two it was.

use super::super::access::{Access, Decision, Outcome, Target, is_synthetic};
use super::super::code::Code;
use super::super::context::Context;
use super::super::read::{after, endpoint};
use super::super::report::{Explanation, shown};
use super::super::symptom::Symptom;
use super::{names, settled, unix};
use ringfence_policy::layer::Layer;
use ringfence_policy::net::{HostName, Transport};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const BROKER: Option<Layer> = Some(Layer::Broker);

pub(super) fn of(symptom: &Symptom, context: &Context<'_>) -> Option<Explanation> {
    if symptom.syscall.starts_with("getaddrinfo") || symptom.syscall.starts_with("query") {
        let host = symptom.hostname.clone();
        return Some(names::lookup(&host, &symptom.code, symptom, context));
    }
    if symptom.says("Can't reach database server at") {
        return database(symptom, context);
    }
    let path = symptom.path.starts_with(['/', '@']) || symptom.address.starts_with(['/', '@']);
    match symptom.call() {
        "connect" if path => return Some(unix::connect(symptom, context)),
        "connect" => return connect(symptom, context),
        "listen" | "bind" if path => return Some(unix::listen(symptom, context)),
        "listen" | "bind" => return listen(symptom, context),
        "send" => return send(symptom, context),
        _ => {}
    }
    match symptom.code.as_str() {
        "UND_ERR_CONNECT_TIMEOUT" => Some(timeout(symptom)),
        "ECONNREFUSED" | "ETIMEDOUT" | "EHOSTUNREACH" | "ENETUNREACH" => connect(symptom, context),
        "ECONNRESET" | "EPIPE" | "ECONNABORTED" | "UND_ERR_SOCKET" => Some(reset(symptom)),
        "EADDRINUSE" => listen(symptom, context),
        "EPROTO" if symptom.says("SSL routines") => Some(super::application::tls(symptom)),
        "ENOTFOUND" | "EAI_AGAIN" if !symptom.hostname.is_empty() => {
            Some(names::lookup(&symptom.hostname, &symptom.code, symptom, context))
        }
        _ => None,
    }
}

/// Prisma's message: host and port, and nothing about why.
fn database(symptom: &Symptom, context: &Context<'_>) -> Option<Explanation> {
    let place = after(&symptom.message, "database server at ")?;
    let (host, port) = endpoint(place)?;
    let host = if host == "localhost" { "127.0.0.1" } else { host };
    let target = Target::parse(host)?;
    let shown = shown(place);
    let nobody = Explanation::new(
        Code::ConnectionRefused,
        None,
        format!("the database at {shown} does not run, or is not reachable from here"),
    )
    .instead("start it, or correct host and port; no grant helps");
    let missing = Explanation::new(
        Code::ConnectNotGranted,
        BROKER,
        format!("no grant in net.connect covers {shown}"),
    );
    Some(match Access::Connect(Transport::Tcp, target, port).outcome(context) {
        Outcome::Missing(advice) if context.setting.is_some() => missing.advise(advice).or(nobody),
        Outcome::Missing(advice) => nobody.or(missing.advise(advice)),
        Outcome::Never(code, advice) => Explanation { code, ..missing.advise(advice) },
        Outcome::Already | Outcome::Nothing(_) => nobody,
    })
}

fn connect(symptom: &Symptom, context: &Context<'_>) -> Option<Explanation> {
    if symptom.code == "EADDRNOTAVAIL" {
        return Some(
            Explanation::new(
                Code::AddressNotAvailable,
                None,
                "the connection was to begin at an address or port that this machine cannot use, or all its ports are taken",
            )
            .instead("leave out localAddress, and close connections that are no longer used"),
        );
    }
    let (Some(ip), Some(port)) = (symptom.ip(), symptom.port) else {
        let word = symptom.code.as_str();
        return (word == "ECONNREFUSED" || word == "ETIMEDOUT").then(|| unaddressed(symptom));
    };
    let target = shown(&SocketAddr::new(ip, port).to_string());
    let access = Access::Connect(Transport::Tcp, Target::Address(ip), port);
    if is_synthetic(ip) {
        return Some(synthetic(&symptom.code, &target, port, context));
    }
    match symptom.code.as_str() {
        "EACCES" | "EPERM" if symptom.comes_from(&["node:dgram"]) => send(symptom, context),
        "EACCES" | "EPERM" => {
            let tcp = refused(&target, &access, ip, port, context);
            // Node tells the local address of a TCP socket that is refused at once.
            let unsure = symptom.says("connect") && !symptom.says(" - Local");
            Some(match send(symptom, context) {
                Some(udp) if unsure && !udp.grants().is_empty() => tcp.or(udp),
                _ => tcp,
            })
        }
        "ECONNREFUSED" if ip.is_loopback() || ip.is_unspecified() => {
            Some(loopback(&target, &access, context))
        }
        "ECONNREFUSED" => Some(peer_refused(&target)),
        "ECONNRESET" | "EPIPE" => Some(reset(symptom)),
        _ => Some(timeout(symptom)),
    }
}

/// An error of a connection whose address the text does not tell: an `AggregateError` alone.
fn unaddressed(symptom: &Symptom) -> Explanation {
    Explanation::new(
        Code::ConnectionRefused,
        None,
        "a connection failed, and the text does not say to where",
    )
    .instead(
        "print the whole error (console.error(error)): the addresses stand in its `cause` or its \
         `errors`, and tell whether a grant is missing",
    )
    .or(Explanation::new(
        Code::ConnectNotGranted,
        BROKER,
        format!("inside a boundary {} is also the answer for an address of this machine without a grant", shown(&symptom.code)),
    )
    .instead("`ringfence run --events FILE` records which one; explain that file with --event"))
}

fn refused(
    target: &str,
    access: &Access,
    ip: IpAddr,
    port: u16,
    context: &Context<'_>,
) -> Explanation {
    let explanation = Explanation::new(
        Code::ConnectNotGranted,
        BROKER,
        format!("the broker refused the connection to {target}: no grant covers it"),
    );
    match access.outcome(context) {
        Outcome::Already => Explanation::new(
            Code::GrantedAlready,
            None,
            format!("{target} is granted; the connection was refused beyond the boundary, by a firewall of this host or of another"),
        )
        .instead("look at the firewall's rules; if the grant is new, start the service anew")
        .likely(),
        Outcome::Missing(advice) => {
            let mut explanation = explanation.advise(advice);
            if is_other_port(&Target::Address(ip), context) {
                explanation.code = Code::PortNotGranted;
                explanation.cause =
                    format!("the broker refused the connection to {target}: the address is granted, port {port} is not");
            }
            explanation
        }
        Outcome::Never(code, advice) => Explanation { code, ..explanation.advise(advice) },
        Outcome::Nothing(why) => explanation.instead(format!("no grant can be named: {why}")),
    }
}

/// Whether a target is granted, at other ports than the one that was asked for.
fn is_other_port(target: &Target, context: &Context<'_>) -> bool {
    context.setting.is_some_and(|setting| {
        setting.boundary.net.connect.iter().any(|grant| {
            let port = grant.value.ports.first;
            let access = Access::Connect(Transport::Tcp, target.clone(), port);
            access.decide(setting.boundary, setting.folder, context.host) == Decision::Allowed
        })
    })
}

/// The same of a connection by TCP.
pub(in super::super) fn has_other_port(access: &Access, context: &Context<'_>) -> bool {
    match access {
        Access::Connect(Transport::Tcp, target, _) => is_other_port(target, context),
        _ => false,
    }
}

/// Loopback inside is the service's own: the host's needs a grant.
fn loopback(target: &str, access: &Access, context: &Context<'_>) -> Explanation {
    let nobody = Explanation::new(
        Code::ConnectionRefused,
        None,
        format!("nobody listens at {target} on this machine"),
    )
    .instead("start the server, or correct host and port; no grant helps");
    let missing = Explanation::new(
        Code::ConnectNotGranted,
        BROKER,
        format!(
            "inside a boundary {target} is the service's own loopback; what listens there on the host needs a grant"
        ),
    );
    match access.outcome(context) {
        Outcome::Missing(advice) if context.setting.is_some() => missing.advise(advice).or(nobody),
        Outcome::Missing(advice) => nobody.or(missing.advise(advice)),
        Outcome::Never(code, advice) => Explanation { code, ..missing.advise(advice) },
        Outcome::Already | Outcome::Nothing(_) => nobody,
    }
}

fn peer_refused(target: &str) -> Explanation {
    Explanation::new(
        Code::ConnectionRefused,
        None,
        format!("{target} was reached and refused: nobody listens at that port"),
    )
    .instead(
        "start the server, or correct host and port; no grant helps (the broker answers EACCES \
         when one is missing)",
    )
}

/// An address that stands for a name.
pub(in super::super) fn synthetic(
    word: &str,
    target: &str,
    port: u16,
    context: &Context<'_>,
) -> Explanation {
    if word != "EACCES" {
        let what = match word {
            "ECONNREFUSED" => "reached and refused: nobody listens at that port",
            _ => "not reached",
        };
        let code =
            if word == "ECONNREFUSED" { Code::ConnectionRefused } else { Code::ConnectionTimeout };
        return Explanation::new(
            code,
            None,
            format!(
                "{target} stands for a granted name inside the boundary; the real server was {what}"
            ),
        )
        .instead("look at the server behind the name and at net.hosts; no grant helps");
    }
    let names: Vec<String> = context
        .setting
        .map(|setting| {
            let net = &setting.boundary.net;
            let name =
                |text: &str| HostName::parse(text.split(':').next().unwrap_or_default()).ok();
            net.connect
                .iter()
                .filter_map(|grant| name(&grant.value.to_string()))
                .filter(|name| net.connect_name(Transport::Tcp, name, port).is_err())
                .map(|name| name.to_string())
                .collect()
        })
        .unwrap_or_default();
    let explanation = Explanation::new(
        Code::PortNotGranted,
        BROKER,
        format!(
            "{target} stands for a granted name inside the boundary, but port {port} of that name is not granted"
        ),
    );
    if let [only] = names.as_slice()
        && let Some(target) = Target::parse(only)
    {
        let access = Access::Connect(Transport::Tcp, target, port);
        return settled(explanation, &access, context).likely();
    }
    explanation.instead(format!(
        "grant the name with this port in net.connect (\"NAME:{port}\"), or correct the port; the \
         denial event names it"
    ))
}

fn timeout(symptom: &Symptom) -> Explanation {
    let target = match symptom.port {
        Some(port) => format!("{}:{port}", shown(&symptom.address)),
        None => "the server".to_owned(),
    };
    Explanation::new(
        Code::ConnectionTimeout,
        None,
        format!("{target} did not answer, or no route leads there; the boundary did not refuse it"),
    )
    .instead(
        "look at routes, firewalls and the server; no grant helps (a missing one is answered at \
         once, with EACCES)",
    )
}

fn reset(symptom: &Symptom) -> Explanation {
    let _ = symptom;
    Explanation::new(
        Code::ConnectionReset,
        None,
        "the other side ended a connection that existed; the boundary never does that, but for a \
         grant that was dropped at run time",
    )
    .instead("look at the server's log and at time limits between the two; no grant helps")
}

fn listen(symptom: &Symptom, context: &Context<'_>) -> Option<Explanation> {
    let port = symptom.port?;
    let ip = symptom.ip().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let place = SocketAddr::new(ip, port);
    let udp = symptom.call() == "bind";
    match symptom.code.as_str() {
        "EADDRINUSE" => Some(
            Explanation::new(
                Code::AddressInUse,
                None,
                format!("another process, or the service itself, listens at {place} already"),
            )
            .instead(format!("`ss -ltnp 'sport = :{port}'` names it; stop it or take another port; no grant helps")),
        ),
        "EADDRNOTAVAIL" => Some(
            Explanation::new(
                Code::AddressNotAvailable,
                None,
                format!("{} is not an address of this machine", place.ip()),
            )
            .instead("listen on an address of this machine and grant that one in net.listen"),
        ),
        "EACCES" | "EPERM" => Some(listen_refused(place, udp, context)),
        _ => None,
    }
}

fn listen_refused(place: SocketAddr, udp: bool, context: &Context<'_>) -> Explanation {
    let transport = if udp { Transport::Udp } else { Transport::Tcp };
    let access = Access::Listen(transport, place);
    let privileged = Explanation::new(
        Code::PrivilegedPort,
        None,
        format!("port {} is below 1024, and the service's user may not open it", place.port()),
    )
    .instead(
        "take a port from 1024 on, or start ringfence as root, which opens it for the service",
    );
    let missing = Explanation::new(
        Code::ListenNotGranted,
        BROKER,
        format!("the broker refused to listen at {place}"),
    );
    match access.outcome(context) {
        Outcome::Already if place.port() < 1024 => privileged,
        Outcome::Missing(advice) if place.port() < 1024 => {
            if context.setting.is_some() {
                missing.advise(advice).or(privileged)
            } else {
                privileged.or(missing.advise(advice))
            }
        }
        Outcome::Already => missing.instead("it is granted: start the service anew; look for a firewall or another security module").likely(),
        Outcome::Missing(advice) => missing.advise(advice),
        Outcome::Never(code, advice) => Explanation { code, ..missing.advise(advice) },
        Outcome::Nothing(why) => missing.instead(why),
    }
}

fn send(symptom: &Symptom, context: &Context<'_>) -> Option<Explanation> {
    let (ip, port) = (symptom.ip()?, symptom.port?);
    let access = Access::Connect(Transport::Udp, Target::Address(ip), port);
    let explanation = Explanation::new(
        Code::UdpNotGranted,
        BROKER,
        format!("no grant in net.udp covers the datagram to {ip} port {port}"),
    );
    Some(settled(explanation, &access, context))
}
