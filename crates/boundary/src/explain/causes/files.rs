//! Files the kernel refuses or does not show, and those that are simply not there.
//!
//! A file without a grant does not exist inside (ENOENT); one that is granted for reading only
//! answers EROFS, or EACCES from Landlock. The same codes have plain reasons, so boundary and host
//! are asked which it was.

use super::super::access::{Access, Outcome};
use super::super::code::Code;
use super::super::context::{Context, Look};
use super::super::dropped;
use super::super::paths;
use super::super::report::{Explanation, shown};
use super::super::symptom::Symptom;
use ringfence_policy::layer::Layer;

/// Calls that change something.
const WRITING: [&str; 17] = [
    "chmod",
    "chown",
    "copyfile",
    "ftruncate",
    "futime",
    "lchown",
    "link",
    "lutime",
    "mkdir",
    "mkdtemp",
    "mkstemp",
    "rename",
    "rmdir",
    "symlink",
    "truncate",
    "unlink",
    "utime",
];

/// Calls that only look.
const READING: [&str; 9] =
    ["access", "lstat", "opendir", "readlink", "realpath", "scandir", "stat", "statfs", "watch"];

pub(super) fn of(symptom: &Symptom, context: &Context<'_>) -> Option<Explanation> {
    if symptom.code == "ERR_SQLITE_ERROR" {
        return sqlite(symptom, context);
    }
    let code = file_code(symptom)?;
    let Some(path) = written(symptom) else { return pathless(code) };
    let Some(absolute) = context.absolute(&path) else {
        let missing = code == "ENOENT";
        let code = if missing { Code::FileMissing } else { Code::FilePermission };
        return Some(relative(&path, code, None));
    };
    let place = Place { symptom, path: paths::join("/", &absolute), context };
    Some(match code {
        "EROFS" => place.read_only(),
        "ENOENT" => place.missing(path.starts_with('/')),
        "EACCES" | "EPERM" => place.forbidden(),
        "EXDEV" => place.other_disk(),
        _ => return plain(code, &place.path),
    })
}

/// The code of an error about a file, in the message or in words.
fn file_code(symptom: &Symptom) -> Option<&'static str> {
    const CODES: [&str; 10] = [
        "EACCES",
        "EEXIST",
        "EISDIR",
        "ELOOP",
        "ENOENT",
        "ENOTDIR",
        "ENOTEMPTY",
        "EPERM",
        "EROFS",
        "EXDEV",
    ];
    if let Some(code) = CODES.into_iter().find(|code| *code == symptom.code) {
        return Some(code);
    }
    if !symptom.code.is_empty() {
        return None;
    }
    let lower = symptom.message.to_ascii_lowercase();
    [
        ("read-only file system", "EROFS"),
        ("no such file or directory", "ENOENT"),
        ("permission denied", "EACCES"),
    ]
    .into_iter()
    .find_map(|(words, code)| lower.contains(words).then_some(code))
}

