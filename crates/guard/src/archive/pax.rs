//! Extended headers of POSIX.1-2001: what they may say.

use super::{Refusal, Shown};
use tar::PaxExtensions;

/// Longest extended header in bytes. A path takes 1 KiB; the rest is times and owners.
pub(super) const LONGEST: u64 = 64 << 10;

/// What an extended header changes in the entry behind it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Extended {
    pub(super) path: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) link: bool,
}

/// Reads a header for one entry, or for all that follow. What has no meaning here (times, owners,
/// attributes) is passed over; what changes an entry is there once at most.
pub(super) fn read(bytes: &[u8], for_all: bool) -> Result<Extended, Refusal> {
    let malformed = || Refusal::Malformed(Shown::new(b"an extended header"));
    let mut extended = Extended::default();
    let mut length = 0;
    for record in PaxExtensions::new(bytes) {
        let record = record.map_err(|_| malformed())?;
        let (key, value) = (record.key_bytes(), record.value_bytes());
        // A length in decimal, a space, an equals sign and a newline besides.
        let bare = key.len() + value.len() + 3;
        let digits = (1..6).find(|digits| (bare + digits).to_string().len() == *digits);
        length += bare + digits.ok_or_else(malformed)?;
        let first = match key {
            b"path" => extended.path.replace(value.to_vec()).is_none(),
            b"size" => {
                let size = std::str::from_utf8(value).ok().and_then(|size| size.parse().ok());
                extended.size.replace(size.ok_or_else(malformed)?).is_none()
            }
            b"linkpath" => !std::mem::replace(&mut extended.link, true),
            b"hdrcharset" | b"charset" => {
                return Err(Refusal::Extension("another character set in extended headers"));
            }
            key if key.starts_with(b"GNU.sparse.") => {
                return Err(Refusal::Extension("GNU's sparse files"));
            }
            b"SUN.holesdata" | b"SCHILY.realsize" => {
                return Err(Refusal::Extension("sparse files"));
            }
            _ => continue,
        };
        if !first {
            return Err(Refusal::Extension("an extended header that says one thing twice"));
        }
        if for_all {
            return Err(Refusal::Extension("a path or size for all entries"));
        }
    }
    // The records end where the header ends: nothing hides behind an empty line.
    if length == bytes.len() { Ok(extended) } else { Err(malformed()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(key: &str, value: &str) -> String {
        let bare = key.len() + value.len() + 3;
        let digits = (1..6).find(|n| (bare + n).to_string().len() == *n).unwrap();
        format!("{} {key}={value}\n", bare + digits)
    }

    #[test]
    fn a_header_says_each_thing_once_and_nothing_behind_its_end() {
        let good = record("mtime", "1.5") + &record("path", "a/b") + &record("size", "12");
        let read_good = read(good.as_bytes(), false).unwrap();
        assert_eq!(read_good.path.as_deref(), Some(b"a/b".as_slice()));
        assert_eq!(read_good.size, Some(12));
        assert_eq!(read(record("comment", "abc").as_bytes(), true).unwrap(), Extended::default());
        for (text, for_all) in [
            (record("path", "a") + &record("path", "b"), false),
            (record("path", "a") + "\n" + &record("path", "b"), false),
            (record("path", "a") + "9 path=b", false),
            (record("path", "a"), true),
            (record("size", "x"), false),
            (record("size", "-1"), false),
            (record("GNU.sparse.name", "a"), false),
            (record("SUN.holesdata", " 0 1"), false),
            (record("SCHILY.realsize", "1"), false),
            (record("hdrcharset", "BINARY"), false),
            (record("path", "a\nb"), false),
            ("5 a=b\n".to_owned(), false),
            ("012 path=ab\n".to_owned(), false),
            ("garbage".to_owned(), false),
        ] {
            assert!(read(text.as_bytes(), for_all).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes, false);
        }

        #[test]
        fn a_path_comes_out_as_it_went_in(path in "[a-z/ä=]{1,300}") {
            let read = read(record("path", &path).as_bytes(), false).unwrap();
            prop_assert_eq!(read.path, Some(path.into_bytes()));
        }
    }
}
