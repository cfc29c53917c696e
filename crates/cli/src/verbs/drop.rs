//! `ringfence drop`

use crate::error::{CommandError, Kind};
use crate::format::FormatOption;
use ringfence_policy::scope::Scope;

/// Take a grant back from a running service
///
/// New accesses are refused at once, for as long as the service runs. Connections, listeners and
/// flows that came of the grant are cut, droppable files become unreachable, secrets are emptied.
/// What the service has read already stays with it. Exits 0 when nothing survived, 1 when something
/// did or no grant matched, and 3 when nobody answers or it cannot be taken back.
#[derive(Debug, clap::Args)]
pub(crate) struct Drop {
    /// `ringfence run`, or any process of its service
    #[arg(long, value_name = "PID", value_parser = super::process_id)]
    pub(crate) pid: u32,
    /// What kind of grant, such as net, net.listen, fs.read, secret or child
    #[arg(value_name = "SCOPE")]
    scope: String,
    /// Which one: host:port, a path, a name; without it, all of the scope
    #[arg(value_name = "REFERENCE")]
    reference: Option<String>,
    #[command(flatten)]
    pub(crate) format: FormatOption,
}

impl Drop {
    /// The scope; a misspelt one is a mistake of the command line.
    pub(crate) fn scope(&self) -> Result<Scope, CommandError> {
        Scope::from_id(&self.scope).ok_or_else(|| {
            let message = format!("there is no scope `{}`", self.scope);
            let wrong = CommandError::new(Kind::Usage, message);
            match Scope::closest(&self.scope) {
                Some(meant) => wrong.hint(format!("did you mean `{meant}`?")),
                None => wrong.hint(format!("scopes are {}", Scope::ALL.map(Scope::id).join(", "))),
            }
        })
    }

    /// The reference; a relative path counts from this folder.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "services run on Linux"))]
    pub(crate) fn reference(&self) -> Option<String> {
        let text = self.reference.clone()?;
        let path = matches!(self.scope.as_str(), "fs" | "fs.read" | "fs.write" | "net.unix");
        if !path {
            return Some(text);
        }
        let absolute = std::path::absolute(&text);
        Some(absolute.map_or(text, |path| path.to_string_lossy().into_owned()))
    }
}