/// The path of an error: Node's, or the first absolute one in a sentence.
fn written(symptom: &Symptom) -> Option<String> {
    if !symptom.path.is_empty() {
        return Some(symptom.path.clone());
    }
    // Programs name themselves first: `/bin/cat: /x: Permission denied`.
    let message = match symptom.message.split_once(": ") {
        Some((program, rest)) if !program.contains(' ') && rest.contains('/') => rest,
        _ => &symptom.message,
    };
    // Of the two paths of a call that has two, the first is named first.
    let words = message.split(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`'));
    words
        .map(|word| word.trim_end_matches([':', ',', ';', '.', ')']).trim_start_matches('('))
        .find(|word| word.starts_with('/') && word.len() > 1)
        .map(str::to_owned)
}

struct Place<'a> {
    symptom: &'a Symptom,
    path: String,
    context: &'a Context<'a>,
}

impl Place<'_> {
    /// Whether the call wanted to change something; `None` where it can be either.
    fn writes(&self) -> Option<bool> {
        let call = self.symptom.call();
        if WRITING.contains(&call) {
            Some(true)
        } else if READING.contains(&call) {
            Some(false)
        } else {
            None
        }
    }

    /// The path that is written: the destination where there are two.
    fn target(&self) -> String {
        let dest = &self.symptom.dest;
        if dest.starts_with('/')
            && matches!(self.symptom.call(), "rename" | "copyfile" | "link" | "symlink")
        {
            let source = Access::Write(self.path.clone()).outcome(self.context);
            if matches!(source, Outcome::Already) || self.symptom.call() == "copyfile" {
                return dest.clone();
            }
        }
        self.path.clone()
    }

    fn read_only(&self) -> Explanation {
        let target = self.target();
        let explanation = Explanation::new(
            Code::FileReadOnly,
            Some(Layer::Namespaces),
            format!(
                "{} is not granted for writing: all that is granted to be read is mounted read-only",
                shown(&target)
            ),
        );
        match Access::Write(target).outcome(self.context) {
            Outcome::Already => Explanation::new(
                Code::FileReadOnly,
                None,
                format!("{} is granted, but the file system it is on is read-only on the host itself", shown(&self.path)),
            )
            .instead("mount it writable, or write elsewhere; if the grant is new, start the service anew")
            .likely(),
            Outcome::Missing(advice) => explanation.advise(advice),
            Outcome::Never(code, advice) => Explanation { code, ..explanation.advise(advice) },
            Outcome::Nothing(why) => explanation.instead(why),
        }
    }

    fn missing(&self, absolute: bool) -> Explanation {
        let write = self.writes() == Some(true);
        let target = if write { self.target() } else { self.path.clone() };
        let looked = self.context.host.look(&target);
        let mut missing =
            Explanation::new(Code::FileMissing, None, format!("{} does not exist", shown(&target)))
                .instead("make it, or correct the path in the service's settings; no grant helps");
        let project = self.context.setting.map(|setting| setting.folder);
        if project.is_some_and(|folder| !paths::is_in(&target, folder))
            && paths::is_private(&target)
        {
            let own = target.split('/').nth(1).unwrap_or_default();
            missing.cause = format!(
                "{} does not exist: inside a boundary /{own} is the service's own and empty at its \
                 start, the host's is not seen",
                shown(&target)
            );
        }
        if !write && paths::is_generated(&target) && !self.host_shows(paths::parent(&target)) {
            missing.cause = format!(
                "{} does not exist where this was written: inside a boundary every service has one \
                 that is made for it",
                shown(&target)
            );
            missing = missing
                .instead("start the service with `ringfence run`, which makes it; no grant helps");
        }
        if !absolute {
            missing = missing.manual(
                "The manual says log process.cwd() and use absolute paths; in a boundary the \
                 working directory is service.cwd, which counts from the file's folder.",
            );
        }
        let hidden = Explanation::new(
            Code::FileHidden,
            Some(Layer::Namespaces),
            format!("no grant shows {}: inside it does not exist", shown(&target)),
        );
        let access = if write { Access::Write(target) } else { Access::Read(target) };
        match (access.outcome(self.context), looked) {
            (Outcome::Already | Outcome::Nothing(_), _) => missing,
            (Outcome::Never(code, advice), _) => Explanation { code, ..hidden.advise(advice) },
            (Outcome::Missing(advice), Look::File | Look::Folder) => hidden.advise(advice),
            (Outcome::Missing(advice), Look::Missing) if write => hidden.advise(advice),
            (Outcome::Missing(_), Look::Missing) if self.writes() == Some(false) => missing,
            (Outcome::Missing(_), Look::Missing) => match self.to_make() {
                Some(making) => missing.or(making),
                None => missing,
            },
            (Outcome::Missing(advice), Look::Unknown) if self.context.setting.is_some() => {
                hidden.advise(advice).or(missing)
            }
            (Outcome::Missing(advice), Look::Unknown) => missing.or(hidden.advise(advice)),
        }
    }

    /// Whether the file grants reading this very folder of the host, or one around it.
    fn host_shows(&self, folder: &str) -> bool {
        self.context
            .setting
            .is_some_and(|setting| paths::covers(&setting.boundary.fs.read, setting.folder, folder))
    }

    /// A file that is not there and may have been meant to be made.
    fn to_make(&self) -> Option<Explanation> {
        let explanation = Explanation::new(
            Code::FileHidden,
            Some(Layer::Namespaces),
            format!("the service wanted to make {} where it may not write", shown(&self.path)),
        );
        match Access::Write(self.path.clone()).outcome(self.context) {
            Outcome::Missing(advice) => Some(explanation.advise(advice)),
            Outcome::Never(code, advice) => {
                Some(Explanation { code, ..explanation.advise(advice) })
            }
            Outcome::Already | Outcome::Nothing(_) => None,
        }
    }

    fn forbidden(&self) -> Explanation {
        let path = &self.path;
        let metadata = ["chmod", "chown", "lchown", "utime", "lutime", "futime"]
            .contains(&self.symptom.call());
        let user = self.owned();
        if let Some(what) = dropped::droppable(self.context, path) {
            let taken = Explanation::new(
                Code::DroppedAtRuntime,
                Some(Layer::Namespaces),
                format!(
                    "{what} was taken back while the service ran: it can be dropped, and opening it then fails so"
                ),
            );
            return dropped::told(taken).or(user);
        }
        let reading = Access::Read(path.clone()).outcome(self.context);
        let target = self.target();
        let writing = Access::Write(target.clone()).outcome(self.context);
        let read_only = Explanation::new(
            Code::FileReadOnly,
            Some(Layer::Landlock),
            format!("{} is not granted for writing", shown(&target)),
        );
        match (reading, writing) {
            (_, Outcome::Already) => user,
            (Outcome::Already, _) if self.writes() == Some(false) => user,
            (Outcome::Already, Outcome::Missing(advice))
                if metadata || self.writes() == Some(true) =>
            {
                read_only.advise(advice)
            }
            (Outcome::Already, Outcome::Never(code, advice))
                if metadata || self.writes() == Some(true) =>
            {
                Explanation { code, ..read_only.advise(advice) }
            }
            // Inside, a write without a grant is answered EROFS.
            (Outcome::Already, Outcome::Missing(_) | Outcome::Never(..)) => user,
            (_, Outcome::Missing(advice)) if self.writes() == Some(true) => {
                self.either(read_only.advise(advice), user)
            }
            (_, Outcome::Never(code, advice)) if self.writes() == Some(true) => {
                Explanation { code, ..read_only.advise(advice) }
            }
            (Outcome::Missing(advice), _) => {
                let hidden = Explanation::new(
                    Code::FileHidden,
                    Some(Layer::Landlock),
                    format!("no grant covers {}", shown(path)),
                );
                self.either(hidden.advise(advice), user)
            }
            (Outcome::Never(code, advice), _) => Explanation { code, ..read_only.advise(advice) },
            _ => user,
        }
    }

    /// Owner and mode stand against it: those of the folder for a file that is to be made.
    fn owned(&self) -> Explanation {
        let host = self.context.host;
        let made = self.writes() != Some(false) && host.look(&self.path) == Look::Missing;
        let mut at = self.path.as_str();
        while made && at != "/" && host.look(at) == Look::Missing {
            at = paths::parent(at);
        }
        let told = |cause: String| Explanation::new(Code::FilePermission, None, cause);
        let (Some(owner), Some(user)) = (host.owner(at), host.user()) else {
            let cause =
                format!("owner and mode of {} do not let the service's user do this", shown(at));
            return told(cause).instead(
                "change them on the host (`chown`, `chmod`), or set identity.user; no grant helps",
            );
        };
        let kind = if host.look(at) == Look::Folder { "the folder" } else { "the file" };
        let named = if owner == 0 { "root".to_owned() } else { owner.to_string() };
        if owner == user {
            let cause = format!(
                "{kind} {} belongs to the service's user, {user}, and its mode does not let it do this",
                shown(at)
            );
            return told(cause)
                .instead(format!("chmod u+rwX {} on the host; no grant helps", shown(at)));
        }
        told(format!("{kind} {} belongs to {named}, the service runs as {user}", shown(at)))
            .instead(format!("chown {user} {} on the host, or set identity.user", shown(at)))
    }

    /// With a boundary the grant is likelier, without one the file's mode.
    fn either(&self, granted: Explanation, user: Explanation) -> Explanation {
        if self.context.setting.is_some() { granted.or(user) } else { user.or(granted) }
    }

    fn other_disk(&self) -> Explanation {
        Explanation::new(
            Code::FilePermission,
            Some(Layer::Namespaces),
            format!(
                "{} cannot be renamed to another file system: inside, every write grant and /tmp is \
                 one of its own",
                shown(&self.path)
            ),
        )
        .instead(
            "write the temporary file into the folder it is to end in, or copy and delete; no \
             grant helps",
        )
    }
}

/// A path that nothing makes absolute.
pub(super) fn relative(path: &str, code: Code, layer: Option<Layer>) -> Explanation {
    Explanation::new(
        code,
        layer,
        format!("{} counts from the working directory of the service, which the text does not tell", shown(path)),
    )
    .instead("use absolute paths, or explain it with the boundary file (--config), which says service.cwd")
    .manual(
        "The manual says log process.cwd() and use absolute paths; in a boundary the working \
         directory is service.cwd, which counts from the file's folder.",
    )
    .likely()
}

/// `node:sqlite` says no path; the source line often does.
fn sqlite(symptom: &Symptom, context: &Context<'_>) -> Option<Explanation> {
    let read_only = symptom.says("readonly");
    if !read_only && !symptom.says("unable to open database file") {
        return None;
    }
    let quoted = symptom.source.split(['\'', '"', '`']).find(|part| part.starts_with('/'));
    let explanation = Explanation::new(
        if read_only { Code::FileReadOnly } else { Code::FileHidden },
        Some(Layer::Namespaces),
        "SQLite could not open its database: it needs its folder for writing (Node's own \
         permissions do not know node:sqlite, the boundary does)",
    );
    let missing = Explanation::new(
        Code::FileMissing,
        None,
        "the folder of the database does not exist, or its owner does not let the service in",
    )
    .instead("make it, and give it to the service's user");
    let Some(path) = quoted else {
        return Some(
            explanation.instead("grant the folder of the database in fs.write").or(missing),
        );
    };
    match Access::Write(path.to_owned()).outcome(context) {
        Outcome::Already => Some(missing),
        _ => {
            Some(super::settled(explanation, &Access::Write(path.to_owned()), context).or(missing))
        }
    }
}

/// An error of a file that the text does not name.
fn pathless(code: &str) -> Option<Explanation> {
    match code {
        "EACCES" | "ENOENT" | "EPERM" | "EROFS" | "EXDEV" => None,
        code => plain(code, "a path that the text does not name"),
    }
}

/// Errors of files that are the program's own.
fn plain(code: &str, path: &str) -> Option<Explanation> {
    let (what, instead) = match code {
        "EEXIST" => ("is there already", "remove it, or open it without `wx` or with `recursive`"),
        "EISDIR" => ("is a folder where a file was meant", "correct the path"),
        "ENOTDIR" => ("has a file where a folder was meant", "correct the path"),
        "ENOTEMPTY" => {
            ("is a folder that is not empty", "remove what is in it, or use `recursive`")
        }
        "ELOOP" => ("leads in a circle of symbolic links", "mend the links"),
        _ => return None,
    };
    Some(
        Explanation::new(Code::ApplicationError, None, format!("{} {what}", shown(path)))
            .instead(format!("{instead}; no grant helps")),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::{Context, explain};

    fn code(text: &str) -> &'static str {
        explain(text, &Context::NOTHING).explanations.first().map_or("", |found| found.code.id())
    }

    #[test]
    fn plain_mistakes_are_the_programs_own() {
        assert_eq!(
            code("EISDIR: illegal operation on a directory, open '/srv/app'"),
            "application-error"
        );
        assert_eq!(code("EEXIST: file already exists, mkdir '/srv/app/x'"), "application-error");
    }

    #[test]
    fn sentences_of_other_programs_are_read() {
        assert_eq!(code("cat: /etc/orders.d/x: No such file or directory"), "file-missing");
        assert_eq!(code("touch: cannot touch '/srv/x/y': Read-only file system"), "file-read-only");
    }
}
