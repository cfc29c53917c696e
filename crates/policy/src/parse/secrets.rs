//! `[secrets.NAME]`: where secrets come from and how the service receives them.

use super::section::{Report, Section, wrong_type};
use super::{keys, service, units};
use crate::diagnostic::{Code, Problem};
use crate::display::quoted;
use crate::environment::parse_name;
use crate::model::{Delivery, Environment, Secret, SecretSource};
use crate::paths;
use crate::source::Located;
use std::collections::HashSet;
use std::ops::Range;

const FROM: &str = "from = \"file:./dev-secrets/jwt-key.pem\"";
const TO: &str = "to = \"/run/secrets/jwt-key.pem\"";
const OWNER_READS: u32 = 0o400;

pub(super) fn read(report: &mut Report, section: &Section<'_>, env: &Environment) -> Vec<Secret> {
    let mut secrets = Vec::new();
    for (key, value) in section.entries() {
        let full = section.full(quoted(key.value).to_string().as_str());
        let Some(name) = report.keep(&key.span, service::name(key.value)) else { continue };
        if !value.get_ref().is_table() {
            // What stands here instead of a table is probably the secret.
            let problem = wrong_type(&full, "a table", value.get_ref()).hidden();
            let hint = format!("write [{full}] and, below it, where the secret comes from: {FROM}");
            report.push(value.span(), problem.hint(hint));
            continue;
        }
        let Some(table) = Section::new(report, full, value, &keys::SECRET) else { continue };
        secrets.extend(secret(report, &table, Located::new(name, key.span)));
    }
    secrets.sort_by_key(|secret: &Secret| secret.name.span.start);
    report_shared_targets(report, &secrets, env);
    secrets
}

fn secret(report: &mut Report, table: &Section<'_>, name: Located<String>) -> Option<Secret> {
    let from = table.value(report, "from", FROM, secret_source);
    if table.place("from").is_none() {
        table.missing(report, "from", &format!("write {FROM}"));
    }
    let delivery = delivery(report, table, &name.value);
    let mode = table.value(report, "mode", "mode = \"0400\"", units::mode);
    let refresh = table.value(report, "refresh", "refresh = \"5m\"", units::duration);
    let overlap = table.value(report, "overlap", "overlap = \"24h\"", units::duration);
    Some(Secret {
        name,
        from: from?,
        delivery: delivery?,
        mode: mode.map_or(OWNER_READS, |mode| mode.value),
        refresh: refresh.map(|refresh| refresh.value),
        overlap: overlap.map(|overlap| overlap.value),
    })
}

/// `as`, and the keys that only one form of delivery has.
fn delivery(report: &mut Report, table: &Section<'_>, name: &str) -> Option<Delivery> {
    let form = match table.raw("as") {
        None => Form::File,
        Some(_) => table.value(report, "as", "as = \"file\"", Form::parse)?.value,
    };
    let to = table.value(report, "to", TO, target);
    let variable = table.value(report, "variable", "variable = \"JWT_KEY\"", parse_name);
    for (key, owner) in [("to", Form::File), ("mode", Form::File), ("variable", Form::Environment)]
    {
        if let Some(place) = table.place(key).filter(|_| form != owner) {
            let message = format!("`{key}` has no meaning with as = \"{}\"", form.id());
            let hint = format!("leave it out, or write as = \"{}\"", owner.id());
            report.push(place, Problem::new(Code::BadDelivery, message).hint(hint));
        }
    }
    if let Some(place) = table.place("refresh").filter(|_| form == Form::Environment) {
        let message = "an environment variable cannot change after the start";
        let hint = "leave `refresh` out, or deliver the secret as a file";
        report.push(place, Problem::new(Code::BadDelivery, message).hint(hint));
    }
    match form {
        Form::Descriptor => Some(Delivery::Descriptor),
        Form::Environment if table.place("variable").is_none() => {
            let variable = name.to_ascii_uppercase().replace('-', "_");
            let place = table.place("as").unwrap_or_else(|| table.span().clone());
            report.keep(&place, parse_name(&variable)).map(Delivery::Environment)
        }
        Form::Environment => variable.map(|variable| Delivery::Environment(variable.value)),
        Form::File => {
            if table.place("to").is_none() {
                table.missing(report, "to", &format!("write {TO}"));
            }
            to.map(Delivery::File)
        }
        Form::Socket => Some(Delivery::Socket),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Descriptor,
    Environment,
    File,
    Socket,
}

impl Form {
    const ALL: [Self; 4] = [Self::File, Self::Descriptor, Self::Socket, Self::Environment];

    const fn id(self) -> &'static str {
        match self {
            Self::Descriptor => "fd",
            Self::Environment => "env",
            Self::File => "file",
            Self::Socket => "socket",
        }
    }

    fn parse(text: &str) -> Result<Self, Problem> {
        Self::ALL.into_iter().find(|form| form.id() == text).ok_or_else(|| {
            Problem::with_value(Code::BadDelivery, "unknown delivery", text)
                .hint("write as = \"file\", \"fd\" or \"socket\"; \"env\" exists and is weaker")
        })
    }
}

