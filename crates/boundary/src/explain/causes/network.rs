//! Connections, listeners, datagrams, names and unix sockets.
//!
//! What the broker answers is known (docs/network.md): EACCES for an address or port without a
//! grant, ECONNREFUSED for loopback without one, ENOTFOUND for a name without one. The same codes
//! come from peers, so the boundary decides which of the two it was.

use super::super::access::{Access, Decision, Outcome, Target};
use super::super::code::Code;
use super::super::context::Context;
use super::super::report::{Explanation, shown};
use super::super::symptom::Symptom;
use super::settled;
use ringfence_policy::layer::Layer;
use ringfence_policy::net::{HostFacts, HostName, Transport};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const BROKER: Option<Layer> = Some(Layer::Broker);

pub(super) fn of(symptom: &Symptom, context: &Context<'_>) -> Option<Explanation> {
    if symptom.syscall.starts_with("getaddrinfo") || symptom.syscall.starts_with("query") {
        let host = symptom.hostname.clone();
        return Some(lookup(&host, &symptom.code, symptom, context));
    }
    let path = symptom.path.starts_with(['/', '@']) || symptom.address.starts_with(['/', '@']);
    match symptom.call() {
        "connect" if path => return Some(unix(symptom, context)),
        "connect" => return connect(symptom, context),
        "listen" | "bind" if path => return Some(unix_listen(symptom, context)),
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
            Some(lookup(&symptom.hostname, &symptom.code, symptom, context))
        }
        _ => None,
    }
}

