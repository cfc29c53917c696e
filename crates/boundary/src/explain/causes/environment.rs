//! Variables that are missing inside: only listed ones get in.

use super::super::access::{Access, Outcome};
use super::super::code::Code;
use super::super::context::Context;
use super::super::grant;
use super::super::report::{Advice, Explanation, shown};
use super::super::symptom::Symptom;
use ringfence_policy::layer::Layer;

/// Variables of one message that are looked at.
const MOST: usize = 20;

pub(super) fn of(symptom: &Symptom, context: &Context<'_>) -> Option<Explanation> {
    let lower = symptom.message.to_ascii_lowercase();
    if lower.contains("parsed: {}")
        || (lower.contains("dotenv") && lower.contains("injecting env (0)"))
    {
        return Some(dotenv());
    }
    let missing = lower.contains("is not set")
        || lower.contains("is not defined in the environment")
        || lower.contains("must be set")
        || (lower.contains("environment variable")
            && ["required", "missing", "undefined", "not found"].iter().any(|w| lower.contains(w)));
    if !missing {
        return None;
    }
    let names = variables(&symptom.message);
    let mut explanation = absent(names.first()?, context);
    for name in names.get(1..).unwrap_or_default() {
        also(&mut explanation, name, context);
    }
    Some(explanation)
}

/// Another variable of the same message.
fn also(explanation: &mut Explanation, name: &str, context: &Context<'_>) {
    let Outcome::Missing(Advice::Grant { grants: more, .. }) =
        Access::Variable(name.to_owned()).outcome(context)
    else {
        return;
    };
    if let Advice::Grant { grants, lines, .. } = &mut explanation.advice {
        grants.extend(more.into_iter().filter(|grant| !grants.contains(grant)).collect::<Vec<_>>());
        *lines = grant::lines(grants, context.setting.as_ref());
    }
}

/// The words that are written like variables: upper case, and long enough.
fn variables(message: &str) -> Vec<&str> {
    message
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| {
            word.len() >= 4
                && word.starts_with(|c: char| c.is_ascii_uppercase())
                && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        })
        .take(MOST)
        .collect()
}

fn absent(name: &str, context: &Context<'_>) -> Explanation {
    let explanation = Explanation::new(
        Code::VariableNotPassed,
        Some(Layer::Environment),
        format!(
            "the service did not receive the variable {}: only listed ones get in",
            shown(name)
        ),
    )
    .likely();
    let unset = Explanation::new(
        Code::ApplicationError,
        None,
        format!("{} is not set where the service was started", shown(name)),
    )
    .instead("set it there, or fix its value in env.set");
    match Access::Variable(name.to_owned()).outcome(context) {
        Outcome::Already => unset.likely(),
        Outcome::Missing(advice) if secret(name) => {
            let mut explanation = explanation.advise(advice);
            if let Advice::Grant { note, .. } = &mut explanation.advice {
                "its name sounds like a secret: a [secrets.NAME] section delivers it as a file, \
                 which other code in the process reads less easily"
                    .clone_into(note);
            }
            explanation.or(unset)
        }
        Outcome::Missing(advice) => explanation.advise(advice).or(unset),
        Outcome::Never(code, advice) => Explanation { code, ..explanation.advise(advice) },
        Outcome::Nothing(why) => explanation.instead(format!("it is never passed: {why}")),
    }
}

fn secret(name: &str) -> bool {
    ["SECRET", "PASSWORD", "TOKEN", "KEY", "CREDENTIAL"].iter().any(|word| name.contains(word))
}

fn dotenv() -> Explanation {
    Explanation::new(
        Code::DotenvSilent,
        Some(Layer::NodeFlags),
        "dotenv read nothing: it gives an error back instead of throwing it, and the service starts \
         without its variables",
    )
    .instead(
        "look at the `error` of its answer; better, leave the .env file outside and list the names \
         in env.pass, or deliver secrets with [secrets.NAME]",
    )
    .likely()
}
