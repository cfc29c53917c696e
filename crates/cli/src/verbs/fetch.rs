//! `ringfence fetch`

use crate::error::{CommandError, Finish, Kind};
use crate::format::{self, Format, FormatOption};
use crate::printer::{Printer, Style};
use ringfence_guard::fetch::{Client, FetchError, Limits, Request, Response, Trust};
use ringfence_guard::temp::Draft;
use ringfence_guard::url::{Allowed, Range, UrlError, Verdict, judge};
use ringfence_policy::display::untrusted;
use ringfence_project::whole;
use serde::Serialize;
use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Most bytes of a body that is sent, of a file with headers or certificates.
const LONGEST: u64 = 32 << 20;

/// Fetch a URL and reach nothing that was not allowed
///
/// The URL is read once, its name resolved once, and every address judged: private ones need
/// --allow-private, those of metadata services are never reached. Each redirect is judged like the first
/// URL. The body comes out whole or not at all. Exits 0 for a 2xx answer, 1 when something was refused
/// or the answer has another status, and 2 when there is no answer.
#[derive(Debug, clap::Args)]
pub(crate) struct Fetch {
    /// The URL
    #[arg(value_name = "URL")]
    url: String,
    /// What may be reached, port 443 without one; `http://HOST[:PORT]` for what has no TLS
    #[arg(long, value_name = "HOST[:PORT]", required = true, value_parser = Reach::parse)]
    allow: Vec<Reach>,
    /// Private addresses that names may resolve to, such as 10.0.0.0/8
    #[arg(long, value_name = "RANGE")]
    allow_private: Vec<Range>,
    /// GET, HEAD, OPTIONS, POST, PUT, PATCH or DELETE
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    /// A header, `Name: value`; @FILE for lines of them, which no other process reads
    #[arg(long, value_name = "HEADER")]
    header: Vec<String>,
    /// The body, from this file; - for standard input. Without --method, it is sent with POST
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    data: Option<PathBuf>,
    /// Bytes of the body of the answer
    #[arg(long, value_name = "SIZE", default_value = "10MiB", value_parser = ringfence_policy::size)]
    max_bytes: u64,
    /// Time for everything together
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "30s",
        value_parser = ringfence_policy::duration
    )]
    timeout: Duration,
    /// Redirects that are followed
    #[arg(long, value_name = "N", default_value = "5")]
    max_redirects: u32,
    /// Where the body is written, in one step, when the answer is a 2xx one
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// The authorities that are believed instead of the system's, as PEM
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    ca: Option<PathBuf>,
    #[command(flatten)]
    format: FormatOption,
}

/// One `--allow`.
#[derive(Debug, Clone)]
struct Reach {
    host: String,
    port: u16,
    tls: bool,
}

impl Reach {
    fn parse(text: &str) -> Result<Self, String> {
        let (tls, rest) = match text.split_once("://") {
            None => (true, text),
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            Some(_) => return Err("only https:// and http:// are known".to_owned()),
        };
        let numbered = rest.rsplit_once(':').filter(|(host, _)| {
            // The colons of an IPv6 address are inside its brackets.
            !host.starts_with('[') || host.ends_with(']')
        });
        let (host, port) = match numbered {
            Some((host, port)) => (host, port.parse().map_err(|_| "the port is no number")?),
            None => (rest, if tls { 443 } else { 80 }),
        };
        let wrong = |_| "not a host, such as api.example.com:8443 or [::1]".to_owned();
        let checked = Allowed::nothing().host(host, port);
        checked.map_err(wrong).map(|_| Self { host: host.to_owned(), port, tls })
    }
}

/// The JSON form.
#[derive(Serialize)]
struct Output<'a> {
    schema: u32,
    /// `answered`, `failed` (another status than 2xx) or `refused`.
    verdict: &'a str,
    /// Where the answer came from, after all redirects.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Answered>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Told>,
}

/// What came back.
#[derive(Serialize)]
struct Answered {
    status: u16,
    redirects: u32,
    addresses: Vec<String>,
    headers: Vec<(String, String)>,
    bytes: u64,
    /// When it is text and was not written to a file.
    body: Option<String>,
    output: Option<String>,
}

/// Why it was refused.
#[derive(Serialize)]
struct Told {
    code: &'static str,
    reason: String,
    redirects: u32,
    host: Option<String>,
}

