//! `ringfence tls dev-ca`

use super::{is_shared, now, read};
use crate::error::{CommandError, Finish, Kind};
use crate::printer::{Printer, Style};
use ringfence_crypto::Secret;
use ringfence_crypto::tls::{Authority, AuthorityError, Certificate, Item, Purpose, items};
use ringfence_policy::display::untrusted;
use ringfence_project::whole;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A certificate with less left than this is issued again, in seconds.
const RENEW: i64 = 30 * 86_400;
/// The switch that this verb makes unnecessary.
const UNVERIFIED: &str = "NODE_TLS_REJECT_UNAUTHORIZED";

/// Make an authority and certificates for development, and run a command that trusts them
///
/// The authority lies in DIR and can issue for localhost, .test, loopback addresses and the names
/// of its first call, and for nothing else. What is there is kept; a certificate is issued again
/// when less than 30 days are left; nothing that was made elsewhere is overwritten. Not for production.
#[derive(Debug, clap::Args)]
pub(super) struct DevCa {
    /// Where authority, certificates and keys lie; it is made when it is missing
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    dir: PathBuf,
    /// Issue for clients of servers that ask for a certificate, not for servers
    #[arg(long)]
    client: bool,
    /// Names and addresses of one certificate
    #[arg(value_name = "NAME", default_value = "localhost")]
    names: Vec<String>,
    /// A command to run with the authority trusted: -- node server.mjs
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// The files of one call.
struct Files {
    folder: PathBuf,
    authority: PathBuf,
    authority_key: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl DevCa {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        if std::env::var_os(UNVERIFIED).is_some_and(|value| value == "0") {
            let message = format!("{UNVERIFIED}=0 is set: verification is switched off");
            return Err(CommandError::new(Kind::Usage, message)
                .hint(format!("unset {UNVERIFIED}; with this authority it is not needed")));
        }
        let files = self.files()?;
        // Services that are started together would make an authority each.
        let held = hold(&files.folder)?;
        let (authority, made) = self.authority(&files)?;
        let issued = self.certificate(&files, &authority)?;
        drop(held);
        if self.command.is_empty() {
            printer.text(&said(&files, made, issued, self.client, printer));
            return Ok(Finish::Clean);
        }
        run(&self.command, &files)
    }

    fn files(&self) -> Result<Files, CommandError> {
        let first = self.names.first().map(String::as_str).unwrap_or_default();
        let fit = |letter: char| letter.is_ascii_alphanumeric() || "-.*:".contains(letter);
        if first.is_empty() || first.starts_with('.') || !first.chars().all(fit) {
            let name = first.to_owned();
            return Err(refused(&AuthorityError::Name(name)));
        }
        make_folder(&self.dir).map_err(|error| {
            let message = format!("cannot make {}", self.dir.display());
            CommandError::new(Kind::Output, message).caused_by(&error)
        })?;
        let folder = self.dir.canonicalize().map_err(|error| {
            let message = format!("cannot enter {}", self.dir.display());
            CommandError::new(Kind::Source, message).caused_by(&error)
        })?;
        let stem = first.replace('*', "_wildcard").replace(':', "_");
        let stem = if self.client { format!("{stem}-client") } else { stem };
        Ok(Files {
            authority: folder.join("ca.pem"),
            authority_key: folder.join("ca.key"),
            certificate: folder.join(format!("{stem}.pem")),
            key: folder.join(format!("{stem}.key")),
            folder,
        })
    }

    /// The authority that is there, or a new one where nothing is; says whether it is new.
    fn authority(&self, files: &Files) -> Result<(Authority, bool), CommandError> {
        match (is_there(&files.authority), is_there(&files.authority_key)) {
            (true, true) => {
                let key = private(&files.authority_key)?;
                let pem = String::from_utf8_lossy(&read(&files.authority)?).into_owned();
                let authority = Authority::read(&pem, &key).map_err(|error| {
                    let message = format!("{} is not taken", files.authority.display());
                    CommandError::new(Kind::Source, message)
                        .caused_by(&error)
                        .hint("use another folder, or remove this one and trust the new authority")
                })?;
                Ok((authority, false))
            }
            (false, false) => {
                let authority = Authority::create(&self.names).map_err(|error| refused(&error))?;
                write(&files.authority_key, authority.key_pem().expose(), true)?;
                write(&files.authority, authority.certificate_pem().as_bytes(), false)?;
                // Keys in a repository are keys of everybody who reads it.
                let ignore = files.folder.join(".gitignore");
                if !is_there(&ignore) {
                    write(&ignore, b"*\n", false)?;
                }
                Ok((authority, true))
            }
            (there, _) => {
                let (is, not) = if there {
                    (&files.authority, &files.authority_key)
                } else {
                    (&files.authority_key, &files.authority)
                };
                let message = format!("{} is there without {}", is.display(), not.display());
                Err(CommandError::new(Kind::Source, message)
                    .hint("nothing is overwritten: use another folder, or remove it"))
            }
        }
    }

    /// Keeps the certificate that is there, or issues one; says whether it did.
    fn certificate(&self, files: &Files, authority: &Authority) -> Result<bool, CommandError> {
        match (is_there(&files.certificate), is_there(&files.key)) {
            (false, false) => {}
            (true, true) => {
                private(&files.key)?;
                if self.is_kept(files, authority)? {
                    return Ok(false);
                }
            }
            _ => return Err(foreign(&files.certificate, "its key or itself is missing")),
        }
        let purpose = if self.client { Purpose::Client } else { Purpose::Server };
        let issued = authority.issue(&self.names, purpose).map_err(|error| refused(&error))?;
        write(&files.key, issued.key_pem.expose(), true)?;
        write(&files.certificate, issued.certificate_pem.as_bytes(), false)?;
        Ok(true)
    }

