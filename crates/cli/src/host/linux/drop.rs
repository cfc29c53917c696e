//! Taking a grant back from a running service.

use crate::error::{CommandError, Finish, Kind};
use crate::format::{self, Format};
use crate::printer::{Printer, Style};
use crate::verbs::Drop;
use ringfence_boundary::control::client::{AskError, Dropped, Refused, Supervisor};
use ringfence_policy::display::untrusted;
use serde_json::json;
use std::fmt::Write as _;

/// Asks the supervisor and says what went.
pub(crate) fn drop_grant(verb: &Drop, printer: &mut Printer) -> Result<Finish, CommandError> {
    let scope = verb.scope()?;
    let supervisor = Supervisor::find(verb.pid).map_err(|error| unanswered(&error))?;
    let answer = supervisor.drop_grant(scope.id(), verb.reference().as_deref());
    match answer.map_err(|error| unanswered(&error))? {
        Ok((dropped, milliseconds)) => {
            match verb.format.format {
                Format::Human => printer.text(&told(&dropped, milliseconds)),
                Format::Json => format::json(&whole(&dropped, milliseconds), printer)?,
            }
            Ok(Finish::Clean)
        }
        Err(refused) => not_done(&refused, verb.format.format, printer),
    }
}

fn told(dropped: &Dropped, milliseconds: f64) -> String {
    let mut text = String::new();
    for grant in &dropped.grants {
        let _ = writeln!(text, "dropped     {}", untrusted(grant));
    }
    let parts = dropped.words().unwrap_or_else(|| "nothing was open".to_owned());
    let _ = writeln!(text, "taken away  {parts}, in {milliseconds:.1} ms");
    text
}

fn whole(dropped: &Dropped, milliseconds: f64) -> serde_json::Value {
    json!({
        "v": 1,
        "dropped": {
            "grants": dropped.grants,
            "sockets": dropped.sockets,
            "listeners": dropped.listeners,
            "flows": dropped.flows,
            "unix": dropped.unix,
            "files": dropped.files,
            "secrets": dropped.secrets,
        },
        "milliseconds": milliseconds,
    })
}

/// What survived, or that nothing matched, is a result; everything else is an error.
fn not_done(
    refused: &Refused,
    format: Format,
    printer: &mut Printer,
) -> Result<Finish, CommandError> {
    let kind = match refused.code.as_str() {
        "drop-incomplete" | "nothing-dropped" => {
            match format {
                Format::Json => {
                    let error = json!({
                        "code": refused.code, "message": refused.message, "hint": refused.hint,
                    });
                    format::json(&json!({"v": 1, "error": error}), printer)?;
                }
                Format::Human => {
                    let what = if refused.code == "drop-incomplete" {
                        "not everything could be taken away:"
                    } else {
                        "nothing was dropped:"
                    };
                    let label = printer.paint_error(Style::Bad, what);
                    let hint = printer.paint_error(Style::Note, "hint:");
                    let mut text = format!("{label} {}\n", untrusted(&refused.message));
                    if let Some(way) = &refused.hint {
                        let _ = writeln!(text, "{hint} {}", untrusted(way));
                    }
                    printer.error(&text);
                }
            }
            return Ok(Finish::Findings);
        }
        "unknown-scope" | "bad-reference" | "bad-request" => Kind::Usage,
        _ => Kind::Host,
    };
    let error = CommandError::new(kind, refused.message.clone());
    Err(match &refused.hint {
        Some(hint) => error.hint(hint.clone()),
        None => error,
    })
}

fn unanswered(error: &AskError) -> CommandError {
    let failed = CommandError::new(Kind::Host, error.to_string());
    match error {
        AskError::NoProcess(_) => failed.hint("`pgrep -f 'ringfence run'` lists services"),
        AskError::NotAService(_) => failed.hint(
            "name the process of `ringfence run`; one in a container is asked from inside of it",
        ),
        AskError::Squatted(_) => failed.hint(
            "a service started now would have no address either: find who listens with `ss -xlp`",
        ),
        AskError::Busy(_) | AskError::Silent(_) => failed.hint("try again"),
        AskError::Closed(_) => {
            failed.hint("when the service has ended, nothing of the grant is left")
        }
        AskError::System(..) | AskError::Unreadable(_) => failed,
    }
}
