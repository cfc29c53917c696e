//! Public keys and signatures as key services write them: DER (X.690), PEM around it.
//!
//! Only the few shapes that are needed, strictly: definite lengths in their shortest form, nothing
//! left over, one algorithm per shape.

use super::KmsError;
use crate::signature::{Algorithm, Jwk, VerifyingKey};
use crate::text;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// 1.2.840.10045.2.1, id-ecPublicKey.
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.2.840.10045.3.1.7, P-256.
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// 1.2.840.113549.1.1.1, rsaEncryption.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// Bytes of a coordinate of P-256.
const HALF: usize = 32;

/// A `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7) as the key of one algorithm and name.
pub(super) fn from_spki(
    algorithm: Algorithm,
    kid: &str,
    der: &[u8],
) -> Result<VerifyingKey, KmsError> {
    let none = KmsError::Answer("it is no public key of the algorithm");
    let jwk = jwk(algorithm, kid, der).ok_or(none.clone())?;
    VerifyingKey::from_jwk(&jwk).map_err(|_| none)
}

/// The same in PEM.
pub(super) fn from_pem(
    algorithm: Algorithm,
    kid: &str,
    pem: &str,
) -> Result<VerifyingKey, KmsError> {
    let none = KmsError::Answer("it is no public key in PEM");
    let body = pem
        .trim()
        .strip_prefix("-----BEGIN PUBLIC KEY-----")
        .and_then(|rest| rest.strip_suffix("-----END PUBLIC KEY-----"))
        .ok_or(none.clone())?;
    let letters: String = body.split_ascii_whitespace().collect();
    let der = STANDARD.decode(letters).map_err(|_| none)?;
    from_spki(algorithm, kid, &der)
}

/// 32 bytes in base64, as transit writes Ed25519 keys.
pub(super) fn from_ed25519(kid: &str, base64: &str) -> Result<VerifyingKey, KmsError> {
    let none = KmsError::Answer("it is no Ed25519 key");
    let point = STANDARD.decode(base64).map_err(|_| none.clone())?;
    let mut jwk = named("OKP", Algorithm::EdDsa, kid);
    jwk.crv = Some("Ed25519".to_owned());
    jwk.x = Some(text::encode(&point));
    VerifyingKey::from_jwk(&jwk).map_err(|_| none)
}

/// An ECDSA signature of P-256 in DER as JWS has it: r and s, 32 bytes each (RFC 7518 section 3.4).
pub(super) fn fixed_ecdsa(der: &[u8]) -> Result<Vec<u8>, KmsError> {
    let halves = || {
        let (pair, rest) = element(SEQUENCE, der)?;
        let (r, after) = element(INTEGER, pair)?;
        let (s, left) = element(INTEGER, after)?;
        (rest.is_empty() && left.is_empty()).then_some(())?;
        Some([half(r)?, half(s)?].concat())
    };
    halves().ok_or(KmsError::Answer("it is no ECDSA signature in DER"))
}

fn named(kty: &str, algorithm: Algorithm, kid: &str) -> Jwk {
    let mut jwk = Jwk::default();
    kty.clone_into(&mut jwk.kty);
    jwk.kid = Some(kid.to_owned());
    jwk.alg = Some(algorithm.name().to_owned());
    jwk.r#use = Some("sig".to_owned());
    jwk
}

fn jwk(algorithm: Algorithm, kid: &str, der: &[u8]) -> Option<Jwk> {
    let (info, rest) = element(SEQUENCE, der)?;
    let (identifier, key) = element(SEQUENCE, info)?;
    let (key, left) = element(BIT_STRING, key)?;
    let (oid, parameters) = element(OID, identifier)?;
    // The first byte counts unused bits: none.
    let (0, key) = (*key.first()?, key.get(1..)?) else { return None };
    (rest.is_empty() && left.is_empty()).then_some(())?;
    match algorithm {
        Algorithm::Es256 if oid == EC => {
            let (curve, nothing) = element(OID, parameters)?;
            (curve == P256 && nothing.is_empty()).then_some(())?;
            let (4, point) = (*key.first()?, key.get(1..)?) else { return None };
            (point.len() == 2 * HALF).then_some(())?;
            let (x, y) = point.split_at(HALF);
            let mut jwk = named("EC", algorithm, kid);
            jwk.crv = Some("P-256".to_owned());
            (jwk.x, jwk.y) = (Some(text::encode(x)), Some(text::encode(y)));
            Some(jwk)
        }
        Algorithm::Ps256 if oid == RSA => {
            let (pair, nothing) = element(SEQUENCE, key)?;
            let (modulus, after) = element(INTEGER, pair)?;
            let (exponent, left) = element(INTEGER, after)?;
            (nothing.is_empty() && left.is_empty()).then_some(())?;
            let mut jwk = named("RSA", algorithm, kid);
            jwk.n = Some(text::encode(positive(modulus)?));
            jwk.e = Some(text::encode(positive(exponent)?));
            Some(jwk)
        }
        _ => None,
    }
}