/// Where a secret is read. What is no source may be the secret itself, so it is never shown.
fn secret_source(text: &str) -> Result<SecretSource, Problem> {
    let problem = |what: &str| Problem::new(Code::BadSecretSource, what).hidden();
    let hint = "write file:PATH or env:NAME; sealed:, vault:, aws-sm: and aws-kms: come later";
    let Some((scheme, rest)) = text.split_once(':') else {
        return Err(
            problem("the source has no scheme; a secret itself never stands here").hint(hint)
        );
    };
    if rest.trim().is_empty() {
        return Err(problem("the source names nothing after its scheme").hint(hint));
    }
    let rest = rest.to_owned();
    Ok(match scheme {
        "aws-kms" => SecretSource::AwsKms(rest),
        "aws-sm" => SecretSource::AwsSecretsManager(rest),
        "env" => SecretSource::Environment(source_variable(rest)?),
        "file" => SecretSource::File(paths::grant(&rest)?),
        "sealed" => SecretSource::Sealed(rest),
        "vault" => SecretSource::Vault(rest),
        _ => return Err(problem("the scheme of the source is not known").hint(hint)),
    })
}

/// A variable of the supervisor; what it is called matters to nobody else.
fn source_variable(name: String) -> Result<String, Problem> {
    if name.contains(['=', '\0']) {
        return Err(Problem::new(Code::BadSecretSource, "not a variable name after env:")
            .hint("write env:NAME")
            .hidden());
    }
    Ok(name)
}

fn target(text: &str) -> Result<String, Problem> {
    let path = paths::absolute(text)?;
    if text.ends_with('/') || paths::normal(&path) == "/" {
        return Err(Problem::with_value(Code::BadPath, "a directory where a file belongs", text)
            .hint(format!("write the path of the file, such as {TO}")));
    }
    Ok(path)
}

/// No two secrets in one place, none inside another, none in a variable that comes from elsewhere.
fn report_shared_targets(report: &mut Report, secrets: &[Secret], env: &Environment) {
    let passed = env.pass.iter().map(|name| name.value.as_str());
    let mut variables: HashSet<&str> = passed.chain(env.set.keys().map(String::as_str)).collect();
    let mut files: Vec<(String, Range<usize>)> = Vec::new();
    for secret in secrets {
        match &secret.delivery {
            Delivery::Environment(name) => {
                if !variables.insert(name) {
                    let what = "the variable of this secret is given twice";
                    let problem = Problem::with_value(Code::Duplicate, what, name);
                    let hint = "write another `variable`, or remove it from [env]";
                    report.push(secret.name.span.clone(), problem.hint(hint));
                }
            }
            Delivery::File(to) => files.push((paths::normal(&to.value), to.span.clone())),
            Delivery::Descriptor | Delivery::Socket => {}
        }
    }
    // Sorted by component, a path stands directly before the first one below it.
    files.sort_by(|(a, _), (b, _)| a.split('/').cmp(b.split('/')));
    for pair in files.windows(2) {
        let [(above, _), (below, span)] = pair else { continue };
        let what = if above == below {
            "two secrets at the same path"
        } else if below.strip_prefix(above.as_str()).is_some_and(|rest| rest.starts_with('/')) {
            "a secret below another one, which is a file"
        } else {
            continue;
        };
        let problem = Problem::with_value(Code::Duplicate, what, below);
        report.push(span.clone(), problem.hint("write another `to`"));
    }
}
