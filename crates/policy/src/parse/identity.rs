//! `[identity]`: the user a service runs as, never root.

use super::section::{Report, Section, string, wrong_type};
use crate::diagnostic::{Code, Problem};
use crate::model::Identity;
use crate::source::Located;
use std::collections::HashSet;
use std::fmt::Display;
use toml::Spanned;
use toml::de::DeValue;

pub(super) fn read(report: &mut Report, section: &Section<'_>) -> Identity {
    let one = |report: &mut Report, key: &str| {
        section.raw(key).and_then(|value| id(report, section.full(key), value))
    };
    let user = one(report, "user");
    if let Some(root) = user.as_ref().filter(|user| matches!(user.value.as_str(), "root" | "0")) {
        let problem = Problem::new(Code::BadIdentity, "a service does not run as root");
        let hint = "write another user; without one, the owner of this folder is taken";
        report.push(root.span.clone(), problem.hint(hint));
    }
    let group = one(report, "group");
    let mut seen = HashSet::new();
    let mut groups = Vec::new();
    for (index, item) in section.array(report, "groups", "\"ssl-cert\"").iter().enumerate() {
        let entry = format_args!("identity.groups[{index}]");
        let Some(group) = id(report, entry, item) else { continue };
        if seen.insert(group.value.clone()) {
            groups.push(group);
        } else {
            let problem = super::section::duplicate("identity.groups", &group.value);
            report.push(group.span, problem);
        }
    }
    Identity { user, group, groups }
}

/// A name or a number, written as text or as a number.
fn id(
    report: &mut Report,
    key: impl Display,
    value: &Spanned<DeValue<'_>>,
) -> Option<Located<String>> {
    let text = match value.get_ref() {
        DeValue::Integer(integer) if integer.radix() == 10 => {
            Located::new(integer.as_str().to_owned(), value.span())
        }
        DeValue::String(_) => string(report, key, value, "\"orders\"")?.map(str::to_owned),
        other => {
            let problem = wrong_type(key, "a name or a number", other);
            report.push(value.span(), problem.hint("write it as \"orders\" or as 1000"));
            return None;
        }
    };
    report.keep(&text.span, check(&text.value))?;
    Some(text)
}

/// A number below the reserved last one, or a name that `useradd` would accept or a directory
/// service hands out.
fn check(text: &str) -> Result<(), Problem> {
    let problem = |what: &str| Problem::with_value(Code::BadIdentity, what, text);
    if text.starts_with(|first: char| first.is_ascii_digit() || first == '-' || first == '+') {
        return match text.parse::<u32>() {
            Ok(number) if number < u32::MAX && number.to_string() == text => Ok(()),
            _ => Err(problem("not a user or group number").hint("write 0 to 4294967294")),
        };
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.@\\".contains(&byte);
    let name = text.strip_suffix('$').unwrap_or(text);
    if name.is_empty() || text.len() > 255 || !name.bytes().all(plain) {
        return Err(problem("not a user or group name").hint("write it as \"orders\" or as 1000"));
    }
    Ok(())
}
