//! The command line as a whole: options every verb has, and what is said about a wrong one.
//!
//! clap parses; what it has to say leaves through the printer like everything else, with the
//! wording and the hints of the other errors.

use crate::error::{CommandError, Kind};
use crate::printer::ColorChoice;
use crate::verbs::{self, Verb};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ColorChoice as ClapColor, CommandFactory as _, FromArgMatches as _, Parser};
use std::ffi::OsString;

/// Draws the boundary a Node.js service may act in, enforces it with the kernel, and proves it
#[derive(Debug, Parser)]
#[command(
    name = "ringfence",
    bin_name = "ringfence",
    version,
    max_term_width = 80,
    disable_help_subcommand = true
)]
#[command(subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
#[command(after_help = "`ringfence VERB --help` says more about a verb.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,

    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
}

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// Help or the version.
    Text(String),
    /// A verb.
    Verb {
        /// The verb with its options.
        verb: Box<Verb>,
        /// `--color`.
        color: ColorChoice,
    },
}

/// Parses the command line.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Parsed, CommandError> {
    let parsed = command()
        .try_get_matches_from(arguments)
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    match parsed {
        Ok(arguments) => {
            Ok(Parsed::Verb { verb: Box::new(arguments.verb), color: arguments.color })
        }
        Err(error) => explain(&error, verbs::named(arguments), &words(arguments)),
    }
}

/// The command with everything clap needs, for parsing and for completions.
pub(crate) fn command() -> clap::Command {
    Arguments::command().color(ClapColor::Never)
}

/// The verb and the commands below it that a command line names, as one would type them.
fn words(arguments: &[OsString]) -> String {
    let mut at = command();
    let mut words = Vec::new();
    for word in arguments.iter().skip(1).filter_map(|argument| argument.to_str()) {
        if let Some(below) = at.find_subcommand(word).cloned() {
            words.push(word);
            at = below;
        }
    }
    words.join(" ")
}

/// Help and version are answers; everything else is a usage error in our own wording. `words` are
/// the verb and the commands below it.
fn explain(error: &clap::Error, verb: Option<&str>, words: &str) -> Result<Parsed, CommandError> {
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => return Ok(Parsed::Text(text)),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand
            if !words.is_empty() =>
        {
            return Err(CommandError::new(Kind::Usage, format!("no command given for `{words}`"))
                .hint(format!("`ringfence {words} --help` lists them")));
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            return Err(CommandError::new(Kind::Usage, "no verb given")
                .hint("`ringfence --help` lists the verbs"));
        }
        _ => {}
    }
    let mut wrong = CommandError::new(Kind::Usage, first_paragraph(&text));
    for kind in [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand] {
        let name = match error.get(kind) {
            Some(ContextValue::String(name)) => Some(name),
            // The nearest one comes last.
            Some(ContextValue::Strings(names)) => names.last(),
            _ => None,
        };
        if let Some(name) = name {
            wrong = wrong.hint(format!("did you mean `{name}`?"));
        }
    }
    if let (Some("run"), Some(ContextValue::String(word))) =
        (verb, error.get(ContextKind::InvalidArg))
        && !word.starts_with('-')
    {
        wrong = wrong.hint(format!("put `--` before the command: `ringfence run -- {word} ...`"));
    }
    if let (ErrorKind::ValueValidation, Some(ContextValue::String(option))) =
        (error.kind(), error.get(ContextKind::InvalidArg))
        && option.starts_with("--pid")
    {
        wrong =
            wrong.hint("`pgrep -f 'ringfence run'` lists services; any of their processes will do");
    }
    let known = |verb: &&str| command().find_subcommand(verb).is_some();
    Err(match verb.filter(known) {
        Some(_) => wrong.hint(format!("`ringfence {words} --help` lists its options")),
        None => wrong.hint("`ringfence --help` lists the verbs"),
    })
}

/// clap's message without its label, on one line.
fn first_paragraph(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let lines = text.lines().take_while(|line| !line.trim().is_empty());
    let line = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    let line = line.replace("unrecognized subcommand", "unknown verb").replace('\'', "`");
    line.trim_end_matches(" found").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }
}