impl Fetch {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let (client, request) = (self.client()?, self.request()?);
        let answer = match client.fetch(request) {
            Ok(answer) => self.take(answer)?,
            Err(error) => Err(error),
        };
        match answer {
            Ok((answer, body)) => self.answered(&answer, body, printer),
            Err(error @ FetchError::Method) => Err(no_request(&error)),
            Err(error) if error.is_refusal() => self.refused(&error, printer),
            Err(error) => Err(failed(&error)),
        }
    }

    fn client(&self) -> Result<Client, CommandError> {
        let usage = |error: UrlError| {
            CommandError::new(Kind::Usage, "--allow names no host").caused_by(&error)
        };
        let mut allowed = Allowed::nothing();
        for reach in &self.allow {
            let (host, port) = (reach.host.as_str(), reach.port);
            let added =
                if reach.tls { allowed.host(host, port) } else { allowed.plain_host(host, port) };
            allowed = added.map_err(usage)?;
        }
        allowed = self.allow_private.iter().fold(allowed, |allowed, range| allowed.range(*range));
        let trust = match &self.ca {
            None => Trust::System,
            Some(path) => Trust::Only(read(path)?),
        };
        let limits = Limits {
            time: self.timeout,
            body: self.max_bytes,
            redirects: self.max_redirects,
            ..Limits::default()
        };
        Client::new(allowed, &trust, limits).map_err(|error| {
            CommandError::new(Kind::Source, "no certificate can be believed").caused_by(&error)
        })
    }

    fn request(&self) -> Result<Request, CommandError> {
        let usage = |error: FetchError| no_request(&error);
        let method = self.method.as_deref();
        let method = method.unwrap_or(if self.data.is_some() { "POST" } else { "GET" });
        let mut request = Request::get(self.url.as_str()).with_method(method).map_err(usage)?;
        for header in &self.header {
            let text;
            let lines: Vec<&str> = match header.strip_prefix('@') {
                // One argument is one header: a line break in it is refused, not a second header.
                None => vec![header],
                Some(path) => {
                    text = String::from_utf8(read(Path::new(path))?).map_err(|_| {
                        CommandError::new(Kind::Source, format!("{path} is not UTF-8"))
                    })?;
                    text.lines().filter(|line| !line.is_empty()).collect()
                }
            };
            for line in lines {
                // Such a line may be a secret alone: it is neither sent nor repeated.
                let (name, value) = line.split_once(':').ok_or_else(|| {
                    CommandError::new(Kind::Usage, "a header has no colon")
                        .hint("a header is `Name: value`, in a file one on each line")
                })?;
                request = request.with_header(name, value.trim()).map_err(usage)?;
            }
        }
        match &self.data {
            None => Ok(request),
            Some(path) => Ok(request.with_body(read(path)?)),
        }
    }

    /// All of the body, in memory or beside the file that it shall become.
    fn take(
        &self,
        mut answer: Response,
    ) -> Result<Result<(Response, Taken), FetchError>, CommandError> {
        let Some(path) = self.output.as_ref().filter(|_| answer.is_success()) else {
            let mut bytes = Vec::new();
            let copied = answer.copy_to(&mut bytes);
            return Ok(copied.map(|_| (answer, Taken::Here(bytes))));
        };
        let cannot = |error: &dyn std::error::Error| {
            CommandError::new(Kind::Output, format!("cannot write {}", path.display()))
                .caused_by(error)
                .hint("what was there before is still there")
        };
        // Where a link leads is replaced, and never a device or a pipe.
        let (folder, target) = whole::place(path).map_err(|error| cannot(&error))?;
        let name = target
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or_else(|| CommandError::new(Kind::Usage, "--output names no file"))?;
        let draft = Draft::new_in(folder).map_err(|error| cannot(&error))?;
        let written = match answer.copy_to(&mut draft.file()) {
            Err(error) => return Ok(Err(error)),
            Ok(written) => written.map_err(|error| cannot(&error))?,
        };
        draft.replace(name).map_err(|error| cannot(&error))?;
        Ok(Ok((answer, Taken::Written(written))))
    }

    fn answered(
        &self,
        answer: &Response,
        body: Taken,
        printer: &mut Printer,
    ) -> Result<Finish, CommandError> {
        let finish = if answer.is_success() { Finish::Clean } else { Finish::Findings };
        match (self.format.format, body) {
            (Format::Json, body) => format::json(&self.told(answer, body), printer)?,
            (Format::Human, Taken::Here(bytes)) if answer.is_success() => say(&bytes, printer),
            (Format::Human, Taken::Written(_)) => {}
            (Format::Human, Taken::Here(_)) => {
                let label = printer.paint_error(Style::Bad, "failed:");
                let status = answer.status();
                printer.error(&format!("{label} the answer has status {status}\n"));
            }
        }
        Ok(finish)
    }

    fn told(&self, answer: &Response, body: Taken) -> Output<'_> {
        let (bytes, body) = match body {
            Taken::Written(bytes) => (bytes, None),
            Taken::Here(body) => {
                (u64::try_from(body.len()).unwrap_or(u64::MAX), String::from_utf8(body).ok())
            }
        };
        let headers = answer
            .headers()
            .map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into_owned()));
        Output {
            schema: 1,
            verdict: if answer.is_success() { "answered" } else { "failed" },
            url: Some(answer.url().to_string()),
            answer: Some(Answered {
                status: answer.status(),
                redirects: answer.redirects(),
                addresses: answer.addresses().iter().map(ToString::to_string).collect(),
                headers: headers.collect(),
                bytes,
                body,
                output: self
                    .output
                    .as_ref()
                    .filter(|_| answer.is_success())
                    .map(|path| path.display().to_string()),
            }),
            refusal: None,
        }
    }

    fn refused(&self, error: &FetchError, printer: &mut Printer) -> Result<Finish, CommandError> {
        let (redirects, host) = match error {
            FetchError::Refused { redirects, host, .. } => (*redirects, host.clone()),
            FetchError::Downgrade(n) | FetchError::BodyElsewhere(n) | FetchError::Location(n) => {
                (*n, None)
            }
            _ => (0, None),
        };
        if self.format.format == Format::Json {
            let reason = error.to_string();
            let told = Told { code: error.code(), reason, redirects, host };
            let output = Output {
                schema: 1,
                verdict: "refused",
                url: None,
                answer: None,
                refusal: Some(told),
            };
            format::json(&output, printer)?;
            return Ok(Finish::Findings);
        }
        let label = printer.paint_error(Style::Bad, "refused:");
        let text = error.to_string();
        printer.error(&format!("{label} {}\n", untrusted(&text)));
        if let Some(hint) = hint(error, host.as_deref()) {
            let label = printer.paint_error(Style::Note, "hint:");
            printer.error(&format!("{label} {}\n", untrusted(&hint)));
        }
        Ok(Finish::Findings)
    }
}

