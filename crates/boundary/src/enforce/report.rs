//! What the processes of a start tell the supervisor.
//!
//! One record is four words on a sequenced-packet socket, so that writers need no framing and no
//! allocation, and a reader can check the length. The service never holds the writing end: it is
//! closed when the program starts.

use ringfence_sys::{Errno, fd};
use std::os::fd::BorrowedFd;

/// One thing that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    /// The broker cannot start or go on.
    BrokerFailed(Errno),
    /// The host lets nobody copy another process's descriptors, not even of one's own child.
    DescriptorsRefused(Errno),
    /// The service ended with this wait status.
    Ended(i32),
    /// Init is there; a pidfd of it comes with the record.
    Init,
    /// This host lets nobody become the service's user.
    IdentityRefused(Errno),
    /// New namespaces were refused.
    NamespacesRefused(Errno),
    /// The socket the service reports on comes with the record.
    Notify,
    /// The first program is running; a pidfd of it comes with the record.
    Started,
    /// A step failed: in init's list or in the service's.
    StepFailed {
        /// Whose list.
        list: List,
        /// Which step.
        index: u32,
        /// How.
        errno: Errno,
    },
}

/// The two lists of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    /// Namespaces and root.
    Init,
    /// Limits, rights, filter, program.
    Service,
}

/// Bytes of one record.
pub(super) const SIZE: usize = 16;

impl Report {
    /// The record.
    pub(super) fn encode(self) -> [u8; SIZE] {
        let words: [i32; 4] = match self {
            Self::BrokerFailed(errno) => [1, errno.0, 0, 0],
            Self::DescriptorsRefused(errno) => [6, errno.0, 0, 0],
            Self::Ended(status) => [2, status, 0, 0],
            Self::IdentityRefused(errno) => [8, errno.0, 0, 0],
            Self::Init => [9, 0, 0, 0],
            Self::NamespacesRefused(errno) => [3, errno.0, 0, 0],
            Self::Notify => [7, 0, 0, 0],
            Self::Started => [4, 0, 0, 0],
            Self::StepFailed { list, index, errno } => {
                [5, i32::from(list == List::Service), index.cast_signed(), errno.0]
            }
        };
        let mut bytes = [0; SIZE];
        for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    /// The record back; `None` for anything malformed.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut words = [0_i32; 4];
        if bytes.len() != SIZE {
            return None;
        }
        for (word, place) in words.iter_mut().zip(bytes.chunks_exact(4)) {
            *word = i32::from_ne_bytes(place.try_into().ok()?);
        }
        Some(match words {
            [1, errno, ..] => Self::BrokerFailed(Errno(errno)),
            [2, status, ..] => Self::Ended(status),
            [3, errno, ..] => Self::NamespacesRefused(Errno(errno)),
            [4, ..] => Self::Started,
            [7, ..] => Self::Notify,
            [9, ..] => Self::Init,
            [8, errno, ..] => Self::IdentityRefused(Errno(errno)),
            [6, errno, ..] => Self::DescriptorsRefused(Errno(errno)),
            [5, list, index, errno] => Self::StepFailed {
                list: if list == 0 { List::Init } else { List::Service },
                index: index.cast_unsigned(),
                errno: Errno(errno),
            },
            _ => return None,
        })
    }

    /// Writes the record; a supervisor that is gone is nobody's to tell.
    pub(super) fn send(self, to: BorrowedFd<'_>) {
        let _ = fd::write(to, &self.encode());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_survives_the_way_through_the_socket() {
        for report in [
            Report::BrokerFailed(Errno(libc::EIO)),
            Report::Ended(256),
            Report::NamespacesRefused(Errno(libc::EPERM)),
            Report::Started,
            Report::DescriptorsRefused(Errno(libc::EPERM)),
            Report::IdentityRefused(Errno(libc::EINVAL)),
            Report::Notify,
            Report::Init,
            Report::StepFailed { list: List::Service, index: 7, errno: Errno(libc::ENOENT) },
        ] {
            assert_eq!(Report::decode(&report.encode()), Some(report));
        }
        assert_eq!(Report::decode(b"short"), None);
        assert_eq!(Report::decode(&[0xff; SIZE]), None);
    }
}
