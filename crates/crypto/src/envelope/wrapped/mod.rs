//! Envelopes with a data key of their own, which lies wrapped beside what it seals.
//!
//! JWE in its flattened JSON form (RFC 7516 section 7.2.2). What seals the data stands in the
//! protected header (`enc`, the context, a commitment) and is authenticated with the data; what wraps
//! the data key (`alg`, `kid`, its nonce and tag) stands in the unprotected header, as that form
//! provides for several receivers. So another key-encryption key can take over without touching
//! the data: nonce, ciphertext and tag stay byte for byte. A compact JWE cannot do that, because its
//! one header is authenticated with the data.
//!
//! Who changes the unprotected parts gains nothing. A wrapped key is authenticated by what wraps it;
//! one that was taken from another envelope does not fit the commitment, an HMAC of the data key in
//! the protected header, without which GCM could be made to open in two ways. `kid` only chooses
//! among the keys the caller gave, and `alg` must be that of the chosen key: the header never
//! decides where a request goes. Not defended against: whoever once unwrapped a data key can keep
//! it; rewrapping ends the use of a key-encryption key, and only sealing anew ends that of a data key.

mod form;
mod local;

pub use local::WrappingKey;

use super::{CIPHER, EnvelopeError, LONGEST, NONCE, TAG, bound};
use crate::secret::Secret;
use crate::{random, secret_equals, text};
use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use form::{Flattened, Protected};

/// Bytes of a data key.
pub(crate) const DATA_KEY: usize = 32;
/// What the commitment is made of.
const COMMITMENT: &[u8] = b"ringfence envelope: key commitment v1";

/// A data key as it lies in an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// The wrapped key itself, in the form of what wrapped it.
    pub bytes: Vec<u8>,
    /// Nonce and tag, where the algorithm keeps them in the header (`A256GCMKW`).
    pub sealing: Option<([u8; 12], [u8; 16])>,
}

/// A key-encryption key: here, or in a service that never gives it away.
///
/// `bound` is the context as it stands in the envelope (base64url of its SHA-256, empty without one):
/// services that bind what they wrap to something bind it to that.
pub trait Wrapping {
    /// Its name, `kid` of the unprotected header.
    fn kid(&self) -> &str;

    /// `alg` of the unprotected header: registered, or a collision-resistant name (RFC 7516
    /// section 4.1.1).
    fn algorithm(&self) -> &'static str;

    /// Makes a data key of 32 bytes.
    ///
    /// # Errors
    /// [`EnvelopeError::Service`], [`EnvelopeError::Random`], [`EnvelopeError::Exhausted`].
    fn generate(&self, bound: &str) -> Result<(Secret, WrappedKey), EnvelopeError>;

    /// Wraps a data key that is there already.
    ///
    /// # Errors
    /// As [`Self::generate`].
    fn wrap(&self, key: &Secret, bound: &str) -> Result<WrappedKey, EnvelopeError>;

    /// Unwraps a data key.
    ///
    /// # Errors
    /// [`EnvelopeError::Authentication`] for a wrapped key that is not this key's, or not of `bound`;
    /// [`EnvelopeError::Service`].
    fn unwrap(&self, wrapped: &WrappedKey, bound: &str) -> Result<Secret, EnvelopeError>;

    /// Wraps a data key anew with the newest version of this key, in the service itself; `from` is the
    /// `kid` of the key that wrapped it, of the same algorithm. `None`: that is not possible, so the
    /// data key has to come here for it.
    ///
    /// # Errors
    /// As [`Self::unwrap`].
    fn renew(
        &self,
        _from: &str,
        _key: &WrappedKey,
        _bound: &str,
    ) -> Result<Option<WrappedKey>, EnvelopeError> {
        Ok(None)
    }
}

/// Seals data under a new data key.
///
/// ```
/// use ringfence_crypto::envelope::{self, Key, WrappingKey};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (old, new) = (Key::generate("kek-1")?.0, Key::generate("kek-2")?.0);
/// let (old, new) = (WrappingKey::new(old), WrappingKey::new(new));
/// let sealed = envelope::seal_wrapped(&old, b"orders/17", b"card")?;
/// let sealed = envelope::rewrap(&[&old], &new, &sealed)?;
/// assert_eq!(envelope::open_wrapped(&[&new], b"orders/17", &sealed)?.expose(), b"card");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`EnvelopeError`].
pub fn seal_wrapped(
    key: &(impl Wrapping + ?Sized),
    context: &[u8],
    data: &[u8],
) -> Result<String, EnvelopeError> {
    if data.len() > LONGEST / 2 {
        return Err(EnvelopeError::TooLong);
    }
    let ctx = bound(context);
    let (data_key, wrapped) = key.generate(ctx.as_deref().unwrap_or_default())?;
    let cipher = cipher(&data_key)?;
    let commitment = Some(commitment(&data_key));
    let protected = Protected { enc: "A256GCM".to_owned(), ctx, kcm: commitment };
    let protected = protected.write()?;
    let nonce: [u8; NONCE] = random::bytes()?;
    let mut sealed = data.to_vec();
    let tag = cipher
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(protected.as_bytes()),
            &mut sealed,
        )
        .map_err(|_| EnvelopeError::Authentication)?;
    Flattened {
        protected,
        header: form::Recipient::of(key.kid(), key.algorithm(), &wrapped),
        encrypted_key: text::encode(&wrapped.bytes),
        iv: text::encode(&nonce),
        ciphertext: text::encode(&sealed),
        tag: text::encode(tag.as_ref()),
    }
    .write()
}