/// Whether an address is one of those that stand for a name inside a boundary.
fn is_synthetic(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.octets()[0] == 198 && v4.octets()[1] & 0xfe == 18,
        IpAddr::V6(v6) => v6.segments()[..4] == [0xfd52, 0x6e67, 0, 0],
    }
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
        return Some(synthetic(symptom, &target, port, context));
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
pub(super) fn is_other_port(target: &Target, context: &Context<'_>) -> bool {
    context.setting.is_some_and(|setting| {
        setting.boundary.net.connect.iter().any(|grant| {
            let port = grant.value.ports.first;
            let access = Access::Connect(Transport::Tcp, target.clone(), port);
            access.decide(setting.boundary, setting.folder, context.host) == Decision::Allowed
        })
    })
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
fn synthetic(symptom: &Symptom, target: &str, port: u16, context: &Context<'_>) -> Explanation {
    if symptom.code != "EACCES" {
        let what = match symptom.code.as_str() {
            "ECONNREFUSED" => "reached and refused: nobody listens at that port",
            _ => "not reached",
        };
        let code = if symptom.code == "ECONNREFUSED" {
            Code::ConnectionRefused
        } else {
            Code::ConnectionTimeout
        };
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

fn unix(symptom: &Symptom, context: &Context<'_>) -> Explanation {
    let path = if symptom.path.is_empty() { &symptom.address } else { &symptom.path };
    let path = path.trim_end_matches([',', ';']);
    if path.starts_with('@') {
        return Explanation::new(
            Code::AbstractSocket,
            BROKER,
            "an abstract unix socket of the host cannot be reached: these names stay inside",
        )
        .instead("let the server listen on a path, and grant that in net.unix");
    }
    let missing = Explanation::new(
        Code::UnixNotGranted,
        BROKER,
        format!("the unix socket {} is not granted; inside nothing is seen there", shown(path)),
    );
    let nobody = Explanation::new(
        Code::ConnectionRefused,
        None,
        format!("the server of {} does not run, or does not let this user in", shown(path)),
    )
    .instead("start the server; look at the owner and mode of its socket; no grant helps");
    match Access::Unix(path.into()).outcome(context) {
        Outcome::Missing(advice) if context.setting.is_some() && symptom.code != "ECONNREFUSED" => {
            missing.advise(advice)
        }
        Outcome::Missing(advice) => nobody.or(missing.advise(advice)),
        Outcome::Never(code, advice) => Explanation { code, ..missing.advise(advice) },
        Outcome::Already | Outcome::Nothing(_) => nobody,
    }
}

fn unix_listen(symptom: &Symptom, context: &Context<'_>) -> Explanation {
    let path = if symptom.path.is_empty() { &symptom.address } else { &symptom.path };
    if symptom.code == "EADDRINUSE" {
        return Explanation::new(
            Code::AddressInUse,
            None,
            format!("a socket is at {} already: of another process, or left behind", shown(path)),
        )
        .instead("remove the file before listening if no process uses it; no grant helps");
    }
    let explanation = Explanation::new(
        Code::ListenNotGranted,
        Some(Layer::Namespaces),
        format!(
            "a unix socket can be made only in a folder that the service may write, and {} is in none",
            shown(path)
        ),
    );
    let explanation = settled(explanation, &Access::Write(path.clone()), context);
    let itself = explanation.grants().first().is_some_and(|grant| {
        grant.value.trim_matches('"').rsplit('/').next() == path.rsplit('/').next()
    });
    if itself {
        return explanation.instead(
            "listen in a folder of its own, such as ./run, and grant that in fs.write; or in /tmp, \
             where only the service itself can connect",
        );
    }
    explanation
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

/// A name that was not found.
pub(super) fn lookup(
    host: &str,
    code: &str,
    symptom: &Symptom,
    context: &Context<'_>,
) -> Explanation {
    let Ok(name) = HostName::parse(host) else {
        return Explanation::new(
            Code::NameNotFound,
            None,
            format!("{} is not a name that can be looked up", shown(host)),
        )
        .instead("correct the host in the service's settings: host and port alone, no URL");
    };
    let granted = context.setting.is_some_and(|setting| setting.boundary.net.may_resolve(&name));
    if granted {
        return granted_name(&name, code, context);
    }
    let missing = missing_name(&name, code, symptom, context);
    if context.setting.is_some() || missing.code == Code::MetadataAddress {
        return missing;
    }
    let unknown = Explanation::new(
        Code::NameNotFound,
        None,
        format!("the name {name} does not exist, or its name server did not answer"),
    )
    .instead("correct the name, or look at the resolver; no grant helps");
    if code == "ERR_ACCESS_DENIED" { missing } else { unknown.or(missing) }
}

fn missing_name(
    name: &HostName,
    code: &str,
    symptom: &Symptom,
    context: &Context<'_>,
) -> Explanation {
    let told = if code == "ERR_ACCESS_DENIED" {
        ""
    } else {
        "; what is not granted does not exist inside"
    };
    let explanation = Explanation::new(
        Code::NameNotGranted,
        BROKER,
        format!("no grant in net.connect or net.udp names {name}{told}"),
    );
    let Some(port) = symptom.port.or_else(|| guessed_port(symptom)) else {
        let access = Access::Connect(Transport::Tcp, Target::Name(name.clone()), 443);
        if let Outcome::Never(code, advice) = access.outcome(context) {
            return Explanation { code, ..explanation.advise(advice) };
        }
        return explanation.instead(format!(
            "grant it with the port it uses, which a look-up does not tell: add \"{name}:PORT\" to \
             net.connect (443 for https)"
        ));
    };
    let access = Access::Connect(Transport::Tcp, Target::Name(name.clone()), port);
    let explanation = settled(explanation, &access, context);
    if symptom.port.is_some() { explanation } else { explanation.likely() }
}

/// The port of the client whose frames are in the stack.
fn guessed_port(symptom: &Symptom) -> Option<u16> {
    const CLIENTS: [(&str, u16); 12] = [
        ("node_modules/amqplib", 5672),
        ("node_modules/@redis", 6379),
        ("node_modules/ioredis", 6379),
        ("node_modules/kafkajs", 9092),
        ("node_modules/mongodb", 27017),
        ("node_modules/mysql", 3306),
        ("node_modules/nodemailer", 587),
        ("node_modules/pg", 5432),
        ("node_modules/redis", 6379),
        ("node_modules/tedious", 1433),
        ("node:https", 443),
        ("node:_tls_wrap", 443),
    ];
    CLIENTS.iter().find(|(frame, _)| symptom.comes_from(&[frame])).map(|(_, port)| *port)
}

/// A granted name whose look-up failed.
fn granted_name(name: &HostName, code: &str, context: &Context<'_>) -> Explanation {
    let unknown = Explanation::new(
        Code::NameNotFound,
        None,
        format!("{name} is granted, but this host's own resolver did not find it"),
    )
    .instead(
        "look it up on the host (`getent hosts NAME`), correct it, or fix its address in net.hosts",
    );
    let private = Explanation::new(
        Code::AddressPrivate,
        BROKER,
        format!("{name} resolves to a private address, and net.private does not list it"),
    );
    let private = private_grant(name, context).map(|advice| private.advise(advice));
    let mut explanation = if code == "EAI_AGAIN" {
        unknown.or(Explanation::new(
            Code::NameNotFound,
            Some(Layer::Namespaces),
            "without namespaces there is no resolver inside: grants by name do not work",
        )
        .instead(
            "`ringfence status` says whether namespaces can be made here; grants by address work",
        ))
    } else {
        unknown
    };
    if let Some(private) = private {
        explanation = explanation.or(private);
    }
    explanation
}

/// The line for a name that leads to a private address, when it is what would be missing.
fn private_grant(name: &HostName, context: &Context<'_>) -> Option<super::super::report::Advice> {
    let setting = context.setting?;
    let ask = |boundary: &ringfence_policy::model::Boundary| {
        let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
        boundary.net.accept_answer(name, address, &HostFacts::default())
    };
    let line = ask(setting.boundary).err()?.missing_grant?;
    let grant = super::super::grant::Grant::of_line(&line)?;
    ask(&grant.apply(setting.boundary).ok()?).ok()?;
    let grants = vec![grant];
    let lines = super::super::grant::lines(&grants, context.setting.as_ref());
    Some(super::super::report::Advice::Grant { grants, lines, note: String::new() })
}
