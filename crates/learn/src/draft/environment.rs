//! `env.pass`: variables that were asked for and were given. Values are never looked at.

use super::files::secret;
use super::why::who;
use super::{Drafting, Note, Proposed, Why};
use crate::record::{Capability, Feature};
use ringfence_policy::environment::refused;
use ringfence_policy::model::Delivery;

/// Every service gets these, with values of its own.
const DEFAULTS: [&str; 4] = ["HOME", "LANG", "PATH", "TMPDIR"];
/// What a terminal session has and a service has not: where it is deployed, nobody sets them.
const SESSION: [&str; 20] = [
    "COLORTERM",
    "DISPLAY",
    "EDITOR",
    "INIT_CWD",
    "LOGNAME",
    "LS_COLORS",
    "MAIL",
    "OLDPWD",
    "PAGER",
    "PWD",
    "SHELL",
    "SHLVL",
    "SSH_CONNECTION",
    "SSH_TTY",
    "TERM",
    "TERM_PROGRAM",
    "USER",
    "USERNAME",
    "VISUAL",
    "_",
];
/// What Node and its libraries read without any script asking; they change what a program does.
const NATIVE: [&str; 3] = ["NODE_USE_ENV_PROXY", "TZ", "UV_THREADPOOL_SIZE"];
/// The same of programs that connect to others.
const NATIVE_CLIENT: &str = "NODE_EXTRA_CA_CERTS";

pub(super) fn draft(drafting: &mut Drafting<'_>) {
    let record = drafting.record;
    let given = |name: &str| record.begin.environment.iter().any(|known| known == name);
    let client = record.connects.values().any(|seen| !seen.own).then_some(NATIVE_CLIENT);
    let native = NATIVE
        .into_iter()
        .chain(client)
        .filter(|name| given(name) && !record.env.contains_key(*name));
    let native: Vec<&str> = native.collect();
    // What the program set for itself is there without being given.
    let asked = record.env.iter().filter(|(name, present)| **present && given(name));
    for name in asked.map(|(name, _)| name.as_str()).chain(native.iter().copied()) {
        variable(drafting, name, native.contains(&name));
    }
    if record.features.contains(&Feature::WholeEnvironment) {
        let by = who(drafting, Capability::Env, "*");
        drafting.note(Note::hint(
            "whole-environment",
            format!("all variables are listed{by}: only those that are granted are seen, and what is done with others is not known"),
        ));
    }
}

fn variable(drafting: &mut Drafting<'_>, name: &str, native: bool) {
    let (record, facts) = (drafting.record, drafting.facts);
    if DEFAULTS.contains(&name) {
        return;
    }
    if let Some(why) = refused(name) {
        // Node's own start looks at some of them; only what a script asked for is worth a word.
        if record.uses.contains_key(&(Capability::Env, name.to_owned())) {
            let text =
                format!("{name} was asked for and is never given to a service: it {}", why.words());
            drafting.note(Note::hint("refused-variable", text));
        }
        return;
    }
    let mut why = Why::told();
    why.asked_for(record, Capability::Env, name);
    if native {
        why = why.remark("read by Node itself");
    }
    if let Some(boundary) = facts.boundary {
        let delivered = boundary.secrets.iter().any(|secret| {
            matches!(&secret.delivery, Delivery::Environment(variable) if variable == name)
        });
        if boundary.env.set.contains_key(name) || delivered {
            return;
        }
        if boundary.env.pass.iter().any(|pass| pass.value == name) {
            drafting.draft.proposed.push(Proposed::entry("env.pass", name, why).granted());
            return;
        }
    }
    if SESSION.contains(&name) {
        let text = format!(
            "{name} was asked for, and is of the terminal session and not of the service: not granted"
        );
        let line = format!("env.pass = [\"{name}\"]");
        drafting.note(Note::hint("session-variable", text).with([line]));
        return;
    }
    if secret::is_secret_variable(name) {
        why = why.remark("looks like a secret");
        let secret = secret::secret_name(name);
        drafting.note(
            Note::hint(
                "secret-variable",
                format!("{name} looks like a secret: every process of the service can read its environment, so consider [secrets.{secret}]"),
            )
            .with([
                format!("[secrets.{secret}]"),
                format!("from = \"env:{name}\""),
                "as = \"file\"".to_owned(),
                format!("to = \"/run/secrets/{secret}\""),
            ]),
        );
    }
    drafting.propose(Proposed::entry("env.pass", name, why));
}
