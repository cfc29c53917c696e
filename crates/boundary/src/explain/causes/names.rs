//! Names that are not found: without a grant they do not exist inside, and often not outside either.

use super::super::access::{Access, Outcome, Target};
use super::super::code::Code;
use super::super::context::Context;
use super::super::dropped;
use super::super::grant::{Grant, lines};
use super::super::report::{Advice, Explanation, shown};
use super::super::symptom::Symptom;
use super::settled;
use ringfence_policy::layer::Layer;
use ringfence_policy::model::Boundary;
use ringfence_policy::net::{HostFacts, HostName, Transport};
use std::net::{IpAddr, Ipv4Addr};

const BROKER: Option<Layer> = Some(Layer::Broker);

/// A name that was not found.
pub(super) fn lookup(
    host: &str,
    code: &str,
    symptom: &Symptom,
    context: &Context<'_>,
) -> Explanation {
    let Ok(name) = HostName::parse(host) else {
        if code == "ERR_ACCESS_DENIED" {
            let cause = "the broker refused a connection or a look-up that the text does not name";
            return Explanation::new(Code::ConnectNotGranted, BROKER, cause).instead(
                "print the whole error (console.error(error)): its `resource` and `missingGrant` \
                 name it",
            );
        }
        return Explanation::new(
            Code::NameNotFound,
            None,
            format!("{} is not a name that can be looked up", shown(host)),
        )
        .instead("correct the host in the service's settings: host and port alone, no URL");
    };
    let granted = context.setting.is_some_and(|setting| setting.boundary.net.may_resolve(&name));
    if granted && code == "ERR_ACCESS_DENIED" {
        let cause = format!(
            "{name} is granted, and the broker refused it: the grant was dropped while the service ran, or is newer than its start"
        );
        let taken = Explanation::new(Code::DroppedAtRuntime, BROKER, cause);
        return dropped::told(taken).likely();
    }
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
    if symptom.kind.starts_with("Mongo") {
        return Some(27017);
    }
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
fn private_grant(name: &HostName, context: &Context<'_>) -> Option<Advice> {
    let setting = context.setting?;
    let ask = |boundary: &Boundary| {
        let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
        boundary.net.accept_answer(name, address, &HostFacts::default())
    };
    let line = ask(setting.boundary).err()?.missing_grant?;
    let grant = Grant::of_line(&line)?;
    ask(&grant.apply(setting.boundary).ok()?).ok()?;
    let grants = vec![grant];
    let lines = lines(&grants, context.setting.as_ref());
    Some(Advice::Grant { grants, lines, note: String::new() })
}
