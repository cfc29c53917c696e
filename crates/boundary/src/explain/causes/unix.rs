//! Unix sockets: their paths are granted alone, and inside nothing is seen there.

use super::super::access::{Access, Outcome};
use super::super::code::Code;
use super::super::context::Context;
use super::super::report::{Explanation, shown};
use super::super::symptom::Symptom;
use super::settled;
use ringfence_policy::layer::Layer;

const BROKER: Option<Layer> = Some(Layer::Broker);

/// A connection to one.
pub(super) fn connect(symptom: &Symptom, context: &Context<'_>) -> Explanation {
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

/// A listener at one.
pub(super) fn listen(symptom: &Symptom, context: &Context<'_>) -> Explanation {
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
