//! The parts of an envelope before they are text: for large data, in buffers that the caller uses
//! again.
//!
//! base64url takes longer than the cipher, and a new buffer for each envelope longer than both. Here
//! the sealed bytes are nonce, ciphertext and tag in a row, the protected header is beside them, and
//! [`compact`] writes both as the envelope that [`super::open`] opens.

use super::{EnvelopeError, Header, Key, NONCE, TAG, bound, read_header};
use crate::{random, secret_equals, text};
use aws_lc_rs::aead::{Aad, Nonce};

/// By how much sealed bytes are longer than the data: a nonce and a tag.
pub const OVERHEAD: usize = NONCE + TAG;

/// Seals data into the beginning of `target`, [`OVERHEAD`] bytes more than the data has; returns the
/// protected header, which is needed to open it.
///
/// # Errors
/// [`EnvelopeError::Exhausted`], [`EnvelopeError::Random`], and [`EnvelopeError::Malformed`] for a
/// target that is too small.
pub fn seal_into(
    key: &Key,
    context: &[u8],
    data: &[u8],
    target: &mut [u8],
) -> Result<String, EnvelopeError> {
    let room = data.len().checked_add(OVERHEAD).and_then(|length| target.get_mut(..length));
    let room = room.ok_or(EnvelopeError::Malformed("the target is too small"))?;
    key.count()?;
    let protected = protected(key, context)?;
    let (nonce, sealed) = room.split_at_mut(NONCE);
    let drawn: [u8; NONCE] = random::bytes()?;
    nonce.copy_from_slice(&drawn);
    key.cipher()
        .seal_in_place_scatter(
            Nonce::assume_unique_for_key(drawn),
            Aad::from(protected.as_bytes()),
            &mut [],
            data,
            sealed,
        )
        .map_err(|_| EnvelopeError::Authentication)?;
    Ok(protected)
}

/// Opens what [`seal_into`] sealed into the beginning of `target`; returns how many bytes it is. The
/// target is erased where they do not authenticate.
///
/// # Errors
/// [`EnvelopeError`].
pub fn open_into(
    keys: &[&Key],
    context: &[u8],
    protected: &str,
    sealed: &[u8],
    target: &mut [u8],
) -> Result<usize, EnvelopeError> {
    let header = read_header(protected)?;
    let key = keys.iter().find(|key| key.id() == header.kid).ok_or(EnvelopeError::UnknownKey)?;
    let expected = bound(context).unwrap_or_default();
    if !secret_equals(header.ctx.unwrap_or_default().as_bytes(), expected.as_bytes()) {
        return Err(EnvelopeError::Authentication);
    }
    let Some((nonce, rest)) = sealed.split_first_chunk::<NONCE>() else {
        return Err(EnvelopeError::Malformed("it is shorter than a nonce and a tag"));
    };
    let Some((data, tag)) = rest.split_last_chunk::<TAG>() else {
        return Err(EnvelopeError::Malformed("it is shorter than a nonce and a tag"));
    };
    let target =
        target.get_mut(..data.len()).ok_or(EnvelopeError::Malformed("the target is too small"))?;
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let aad = Aad::from(protected.as_bytes());
    if key.cipher().open_separate_gather(nonce, aad, data, tag, target).is_err() {
        target.fill(0);
        return Err(EnvelopeError::Authentication);
    }
    Ok(data.len())
}

/// The parts as an envelope in text.
///
/// # Errors
/// [`EnvelopeError::Malformed`], [`EnvelopeError::Algorithm`].
pub fn compact(protected: &str, sealed: &[u8]) -> Result<String, EnvelopeError> {
    read_header(protected)?;
    let parts = sealed.split_first_chunk::<NONCE>();
    let parts = parts.and_then(|(nonce, rest)| Some((nonce, rest.split_last_chunk::<TAG>()?)));
    let (nonce, (data, tag)) =
        parts.ok_or(EnvelopeError::Malformed("it is shorter than a nonce and a tag"))?;
    let [nonce, data, tag] = [nonce, data, tag.as_slice()].map(text::encode);
    Ok(format!("{protected}..{nonce}.{data}.{tag}"))
}

/// The protected header of what `key` seals for `context`, as text.
fn protected(key: &Key, context: &[u8]) -> Result<String, EnvelopeError> {
    let header = Header {
        alg: "dir".to_owned(),
        enc: "A256GCM".to_owned(),
        kid: key.id().to_owned(),
        ctx: bound(context),
    };
    let json = serde_json::to_vec(&header).map_err(|_| EnvelopeError::Kid)?;
    Ok(text::encode(&json))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{open, seal};
    use crate::secret::Secret;

    fn key(id: &str) -> Key {
        Key::new(id, &Secret::new(vec![id.as_bytes()[0]; 32]), 0).unwrap()
    }

    #[test]
    fn parts_open_again_and_are_an_envelope_when_written_out() {
        let (a, b) = (key("a"), key("b"));
        for length in [0, 1, 16, 1000] {
            let data = vec![7; length];
            let mut sealed = vec![0; length + OVERHEAD + 3];
            let protected = seal_into(&a, b"orders/17", &data, &mut sealed).unwrap();
            let sealed = &sealed[..length + OVERHEAD];
            let mut target = vec![0; length + 3];
            let opened = open_into(&[&b, &a], b"orders/17", &protected, sealed, &mut target);
            assert_eq!(opened.unwrap(), length);
            assert_eq!(&target[..length], data);
            let envelope = compact(&protected, sealed).unwrap();
            assert_eq!(open(&[&a], b"orders/17", &envelope).unwrap().expose(), data);
        }
    }

    #[test]
    fn what_was_changed_does_not_open_and_leaves_nothing() {
        let a = key("a");
        let mut sealed = vec![0; 5 + OVERHEAD];
        let protected = seal_into(&a, b"", b"hello", &mut sealed).unwrap();
        for at in 0..sealed.len() {
            let mut other = sealed.clone();
            other[at] ^= 1;
            let mut target = [9; 5];
            let refused = open_into(&[&a], b"", &protected, &other, &mut target).unwrap_err();
            assert_eq!((refused, target), (EnvelopeError::Authentication, [0; 5]));
        }
        let mut target = [9; 5];
        let refused = open_into(&[&a], b"x", &protected, &sealed, &mut target).unwrap_err();
        assert_eq!(refused, EnvelopeError::Authentication);
        let refused = open_into(&[&key("b")], b"", &protected, &sealed, &mut target).unwrap_err();
        assert_eq!(refused, EnvelopeError::UnknownKey);
        for end in 0..OVERHEAD {
            open_into(&[&a], b"", &protected, &sealed[..end], &mut target).unwrap_err();
            compact(&protected, &sealed[..end]).unwrap_err();
        }
        open_into(&[&a], b"", &protected, &sealed, &mut [0; 4]).unwrap_err();
        seal_into(&a, b"", b"hello", &mut [0; 4 + OVERHEAD]).unwrap_err();
        assert_eq!(a.sealed(), 1, "what found no room is not counted");
        let text = seal(&a, b"", b"hello").unwrap();
        assert!(open(&[&a], b"", &text).is_ok());
    }
}