    /// Whether the certificate that is there is good for longer; an error when it is not ours.
    fn is_kept(&self, files: &Files, authority: &Authority) -> Result<bool, CommandError> {
        let is = first_certificate(&read(&files.certificate)?);
        let is = is.ok_or_else(|| foreign(&files.certificate, "it is no certificate"))?;
        let issuer = first_certificate(authority.certificate_pem().as_bytes());
        if !issuer.is_some_and(|issuer| is.is_signed_by(&issuer)) {
            return Err(foreign(&files.certificate, "another authority issued it"));
        }
        let sorted = |names: &[String]| {
            let mut names = names.to_vec();
            names.sort();
            names.dedup();
            names
        };
        if sorted(&is.names) != sorted(&self.names) {
            let why = format!("it is for other names: {}", untrusted(&is.names.join(", ")));
            return Err(foreign(&files.certificate, &why));
        }
        Ok(is.not_after - now() >= RENEW)
    }
}

/// What was made and how Node is told.
fn said(files: &Files, made: bool, issued: bool, client: bool, printer: &Printer) -> String {
    let mut text = String::new();
    let state = |new: bool| if new { printer.paint(Style::Good, "new") } else { "kept".to_owned() };
    let shown = |path: &Path| untrusted(&path.display().to_string()).to_string();
    let _ = writeln!(text, "authority    {} ({})", shown(&files.authority), state(made));
    let _ = writeln!(text, "certificate  {} ({})", shown(&files.certificate), state(issued));
    let _ = writeln!(text, "key          {}", shown(&files.key));
    let ca = quoted_for_shell(&files.authority);
    let _ =
        write!(text, "\nNode trusts the authority with\n\n  export NODE_EXTRA_CA_CERTS={ca}\n\n");
    text.push_str(
        "which is read once, when Node starts, and adds to what it trusts anyway. Not with\n\
         NODE_TLS_REJECT_UNAUTHORIZED=0: that accepts every certificate of everybody, also in\n\
         production when it gets there. `ringfence tls dev-ca ... -- COMMAND` runs a command that\n\
         trusts the authority.\n",
    );
    if client {
        text.push_str("The certificate is for clients: give it and its key as `cert` and `key`.\n");
    }
    text
}

/// Becomes the command: signals and its exit code are its own.
#[cfg(unix)]
fn run(words: &[OsString], files: &Files) -> Result<Finish, CommandError> {
    use std::os::unix::process::CommandExt as _;
    let Some((program, arguments)) = words.split_first() else { return Ok(Finish::Clean) };
    #[expect(
        clippy::disallowed_methods,
        reason = "this process becomes it; nothing is left behind"
    )]
    let mut command = std::process::Command::new(program);
    let error = command.args(arguments).env("NODE_EXTRA_CA_CERTS", &files.authority).exec();
    Err(not_started(program, &error))
}

#[cfg(not(unix))]
fn run(words: &[OsString], files: &Files) -> Result<Finish, CommandError> {
    let Some((program, arguments)) = words.split_first() else { return Ok(Finish::Clean) };
    #[expect(clippy::disallowed_methods, reason = "it is waited for")]
    let mut command = std::process::Command::new(program);
    let status = command.args(arguments).env("NODE_EXTRA_CA_CERTS", &files.authority).status();
    let status = status.map_err(|error| not_started(program, &error))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(Finish::Program(code.unwrap_or(1)))
}

fn not_started(program: &OsString, error: &io::Error) -> CommandError {
    let message = format!("cannot start {}", program.display());
    CommandError::new(Kind::Source, message).caused_by(error)
}

/// A path as a shell reads it.
fn quoted_for_shell(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+".contains(letter);
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

/// Waits until nobody else makes anything in this folder.
fn hold(folder: &Path) -> Result<Option<fs::File>, CommandError> {
    // Elsewhere a folder is not opened.
    if cfg!(not(unix)) {
        return Ok(None);
    }
    let held = fs::File::open(folder).and_then(|folder| folder.lock().map(|()| folder));
    held.map(Some).map_err(|error| {
        let message = format!("cannot enter {}", folder.display());
        CommandError::new(Kind::Source, message).caused_by(&error)
    })
}

fn first_certificate(pem: &[u8]) -> Option<Certificate> {
    items(pem).ok()?.into_iter().find_map(|item| match item {
        Item::Certificate(certificate) => Some(*certificate),
        _ => None,
    })
}

fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// A key that its owner alone can read.
fn private(path: &Path) -> Result<Secret, CommandError> {
    if is_shared(path) {
        let message = format!("{} may be read by others", path.display());
        let hint = format!("chmod 600 {}, if nobody has read it", path.display());
        return Err(CommandError::new(Kind::Source, message).hint(hint));
    }
    Ok(Secret::new(read(path)?))
}

fn write(path: &Path, bytes: &[u8], private: bool) -> Result<(), CommandError> {
    let mode = if private { whole::PRIVATE } else { 0o644 };
    whole::write(path, bytes, Some(mode)).map_err(|error| {
        CommandError::new(Kind::Output, format!("cannot write {}", path.display()))
            .caused_by(&error)
    })
}

fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn foreign(path: &Path, why: &str) -> CommandError {
    CommandError::new(Kind::Source, format!("{} is not overwritten: {why}", path.display()))
        .hint("use another folder or another first name, or remove the file and its key")
}

fn refused(error: &AuthorityError) -> CommandError {
    let wrong = CommandError::new(Kind::Usage, "no certificate is issued").caused_by(error);
    match error {
        AuthorityError::Forbidden(_) => wrong
            .hint("the names of an authority are fixed when it is made: use another folder for it"),
        _ => wrong,
    }
}