/// Where the body is.
enum Taken {
    /// In memory.
    Here(Vec<u8>),
    /// In the file that was asked for, so many bytes.
    Written(u64),
}

/// Bytes as they came; on a terminal, nothing in them may steer it.
fn say(bytes: &[u8], printer: &mut Printer) {
    if !std::io::stdout().is_terminal() {
        printer.bytes(bytes);
        return;
    }
    for line in String::from_utf8_lossy(bytes).lines() {
        printer.text(&format!("{}\n", untrusted(line)));
    }
}

const NEVER: &str = "no option allows this address: no service should call it";

/// Whether this host, perhaps with its port, is an address that is never reached.
fn never(host: &str) -> bool {
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    let address = bare.and_then(|bare| bare.parse().ok());
    address.is_some_and(|address| matches!(judge(address), Verdict::Never(_)))
}

/// The option that lets it through, where there is one.
fn hint(error: &FetchError, host: Option<&str>) -> Option<String> {
    let meant = "if it is meant to be reached";
    let text = match error {
        FetchError::Refused { why, .. } => match why {
            UrlError::Host if host.is_some_and(never) => NEVER.to_owned(),
            UrlError::Host => format!("{meant}: --allow {}", host.unwrap_or("HOST")),
            UrlError::Scheme { scheme, .. } if scheme == "http" => {
                format!("{meant} without TLS: --allow http://{}", host.unwrap_or("HOST"))
            }
            UrlError::Address(
                "loopback" | "private" | "carrier-grade NAT" | "link-local" | "site-local"
                | "unique local",
            ) => {
                format!("{meant}: --allow-private RANGE, which holds for every allowed host")
            }
            UrlError::Address(_) => NEVER.to_owned(),
            UrlError::Credentials => "send them in a header: --header @FILE".to_owned(),
            UrlError::Malformed => "a whole URL is needed, such as https://HOST/PATH".to_owned(),
            _ => return None,
        },
        FetchError::TooLong(_) => "if so much is expected: --max-bytes SIZE".to_owned(),
        FetchError::TooManyRedirects(_) => "if it needs more: --max-redirects N".to_owned(),
        FetchError::BodyElsewhere(_) => "name the place it redirects to as the URL".to_owned(),
        _ => return None,
    };
    Some(text)
}

/// What was asked for cannot be sent, wherever it goes.
fn no_request(error: &FetchError) -> CommandError {
    CommandError::new(Kind::Usage, "there is no such request").caused_by(error)
}

fn failed(error: &FetchError) -> CommandError {
    let told = CommandError::new(Kind::Source, "there is no answer").caused_by(error);
    match error {
        FetchError::Timeout => told.hint("if it takes longer: --timeout DURATION"),
        FetchError::Tls(_) => told.hint("for a private authority: --ca FILE"),
        FetchError::Resolve(_) => {
            told.hint("look whether the name is right and the resolver answers")
        }
        _ => told,
    }
}

/// A file, or standard input.
fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    let mut bytes = Vec::new();
    let done = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes))
    };
    done.map_err(|error| {
        CommandError::new(Kind::Source, format!("cannot read {}", path.display())).caused_by(&error)
    })?;
    if bytes.len() as u64 > LONGEST {
        let message = format!("{} is longer than {LONGEST} bytes", path.display());
        return Err(CommandError::new(Kind::Source, message));
    }
    Ok(bytes)
}
