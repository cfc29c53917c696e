//! One error as it was found in a text: its parts, as far as they were there.
//!
//! Every part is text that a service, a log or a person chose. Nothing here is trusted, and nothing
//! is shown without `policy::display`.

use std::net::IpAddr;

/// Longest part that is kept, in characters.
pub(crate) const LONGEST: usize = 1024;

/// One error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Symptom {
    /// Class, such as `TypeError`; empty where the text has none.
    pub(crate) kind: String,
    /// `code`, or the word in the message that is one.
    pub(crate) code: String,
    /// The message without class and code.
    pub(crate) message: String,
    /// Node's `permission`.
    pub(crate) permission: String,
    /// Node's `resource`.
    pub(crate) resource: String,
    /// The call that failed, such as `open`, `connect` or `spawn git`.
    pub(crate) syscall: String,
    /// `path`
    pub(crate) path: String,
    /// `dest` of a call with two paths.
    pub(crate) dest: String,
    /// `address`
    pub(crate) address: String,
    /// `port`
    pub(crate) port: Option<u16>,
    /// `hostname` of a lookup.
    pub(crate) hostname: String,
    /// The grant that the preload names.
    pub(crate) missing: String,
    /// The `hint:` line below a message of ringfence.
    pub(crate) hint: String,
    /// The source line that threw, where Node shows it.
    pub(crate) source: String,
    /// Where it came from: the first frames of the stack.
    pub(crate) frames: Vec<String>,
    /// Number of the error around this one, for a `.cause` or a member of an `AggregateError`.
    pub(crate) parent: Option<usize>,
    /// Line of the text, from 1.
    pub(crate) line: usize,
    /// The line as it was, cleaned.
    pub(crate) seen: String,
    /// The version of Node that the text names.
    pub(crate) node: Option<[u64; 3]>,
    /// Set while nothing says that this is an error at all: a line without an error class.
    pub(crate) bare: bool,
}

/// Parts that have a name in what Node prints and what loggers write.
pub(crate) const FIELDS: [&str; 11] = [
    "address",
    "code",
    "dest",
    "hostname",
    "host",
    "missingGrant",
    "path",
    "permission",
    "port",
    "resource",
    "syscall",
];

impl Symptom {
    /// Sets a named part; the first one counts, and one that says nothing is left out.
    pub(crate) fn set(&mut self, field: &str, value: &str) {
        if matches!(value, "undefined" | "null") {
            return;
        }
        if field == "port" {
            self.port = self.port.or_else(|| value.parse().ok());
            return;
        }
        let slot = match field {
            "address" => &mut self.address,
            "code" if is_code(value) => &mut self.code,
            "dest" => &mut self.dest,
            "host" | "hostname" => &mut self.hostname,
            "missingGrant" => &mut self.missing,
            "path" => &mut self.path,
            "permission" => &mut self.permission,
            "resource" => &mut self.resource,
            "syscall" => &mut self.syscall,
            _ => return,
        };
        if slot.is_empty() || field == "code" {
            // An abstract socket begins with a zero; tools write it as `@`.
            *slot = cut(&value.replace('\0', "@"));
        }
    }

    /// What makes it the same error as another: all but where it stands.
    pub(crate) fn identity(&self) -> String {
        let Self { kind, code, message, permission, resource, syscall, path, dest, .. } = self;
        let Self { address, port, hostname, missing, hint, source, frames, node, bare, .. } = self;
        format!(
            "{:?}",
            (
                (kind, code, message, permission, resource, syscall, path, dest),
                (address, port, hostname, missing, hint, source, frames, node, bare),
            )
        )
    }

    /// The address as one, without a zone.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        let text = self.address.split('%').next().unwrap_or_default();
        text.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// The first word of the call: `spawn` of `spawn git`.
    pub(crate) fn call(&self) -> &str {
        self.syscall.split(' ').next().unwrap_or_default()
    }

    /// Whether message, kind or code holds a text; case counts.
    pub(crate) fn says(&self, text: &str) -> bool {
        self.message.contains(text)
    }

    /// Whether any of these stands in the message.
    pub(crate) fn says_any(&self, texts: &[&str]) -> bool {
        texts.iter().any(|text| self.says(text))
    }

    /// Whether a frame of the stack holds one of these.
    pub(crate) fn comes_from(&self, texts: &[&str]) -> bool {
        self.frames.iter().any(|frame| texts.iter().any(|text| frame.contains(text)))
    }
}

/// `ERR_ACCESS_DENIED`, `ECONNREFUSED`, `EAI_AGAIN`, `MODULE_NOT_FOUND`, `28P01`.
pub(crate) fn is_code(text: &str) -> bool {
    (2..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// `ECONNREFUSED`, `EAI_AGAIN` or `ERR_...`: a word that is a code wherever it stands.
pub(crate) fn is_error_word(word: &str) -> bool {
    is_code(word) && word.len() > 3 && (word.starts_with("ERR_") || ERRNO.contains(&word))
}

/// The numbers of the kernel and of the resolver that Node names.
pub(crate) const ERRNO: [&str; 62] = [
    "E2BIG",
    "EACCES",
    "EADDRINUSE",
    "EADDRNOTAVAIL",
    "EAFNOSUPPORT",
    "EAGAIN",
    "EAI_AGAIN",
    "EAI_FAIL",
    "EAI_NODATA",
    "EAI_NONAME",
    "EALREADY",
    "EBADF",
    "EBUSY",
    "ECANCELED",
    "ECONNABORTED",
    "ECONNREFUSED",
    "ECONNRESET",
    "EDQUOT",
    "EEXIST",
    "EFAULT",
    "EFBIG",
    "EHOSTDOWN",
    "EHOSTUNREACH",
    "EINTR",
    "EINVAL",
    "EIO",
    "EISCONN",
    "EISDIR",
    "ELOOP",
    "EMFILE",
    "EMSGSIZE",
    "ENAMETOOLONG",
    "ENETDOWN",
    "ENETUNREACH",
    "ENFILE",
    "ENOBUFS",
    "ENODATA",
    "ENODEV",
    "ENOENT",
    "ENOEXEC",
    "ENOMEM",
    "ENOSPC",
    "ENOSYS",
    "ENOTCONN",
    "ENOTDIR",
    "ENOTEMPTY",
    "ENOTFOUND",
    "ENOTSUP",
    "EOPNOTSUPP",
    "EPERM",
    "EPIPE",
    "EPROTO",
    "EPROTONOSUPPORT",
    "EREFUSED",
    "EROFS",
    "ESERVFAIL",
    "ESHUTDOWN",
    "ESPIPE",
    "ESRCH",
    "ETIMEDOUT",
    "ETIMEOUT",
    "EXDEV",
];

/// At most [`LONGEST`] characters.
pub(crate) fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}
