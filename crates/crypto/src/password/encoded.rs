//! Stored hashes: PHC strings, and the older `scrypt$N$r$p$salt$key`.

use super::{Bounds, PasswordError, Scheme};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use std::fmt::{self, Display};

/// Longest stored text in bytes.
const LONGEST: usize = 512;

/// How a hash is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The PHC string format.
    Phc,
    /// `scrypt$N$r$p$salt$key`, with salt and key in base64: read, never written.
    Dollars,
}

/// A stored hash with parameters within the bounds.
#[derive(Clone, PartialEq, Eq)]
pub struct Encoded {
    /// Algorithm and cost.
    pub scheme: Scheme,
    /// How it was written.
    pub form: Form,
    pub(super) salt: Vec<u8>,
    pub(super) key: Vec<u8>,
}

impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoded")
            .field("scheme", &self.scheme)
            .field("form", &self.form)
            .finish_non_exhaustive()
    }
}

impl Encoded {
    /// Reads a stored hash.
    ///
    /// # Errors
    /// [`PasswordError::Malformed`] and [`PasswordError::OutOfBounds`]; neither holds any of the text.
    pub fn parse(text: &str, bounds: &Bounds) -> Result<Self, PasswordError> {
        if text.len() > LONGEST {
            return Err(PasswordError::Malformed("too long"));
        }
        let encoded = if text.starts_with("scrypt$") { dollars(text)? } else { phc(text)? };
        bounds.check(&encoded.scheme)?;
        if !(8..=64).contains(&encoded.salt.len()) {
            return Err(PasswordError::Malformed("the salt must have 8 to 64 bytes"));
        }
        if !(16..=64).contains(&encoded.key.len()) {
            return Err(PasswordError::Malformed("the hash must have 16 to 64 bytes"));
        }
        Ok(encoded)
    }
}

impl Display for Encoded {
    /// The PHC string, whatever the form it was read from.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scheme {
            Scheme::Argon2id { memory, passes, lanes } => {
                write!(f, "$argon2id$v=19$m={memory},t={passes},p={lanes}$")?;
            }
            Scheme::Scrypt { log_n, r, p } => write!(f, "$scrypt$ln={log_n},r={r},p={p}$")?,
        }
        let (salt, key) = (STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(&self.key));
        write!(f, "{salt}${key}")
    }
}

/// `$id$v=19$a=1,b=2$salt$hash`.
fn phc(text: &str) -> Result<Encoded, PasswordError> {
    let parsed = phc::PasswordHash::new(text)
        .map_err(|_| PasswordError::Malformed("it is no PHC string"))?;
    let number = |name: &'static str| {
        parsed.params.get_decimal(name).ok_or(PasswordError::Malformed("a parameter is missing"))
    };
    let known = |names: &[&str]| {
        parsed.params.iter().all(|(name, _)| names.contains(&name.as_str()))
            && parsed.params.iter().count() == names.len()
    };
    let scheme = match parsed.algorithm.as_str() {
        "argon2id" if parsed.version == Some(19) && known(&["m", "t", "p"]) => {
            Scheme::Argon2id { memory: number("m")?, passes: number("t")?, lanes: number("p")? }
        }
        "argon2id" => return Err(PasswordError::Malformed("Argon2id takes v=19 and m, t, p")),
        "scrypt" if parsed.version.is_none() && known(&["ln", "r", "p"]) => {
            let log_n = u8::try_from(number("ln")?)
                .map_err(|_| PasswordError::Malformed("ln is no logarithm"))?;
            Scheme::Scrypt { log_n, r: number("r")?, p: number("p")? }
        }
        "scrypt" => return Err(PasswordError::Malformed("scrypt takes ln, r, p")),
        _ => return Err(PasswordError::Malformed("the algorithm is neither argon2id nor scrypt")),
    };
    let (Some(salt), Some(key)) = (&parsed.salt, &parsed.hash) else {
        return Err(PasswordError::Malformed("salt or hash is missing"));
    };
    let (salt, key) = (salt.as_ref().to_vec(), key.as_bytes().to_vec());
    Ok(Encoded { scheme, form: Form::Phc, salt, key })
}

