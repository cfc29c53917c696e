//! Error numbers as plain values.
//!
//! Code that runs between clone and exec may not allocate, so its errors cannot be
//! `std::io::Error`. [`Errno`] is one word, prints its name and its meaning, and converts both ways.

use std::fmt;
use std::io;

/// An error number of the kernel, such as `EACCES`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(pub i32);

impl Errno {
    /// The error number the last failed call of this thread left. Allocates nothing.
    #[must_use]
    pub fn last() -> Self {
        // SAFETY: `__errno_location` answers a valid pointer to this thread's own word.
        let place = unsafe { libc::__errno_location() };
        // SAFETY: the pointer is valid and aligned for the life of this thread.
        Self(unsafe { place.read() })
    }

    /// The symbolic name, or `E?` for a number this table does not know.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.entry().map_or("E?", |(_, name, _)| name)
    }

    /// What it means, in the words of the C library.
    #[must_use]
    pub fn text(self) -> &'static str {
        self.entry().map_or("unknown error", |(_, _, text)| text)
    }

    /// The number of a symbolic name such as `EPERM`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|(_, known, _)| *known == name).map(|(number, _, _)| Self(*number))
    }

    fn entry(self) -> Option<(i32, &'static str, &'static str)> {
        TABLE.iter().copied().find(|(number, _, _)| *number == self.0)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry() {
            Some((_, name, text)) => write!(f, "{name} ({text})"),
            None => write!(f, "error number {}", self.0),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry() {
            Some((_, name, _)) => f.write_str(name),
            None => write!(f, "Errno({})", self.0),
        }
    }
}

impl std::error::Error for Errno {}

impl From<io::Error> for Errno {
    /// Keeps the number; an error that has none becomes `EIO`.
    fn from(error: io::Error) -> Self {
        Self(error.raw_os_error().unwrap_or(libc::EIO))
    }
}

impl From<Errno> for io::Error {
    fn from(errno: Errno) -> Self {
        Self::from_raw_os_error(errno.0)
    }
}

macro_rules! table {
    ($($name:ident $text:literal)*) => {
        /// Number, name and text; asm-generic/errno.h as the C library words it.
        const TABLE: &[(i32, &str, &str)] = &[$((libc::$name, stringify!($name), $text)),*];
    };
}

table! {
    EPERM "operation not permitted"
    ENOENT "no such file or directory"
    ESRCH "no such process"
    EINTR "interrupted system call"
    EIO "input/output error"
    ENXIO "no such device or address"
    E2BIG "argument list too long"
    ENOEXEC "exec format error"
    EBADF "bad file descriptor"
    ECHILD "no child processes"
    EAGAIN "resource temporarily unavailable"
    ENOMEM "cannot allocate memory"
    EACCES "permission denied"
    EFAULT "bad address"
    ENOTBLK "block device required"
    EBUSY "device or resource busy"
    EEXIST "file exists"
    EXDEV "invalid cross-device link"
    ENODEV "no such device"
    ENOTDIR "not a directory"
    EISDIR "is a directory"
    EINVAL "invalid argument"
    ENFILE "too many open files in system"
    EMFILE "too many open files"
    ENOTTY "inappropriate ioctl for device"
    ETXTBSY "text file busy"
    EFBIG "file too large"
    ENOSPC "no space left on device"
    ESPIPE "illegal seek"
    EROFS "read-only file system"
    EMLINK "too many links"
    EPIPE "broken pipe"
    EDOM "numerical argument out of domain"
    ERANGE "numerical result out of range"
    EDEADLK "resource deadlock avoided"
    ENAMETOOLONG "file name too long"
    ENOLCK "no locks available"
    ENOSYS "function not implemented"
    ENOTEMPTY "directory not empty"
    ELOOP "too many levels of symbolic links"
    ENODATA "no data available"
    ETIME "timer expired"
    EPROTO "protocol error"
    EBADMSG "bad message"
    EOVERFLOW "value too large for defined data type"
    ELIBBAD "accessing a corrupted shared library"
    EUSERS "too many users"
    ENOTSOCK "socket operation on non-socket"
    EDESTADDRREQ "destination address required"
    EMSGSIZE "message too long"
    EPROTOTYPE "protocol wrong type for socket"
    ENOPROTOOPT "protocol not available"
    EPROTONOSUPPORT "protocol not supported"
    ESOCKTNOSUPPORT "socket type not supported"
    EOPNOTSUPP "operation not supported"
    EPFNOSUPPORT "protocol family not supported"
    EAFNOSUPPORT "address family not supported by protocol"
    EADDRINUSE "address already in use"
    EADDRNOTAVAIL "cannot assign requested address"
    ENETDOWN "network is down"
    ENETUNREACH "network is unreachable"
    ENETRESET "network dropped connection on reset"
    ECONNABORTED "software caused connection abort"
    ECONNRESET "connection reset by peer"
    ENOBUFS "no buffer space available"
    EISCONN "transport endpoint is already connected"
    ENOTCONN "transport endpoint is not connected"
    ETIMEDOUT "connection timed out"
    ECONNREFUSED "connection refused"
    EHOSTDOWN "host is down"
    EHOSTUNREACH "no route to host"
    EALREADY "operation already in progress"
    EINPROGRESS "operation now in progress"
    ESTALE "stale file handle"
    EDQUOT "disk quota exceeded"
    ECANCELED "operation canceled"
    EOWNERDEAD "owner died"
    ENOTRECOVERABLE "state not recoverable"
    EHWPOISON "memory page has hardware error"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_number_prints_its_name_and_meaning() {
        assert_eq!(Errno(libc::EACCES).to_string(), "EACCES (permission denied)");
        assert_eq!(Errno(9999).to_string(), "error number 9999");
        assert_eq!(format!("{:?}", Errno(libc::EPERM)), "EPERM");
    }

    #[test]
    fn the_number_survives_the_way_through_an_io_error_and_back() {
        let there: io::Error = Errno(libc::ENOSYS).into();
        assert_eq!(Errno::from(there), Errno(libc::ENOSYS));
        assert_eq!(Errno::from_name("ENOSYS"), Some(Errno(libc::ENOSYS)));
        assert_eq!(Errno::from_name("ENOPE"), None);
    }

    #[test]
    fn a_failed_call_leaves_its_number() {
        // SAFETY: closing a number that cannot be open has no effect.
        let answer = unsafe { libc::close(-1) };
        assert_eq!((answer, Errno::last()), (-1, Errno(libc::EBADF)));
    }
}