/// Opens an envelope with the key-encryption key that it names.
///
/// # Errors
/// [`EnvelopeError`]; nothing is decrypted before it is authenticated.
pub fn open_wrapped(
    keys: &[&dyn Wrapping],
    context: &[u8],
    envelope: &str,
) -> Result<Secret, EnvelopeError> {
    let envelope = Flattened::read(envelope)?;
    let protected = Protected::read(&envelope.protected)?;
    let key = chosen(keys, &envelope)?;
    let (ctx, expected) = (protected.ctx.unwrap_or_default(), bound(context).unwrap_or_default());
    if !secret_equals(ctx.as_bytes(), expected.as_bytes()) {
        return Err(EnvelopeError::Authentication);
    }
    let data_key = key.unwrap(&envelope.wrapped()?, &ctx)?;
    committed(&data_key, protected.kcm.as_deref())?;
    let (nonce, mut data) = envelope.sealed()?;
    let length = cipher(&data_key)?
        .open_in_place(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(envelope.protected.as_bytes()),
            &mut data,
        )
        .map_err(|_| EnvelopeError::Authentication)?
        .len();
    data.truncate(length);
    Ok(Secret::new(data))
}

/// Puts the data key of an envelope under another key-encryption key, or under the newest version of
/// its own; the sealed data stay as they are, and are not decrypted.
///
/// Where the service of `to` can do it by itself, the data key never comes here.
///
/// # Errors
/// [`EnvelopeError`].
pub fn rewrap(
    from: &[&dyn Wrapping],
    to: &dyn Wrapping,
    envelope: &str,
) -> Result<String, EnvelopeError> {
    let mut envelope = Flattened::read(envelope)?;
    let protected = Protected::read(&envelope.protected)?;
    let bound = protected.ctx.unwrap_or_default();
    let wrapped = envelope.wrapped()?;
    let from = chosen(from, &envelope)?;
    let same = from.algorithm() == to.algorithm();
    let renewed = if same { to.renew(from.kid(), &wrapped, &bound)? } else { None };
    let wrapped = if let Some(renewed) = renewed {
        renewed
    } else {
        let data_key = from.unwrap(&wrapped, &bound)?;
        // A wrapped key of another envelope is not carried on.
        committed(&data_key, protected.kcm.as_deref())?;
        to.wrap(&data_key, &bound)?
    };
    envelope.header = form::Recipient::of(to.kid(), to.algorithm(), &wrapped);
    envelope.encrypted_key = text::encode(&wrapped.bytes);
    envelope.write()
}

/// `alg` and `kid` of an envelope, before anything is authenticated: for choosing a key, for nothing
/// else.
///
/// # Errors
/// [`EnvelopeError::Malformed`], [`EnvelopeError::TooLong`].
pub fn wrapping_of(envelope: &str) -> Result<(String, String), EnvelopeError> {
    let header = Flattened::read(envelope)?.header;
    Ok((header.alg, header.kid))
}

/// The key that an envelope names, among those the caller has.
fn chosen<'key>(
    keys: &[&'key dyn Wrapping],
    envelope: &Flattened,
) -> Result<&'key dyn Wrapping, EnvelopeError> {
    let named = keys.iter().find(|key| key.kid() == envelope.header.kid);
    let key = named.ok_or(EnvelopeError::UnknownKey)?;
    if key.algorithm() != envelope.header.alg {
        return Err(EnvelopeError::Algorithm);
    }
    Ok(*key)
}

fn cipher(data_key: &Secret) -> Result<LessSafeKey, EnvelopeError> {
    let unbound = UnboundKey::new(CIPHER, data_key.expose())
        .map_err(|_| EnvelopeError::KeyLength(data_key.len()))?;
    Ok(LessSafeKey::new(unbound))
}

fn commitment(data_key: &Secret) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, data_key.expose());
    text::encode(hmac::sign(&key, COMMITMENT).as_ref())
}

/// Refuses a data key that the protected header does not commit to.
fn committed(data_key: &Secret, stated: Option<&str>) -> Result<(), EnvelopeError> {
    if data_key.len() != DATA_KEY {
        return Err(EnvelopeError::KeyLength(data_key.len()));
    }
    let stated = stated.ok_or(EnvelopeError::Malformed("its header has no commitment"))?;
    if secret_equals(commitment(data_key).as_bytes(), stated.as_bytes()) {
        Ok(())
    } else {
        Err(EnvelopeError::Authentication)
    }
}

#[cfg(test)]
mod tests;
