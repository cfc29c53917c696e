//! Programs a service starts: by Node, by a shell, by their first line.

use super::super::access::{Access, Outcome};
use super::super::code::Code;
use super::super::context::{Context, Look};
use super::super::judge;
use super::super::paths;
use super::super::report::{Advice, Explanation, shown};
use super::super::symptom::Symptom;
use ringfence_policy::layer::Layer;

const BROKER: Option<Layer> = Some(Layer::Broker);

pub(super) fn of(symptom: &Symptom, context: &Context<'_>) -> Option<Explanation> {
    if symptom.call().starts_with("spawn") || symptom.call() == "execve" {
        let named = symptom.syscall.split_once(' ').map(|(_, program)| program);
        let program =
            if symptom.path.is_empty() { named.unwrap_or_default() } else { &symptom.path };
        return Some(spawn(program, &symptom.code, context));
    }
    shell(&symptom.message).map(|(program, code)| spawn(program, code, context))
}

/// `sh: 1: git: not found`, `/bin/sh: line 1: /usr/bin/git: Permission denied`, `bash: x: command not found`
fn shell(message: &str) -> Option<(&str, &'static str)> {
    let (rest, code) = [
        (": command not found", "ENOENT"),
        (": not found", "ENOENT"),
        (": cannot execute: required file not found", "ENOENT"),
        (": No such file or directory", "ENOENT"),
        (": Permission denied", "EACCES"),
        (": Operation not permitted", "EACCES"),
    ]
    .into_iter()
    .find_map(|(end, code)| Some((message.trim_end().strip_suffix(end)?, code)))?;
    let (shell, program) = rest.split_once(": ")?;
    let shell = paths::name(shell.split_whitespace().last()?);
    if !["sh", "bash", "dash", "ash", "zsh", "env", "busybox"]
        .contains(&shell.trim_start_matches('-'))
    {
        return None;
    }
    // A line number stands between the two; `env` puts the name in quotes.
    let program = program.rsplit(": ").next()?.trim_matches(['\'', '\u{2018}', '\u{2019}']);
    (!program.contains(' ')).then_some((program, code))
}

fn spawn(program: &str, code: &str, context: &Context<'_>) -> Explanation {
    let shown_program = if program.is_empty() { "a program".to_owned() } else { shown(program) };
    let path = if program.starts_with('/') {
        Some(paths::join("/", program))
    } else {
        context.host.program(program)
    };
    let missing = Explanation::new(
        Code::ProgramMissing,
        None,
        format!(
            "{shown_program} is not installed, or its working directory (`cwd`) does not exist"
        ),
    )
    .instead("install it, or correct the path; no grant helps");
    let refused = Explanation::new(
        Code::ProgramNotGranted,
        BROKER,
        match code {
            "ENOENT" => format!(
                "{shown_program} cannot be seen inside: only programs of process.children exist there"
            ),
            _ => format!("{shown_program} may not be started: process.children does not list it"),
        },
    );
    let Some(path) = path else { return unplaced(program, code, refused, missing) };
    match (Access::Exec(path.clone()).outcome(context), context.host.look(&path)) {
        (Outcome::Already, _) if code == "ENOENT" => missing,
        (Outcome::Already, _) => Explanation::new(
            Code::FilePermission,
            None,
            format!("{shown_program} is granted; its mode or its folder does not let the service's user run it, or its interpreter is missing"),
        )
        .instead("look at its mode (`ls -l`), at the first line of a script, and grant its interpreter too"),
        (Outcome::Never(code, advice), _) => Explanation { code, ..refused.advise(advice) },
        (_, Look::Missing) if code == "ENOENT" => missing,
        (Outcome::Missing(advice), _) if context.setting.is_some() && code != "ENOENT" => {
            refused.advise(advice)
        }
        (Outcome::Missing(advice), Look::File) => refused.advise(advice),
        (Outcome::Missing(advice), _) if context.setting.is_some() => {
            refused.advise(advice).or(missing)
        }
        (Outcome::Missing(advice), _) => missing.or(refused.advise(advice)),
        (Outcome::Nothing(why), _) => refused.instead(why),
    }
}

/// A program whose path is not known.
fn unplaced(program: &str, code: &str, refused: Explanation, missing: Explanation) -> Explanation {
    let access = Access::Exec(format!("/{program}"));
    if let Some(judgement) = judge::never(&access, &Context::NOTHING) {
        let advice = Advice::Refuse { why: judgement.why, instead: judgement.instead };
        return Explanation { code: judgement.code, ..refused.advise(advice) };
    }
    let refused = refused.instead(
        "list its absolute path (`command -v NAME` on the host prints it) in process.children; it \
         then runs in the same boundary",
    );
    if code == "ENOENT" {
        return refused.or(missing);
    }
    refused.or(Explanation::new(
        Code::FilePermission,
        None,
        format!("{} has no mode that lets the service's user run it", shown(program)),
    )
    .instead("`chmod +x` it on the host; no grant helps"))
}
