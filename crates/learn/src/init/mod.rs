//! A first boundary file from the project alone.
//!
//! `source` reads what a project's files say, each value with its place; `decide` makes grants of it,
//! guesses what nothing says, and marks every guess; `page` is the file in the making. Nothing of the
//! project is run, nothing is fetched, and the same folder gives the same file. What a run really
//! needs only a run can tell: this is where `learn` starts from, not what it ends with.

mod code;
mod decide;
mod facts;
mod page;
mod source;

use std::path::PathBuf;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The project's folder.
    pub folder: PathBuf,
    /// Files to read besides those that are found, relative to the folder or absolute.
    pub from: Vec<String>,
    /// How the program is started, as one line of shell.
    pub command: Option<String>,
}

/// A first file.
#[derive(Debug, Clone)]
pub struct Drafted {
    page: page::Page,
    /// Files that were read, in order.
    pub read: Vec<String>,
    /// What a command with Node's permission flags really granted, a sentence each.
    pub granted: Vec<String>,
    /// What a person should know: files that could not be read, conflicts, things left to them.
    pub notes: Vec<String>,
}

/// Why there is no draft.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Nothing says what the service is.
    #[error("nothing in {} says what the service is", .0.display())]
    Nothing(PathBuf),
    /// Nothing says how it is started.
    #[error("nothing in {} says how the service is started", .0.display())]
    NoStart(PathBuf, Vec<String>),
    /// Not a folder that can be read.
    #[error("cannot read the folder {}", .0.display())]
    Folder(PathBuf, #[source] std::io::Error),
    /// A fault of this code: its own draft is not a boundary file.
    #[error("the draft is not a boundary file: {0}")]
    Draft(String),
}

/// Drafts a boundary file.
///
/// # Errors
/// There is nothing to draft it from. Files that cannot be read are no errors but notes.
pub fn init(request: &Request) -> Result<Drafted, InitError> {
    let folder = &request.folder;
    std::fs::read_dir(folder).map_err(|error| InitError::Folder(folder.clone(), error))?;
    let mut facts = source::read(folder, &request.from, request.command.as_deref());
    if facts.package.is_none() && facts.starts.is_empty() && facts.names.is_empty() {
        return Err(InitError::Nothing(folder.clone()));
    }
    source::take_permissions(&mut facts);
    let page = decide::decide(folder, &mut facts)?;
    let granted = facts.permissions.iter().flat_map(|command| {
        let origin = &command.origin;
        let told = command.value.reality().into_iter();
        told.map(move |one| format!("{origin}: {one}"))
    });
    let drafted = Drafted {
        page,
        granted: granted.collect(),
        read: std::mem::take(&mut facts.read),
        notes: std::mem::take(&mut facts.notes),
    };
    match ringfence_policy::parse("ringfence.toml", &drafted.to_check()) {
        Ok(_) => Ok(drafted),
        Err(mistakes) => {
            let first = mistakes.first().map(ToString::to_string).unwrap_or_default();
            Err(InitError::Draft(first))
        }
    }
}

impl Drafted {
    /// The file.
    #[must_use]
    pub fn text(&self) -> String {
        self.page.text()
    }

    /// Makes a comment of the line (counted from 1) that does not fit this host, with the reason.
    /// False when the service cannot do without it, or it is a comment already.
    pub fn leave_out(&mut self, line: usize, why: &str) -> bool {
        self.page.leave_out(line, why)
    }

    /// Whether the command had a secret in it, so that a person must write `service.start`: the file
    /// is none that could be run before that.
    #[must_use]
    pub fn lacks_start(&self) -> bool {
        self.page.lacks_start()
    }

    /// The same, with the program alone as `service.start` where the draft lacks one: so the other
    /// lines can be checked. It has as many lines.
    #[must_use]
    pub fn to_check(&self) -> String {
        self.page.to_check()
    }

    /// How many lines are guesses.
    #[must_use]
    pub fn guesses(&self) -> usize {
        self.page.guesses()
    }

    /// What became a comment, with the reason.
    #[must_use]
    pub fn left_out(&self) -> Vec<(String, String)> {
        self.page.left_out()
    }
}

#[cfg(test)]
mod tests;