/// `scrypt$32768$8$1$salt$key`, salt and key in padded base64.
fn dollars(text: &str) -> Result<Encoded, PasswordError> {
    let fields: Vec<&str> = text.split('$').collect();
    let &[_, n, r, p, salt, key] = fields.as_slice() else {
        return Err(PasswordError::Malformed("it has six fields"));
    };
    let number = |text: &str| -> Result<u32, PasswordError> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let value = if digits { text.parse().ok() } else { None };
        value.ok_or(PasswordError::Malformed("N, r and p are numbers"))
    };
    let n = number(n)?;
    if !n.is_power_of_two() || n < 2 {
        return Err(PasswordError::Malformed("N is a power of two"));
    }
    let log_n = u8::try_from(n.trailing_zeros())
        .map_err(|_| PasswordError::Malformed("N is a power of two"))?;
    let bytes = |text| {
        STANDARD.decode(text).map_err(|_| PasswordError::Malformed("salt and key are base64"))
    };
    let scheme = Scheme::Scrypt { log_n, r: number(r)?, p: number(p)? };
    Ok(Encoded { scheme, form: Form::Dollars, salt: bytes(salt)?, key: bytes(key)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phc_string_is_written_as_it_was_read() {
        let text = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$\
                    mXqaHHbXvLbzJ8fx7rX7xZr9dLjwnq6aiPYk8NEHwhA";
        let encoded = Encoded::parse(text, &Bounds::default()).unwrap();
        assert_eq!(encoded.scheme, Scheme::OWASP);
        assert_eq!(encoded.to_string(), text);
        assert!(!format!("{encoded:?}").contains("c29t"));
    }

    #[test]
    fn what_is_no_hash_is_refused_and_not_repeated() {
        let bounds = Bounds::default();
        let refused = [
            "",
            "hunter2",
            "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$mXqaHHbXvLbzJ8fx7rX7xZr9dLjwnq6aiPYk8NEHwhA",
            "$argon2id$v=16$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$mXqaHHbXvLbzJ8fx7rX7xZr9dLjwnq6aiPYk8NEHwhA",
            "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$mXqaHHbXvLbzJ8fx7rX7xZr9dLjwnq6aiPYk8NEHwhA",
            "$argon2id$v=19$m=19456,t=2,p=1,keyid=AAAA$c29tZXNhbHRzb21lc2FsdA$mXqaHHbXvLbzJ8fx7rX7xZr9dLjwnq6aiPYk8NEHwhA",
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA",
            "$argon2id$v=19$m=19456,t=2,p=1$c2Fs$mXqaHHbXvLbzJ8fx7rX7xZr9dLjwnq6aiPYk8NEHwhA",
            "$scrypt$ln=40,r=8,p=1$c29tZXNhbHRzb21lc2FsdA$mXqaHHbXvLbzJ8fx7rX7xZr9dLjwnq6aiPYk8NEHwhA",
            "scrypt$32768$8$1$c2FsdHNhbHRzYWx0c2FsdA==",
            "scrypt$32769$8$1$c2FsdHNhbHRzYWx0c2FsdA==$AAAAAAAAAAAAAAAAAAAAAA==",
            "scrypt$4294967296$8$1$c2FsdHNhbHRzYWx0c2FsdA==$AAAAAAAAAAAAAAAAAAAAAA==",
            "scrypt$2147483648$8$1$c2FsdHNhbHRzYWx0c2FsdA==$AAAAAAAAAAAAAAAAAAAAAA==",
            "scrypt$+32768$8$1$c2FsdHNhbHRzYWx0c2FsdA==$AAAAAAAAAAAAAAAAAAAAAA==",
            "scrypt$32768$8$1$c2FsdHNhbHRzYWx0c2FsdA==$not base64",
        ];
        for text in refused {
            let error = Encoded::parse(text, &bounds).unwrap_err().to_string();
            assert!(text.len() < 5 || !error.contains(text), "{error}");
        }
        Encoded::parse(
            "scrypt$32768$8$1$c2FsdHNhbHRzYWx0c2FsdA==$AAAAAAAAAAAAAAAAAAAAAA==",
            &bounds,
        )
        .unwrap();
    }
}