/// The contents of the element at the front, which must be of this kind, and what follows it.
fn element(kind: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = bytes.split_first()?;
    (found == kind).then_some(())?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 | 0x82 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit));
            // The shortest form and no other.
            (length > 0x7f && *digits.first()? != 0).then_some((length, rest))?
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// A positive number without the zero that keeps its sign.
fn positive(number: &[u8]) -> Option<&[u8]> {
    match number {
        [0, rest @ ..] => rest.first().filter(|next| **next & 0x80 != 0).map(|_| rest),
        [first, ..] if first & 0x80 == 0 => Some(number),
        _ => None,
    }
}

/// A positive number of at most 32 bytes, filled up in front.
fn half(number: &[u8]) -> Option<[u8; HALF]> {
    let number = positive(number)?;
    let mut filled = [0; HALF];
    filled.get_mut(HALF.checked_sub(number.len())?..)?.copy_from_slice(number);
    Some(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_in_der_become_two_halves_and_others_are_refused() {
        let der = |r: &[u8], s: &[u8]| {
            let integer = |n: &[u8]| [&[INTEGER, u8::try_from(n.len()).unwrap()], n].concat();
            let pair = [integer(r), integer(s)].concat();
            [vec![SEQUENCE, u8::try_from(pair.len()).unwrap()], pair].concat()
        };
        let short = fixed_ecdsa(&der(&[5], &[0, 0x80])).unwrap();
        assert_eq!((short.len(), short[31], short[63]), (64, 5, 0x80));
        let large = [&[0][..], &[0xff; 32]].concat();
        assert_eq!(fixed_ecdsa(&der(&large, &[1])).unwrap()[..32], [0xff; 32]);
        let good = der(&[5], &[6]);
        for other in [
            vec![],
            der(&[0x80], &[6]),
            der(&[0, 5], &[6]),
            der(&[], &[6]),
            der(&[1; 33], &[6]),
            [&good[..], &[0]].concat(),
            good[..good.len() - 1].to_vec(),
            vec![SEQUENCE, 0x80],
            vec![SEQUENCE, 0x81, 5, 1],
            vec![SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert!(fixed_ecdsa(&other).is_err(), "{other:?}");
        }
    }

    #[test]
    fn a_public_key_is_one_of_its_algorithm_only() {
        // The key of RFC 7517 appendix A.1, in the form of RFC 5480.
        let point = [
            "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        ]
        .map(|half| text::decode(half).unwrap())
        .concat();
        let head = [0x30, 0x59, 0x30, 0x13, OID, 7];
        let spki = [&head[..], EC, &[OID, 8], P256, &[BIT_STRING, 0x42, 0, 4], &point].concat();
        let key = from_spki(Algorithm::Es256, "a", &spki).unwrap();
        assert_eq!(key.to_jwk().x.unwrap(), "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4");
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(&spki)
        );
        assert_eq!(from_pem(Algorithm::Es256, "a", &pem).unwrap(), key);
        for algorithm in [Algorithm::Ps256, Algorithm::EdDsa] {
            from_spki(algorithm, "a", &spki).unwrap_err();
        }
        for end in 0..spki.len() {
            assert!(from_spki(Algorithm::Es256, "a", &spki[..end]).is_err(), "cut at {end}");
        }
        let mut off = spki.clone();
        off[30] ^= 1;
        from_spki(Algorithm::Es256, "a", &off).unwrap_err();
        from_spki(Algorithm::Es256, "a", &[&spki[..], &[0]].concat()).unwrap_err();
        from_ed25519("a", "AAAA").unwrap_err();
    }
}
