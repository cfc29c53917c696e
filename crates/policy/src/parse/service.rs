//! `[service]`: who the service is and how it starts.

use super::section::{Report, Section, any_string, unprintable};
use super::{units, version_range};
use crate::diagnostic::{Code, Problem};
use crate::display::quoted;
use crate::model::Service;
use crate::paths;
use crate::source::Located;
use std::time::Duration;

const START: &str = "[\"node\", \"dist/server.mjs\"]";
const SIGTERM: i32 = 15;
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn read(report: &mut Report, section: &Section<'_>) -> Option<Service> {
    let name = section.value(report, "name", "name = \"orders\"", name);
    if section.place("name").is_none() {
        section.missing(report, "name", "write name = \"orders\"");
    }
    let start = start(report, section);
    let cwd = section.value(report, "cwd", "cwd = \"./\"", paths::grant);
    let node = section.value(report, "node", "node = \">=20\"", version_range::parse);
    let signal = section.value(report, "stop-signal", "stop-signal = \"SIGTERM\"", units::signal);
    let timeout = section.value(report, "stop-timeout", "stop-timeout = \"10s\"", units::duration);
    Some(Service {
        name: name?,
        start: start?,
        cwd: cwd.unwrap_or_else(|| Located::new("./".to_owned(), 0..0)),
        node,
        stop_signal: signal.map_or(SIGTERM, |signal| signal.value),
        stop_timeout: timeout.map_or(STOP_TIMEOUT, |timeout| timeout.value),
    })
}

/// Names of services and secrets: safe in paths, host names and unit names.
pub(super) fn name(text: &str) -> Result<String, Problem> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.is_empty() || text.len() > 63 || text.starts_with('-') || !text.bytes().all(allowed) {
        return Err(Problem::with_value(Code::BadName, "not a name", text).hint(
            "names have 1 to 63 lower-case letters, digits and hyphens, and start with no hyphen",
        ));
    }
    Ok(text.to_owned())
}

fn start(report: &mut Report, section: &Section<'_>) -> Option<Vec<Located<String>>> {
    let Some(value) = section.raw("start") else {
        section.missing(report, "start", &format!("write start = {START}"));
        return None;
    };
    if let Some(text) = value.get_ref().as_str() {
        let problem = Problem::new(Code::BadStart, "`service.start` is a shell string")
            .hint(format!("no shell runs it: write start = {}", argument_vector(text)));
        report.push(value.span(), problem);
        return None;
    }
    let items = section.array(report, "start", START);
    let mut start = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let text = any_string(report, format_args!("service.start[{index}]"), item, "\"node\"")?;
        start.push(text.map(str::to_owned));
    }
    let problem = match start.as_slice() {
        [] if value.get_ref().is_array() => {
            Problem::new(Code::BadStart, "`service.start` is empty")
        }
        [] => return None,
        [program, ..] if program.value.trim().is_empty() => {
            Problem::new(Code::BadStart, "the program of `service.start` is empty")
        }
        [program, ..] if program.value.chars().any(|c| unprintable(c).is_some()) => Problem::new(
            Code::ControlCharacter,
            "`service.start` has a control character in its program",
        ),
        [only] if is_shell_string(&only.value) => {
            let what = "the program and its arguments are one string";
            let problem = Problem::with_value(Code::BadStart, what, &only.value)
                .hint(format!("no shell runs it: write start = {}", argument_vector(&only.value)));
            report.push(only.span.clone(), problem);
            return None;
        }
        _ => return Some(start),
    };
    report.push(value.span(), problem.hint(format!("write start = {START}")));
    None
}

/// `node server.mjs` as one string. A program may have a space in its path, but not one that
/// starts like this.
fn is_shell_string(text: &str) -> bool {
    let Some((first, _)) = text.trim().split_once(char::is_whitespace) else { return false };
    let program = first.rsplit('/').next().unwrap_or(first);
    !first.contains('/') || ["bash", "node", "npm", "npx", "pnpm", "sh", "yarn"].contains(&program)
}

/// What a simple shell string means; a string with quotes or operators is left to its author.
fn argument_vector(text: &str) -> String {
    if text.trim().is_empty() || text.contains(['"', '\'', '\\', '$', '|', '&', ';', '<', '>', '`'])
    {
        return START.to_owned();
    }
    let arguments: Vec<String> =
        text.split_whitespace().map(|argument| format!("\"{}\"", quoted(argument))).collect();
    format!("[{}]", arguments.join(", "))
}
