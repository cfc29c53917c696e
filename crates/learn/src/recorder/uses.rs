//! Sets of the ways in which one call uses a file.

use crate::record::FileUse;

/// A set of [`FileUse`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Uses(u16);

/// All, in the order of their bits.
const ALL: [FileUse; 9] = [
    FileUse::Look,
    FileUse::Read,
    FileUse::Write,
    FileUse::Create,
    FileUse::Remove,
    FileUse::RenameFrom,
    FileUse::RenameTo,
    FileUse::Change,
    FileUse::Load,
];

impl Uses {
    pub(super) const NONE: Self = Self(0);
    pub(super) const LOOK: Self = Self(1);
    pub(super) const READ: Self = Self(1 << 1);
    pub(super) const WRITE: Self = Self(1 << 2);
    pub(super) const CREATE: Self = Self(1 << 3);
    pub(super) const REMOVE: Self = Self(1 << 4);
    pub(super) const RENAME_FROM: Self = Self(1 << 5);
    pub(super) const RENAME_TO: Self = Self(1 << 6);
    pub(super) const CHANGE: Self = Self(1 << 7);
    pub(super) const LOAD: Self = Self(1 << 8);

    /// What opening with these flags does.
    pub(super) const fn of_open(flags: u64) -> Self {
        const CREATE: u64 = libc::O_CREAT.unsigned_abs() as u64;
        const PATH: u64 = libc::O_PATH.unsigned_abs() as u64;
        const TRUNCATE: u64 = libc::O_TRUNC.unsigned_abs() as u64;
        // O_TMPFILE has the bit of O_DIRECTORY, too: a file without a name is made in the folder.
        const UNNAMED: u64 = libc::O_TMPFILE.unsigned_abs() as u64;
        if flags & PATH != 0 {
            return Self::LOOK;
        }
        let (reads, writes) = match flags & 0b11 {
            0 => (true, flags & TRUNCATE != 0),
            1 => (false, true),
            _ => (true, true),
        };
        let mut uses = if reads { Self::READ } else { Self::NONE };
        if flags & CREATE != 0 || flags & UNNAMED == UNNAMED {
            uses = uses.and(Self::CREATE);
        } else if writes {
            uses = uses.and(Self::WRITE);
        }
        uses
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) const fn among(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) const fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the call itself may change what lies at the path.
    pub(super) const fn changes(self) -> bool {
        const SAME: Uses = Uses::LOOK.and(Uses::READ).and(Uses::LOAD).and(Uses::CHANGE);
        self.0 & !SAME.0 != 0
    }

    pub(super) fn each(self) -> impl Iterator<Item = FileUse> {
        ALL.into_iter().enumerate().filter(move |(bit, _)| self.0 & 1 << bit != 0).map(|(_, u)| u)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_an_open_say_how_the_file_is_used() {
        for (flags, uses) in [
            (libc::O_RDONLY | libc::O_CLOEXEC, vec![FileUse::Read]),
            (libc::O_RDONLY | libc::O_DIRECTORY, vec![FileUse::Read]),
            (libc::O_WRONLY, vec![FileUse::Write]),
            (libc::O_RDWR, vec![FileUse::Read, FileUse::Write]),
            (libc::O_RDONLY | libc::O_TRUNC, vec![FileUse::Read, FileUse::Write]),
            (libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC, vec![FileUse::Create]),
            (libc::O_RDWR | libc::O_CREAT, vec![FileUse::Read, FileUse::Create]),
            (libc::O_WRONLY | libc::O_TMPFILE, vec![FileUse::Create]),
            (libc::O_PATH | libc::O_DIRECTORY, vec![FileUse::Look]),
        ] {
            let found: Vec<_> = Uses::of_open(u64::from(flags.unsigned_abs())).each().collect();
            assert_eq!(found, uses, "{flags:#o}");
        }
        assert!(Uses::CREATE.and(Uses::READ).changes());
        assert!(!Uses::READ.and(Uses::LOAD).changes());
    }
}
