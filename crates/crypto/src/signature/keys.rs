//! Keys that sign and keys that verify, each with its one algorithm.

use super::{Algorithm, Jwk, SignatureError};
use crate::secret::Secret;
use crate::text;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair as _, RSA_PSS_2048_8192_SHA256, RSA_PSS_SHA256, RsaKeyPair,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use std::fmt;

/// Longest modulus in bytes: 8192 bits.
const LONGEST_MODULUS: usize = 1024;

/// A private key.
pub struct SigningKey {
    kid: String,
    pair: Pair,
}

enum Pair {
    Ed25519(Box<Ed25519KeyPair>),
    P256(Box<EcdsaKeyPair>),
    Rsa(Box<RsaKeyPair>),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A new key; RSA has 3072 bits.
    ///
    /// # Errors
    /// [`SignatureError::Key`].
    pub fn generate(algorithm: Algorithm, kid: &str) -> Result<Self, SignatureError> {
        let failed = |_| SignatureError::Key("it could not be made");
        let pair = match algorithm {
            Algorithm::EdDsa => {
                Pair::Ed25519(Box::new(Ed25519KeyPair::generate().map_err(failed)?))
            }
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
                Pair::P256(Box::new(pair.map_err(failed)?))
            }
            Algorithm::Ps256 => {
                Pair::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa3072).map_err(failed)?))
            }
        };
        Ok(Self { kid: check_kid(kid)?.to_owned(), pair })
    }

    /// Takes a key in PKCS#8 (RFC 5958, DER).
    ///
    /// # Errors
    /// [`SignatureError::Key`] for a key that is not one of `algorithm`.
    pub fn from_pkcs8(
        algorithm: Algorithm,
        kid: &str,
        der: &Secret,
    ) -> Result<Self, SignatureError> {
        let failed = |_| SignatureError::Key("it is no PKCS#8 key of its algorithm");
        let der = der.expose();
        let pair = match algorithm {
            Algorithm::EdDsa => {
                Pair::Ed25519(Box::new(Ed25519KeyPair::from_pkcs8(der).map_err(failed)?))
            }
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der);
                Pair::P256(Box::new(pair.map_err(failed)?))
            }
            Algorithm::Ps256 => {
                let pair = RsaKeyPair::from_pkcs8(der).map_err(failed)?;
                if pair.public_modulus_len() < 256 {
                    return Err(SignatureError::Key("it has fewer than 2048 bits"));
                }
                Pair::Rsa(Box::new(pair))
            }
        };
        Ok(Self { kid: check_kid(kid)?.to_owned(), pair })
    }

    /// The key in PKCS#8 (DER).
    ///
    /// # Errors
    /// [`SignatureError::Key`].
    pub fn to_pkcs8(&self) -> Result<Secret, SignatureError> {
        let failed = |_| SignatureError::Key("it could not be written");
        let bytes = match &self.pair {
            Pair::Ed25519(pair) => pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec(),
            Pair::P256(pair) => pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
                der.as_ref().to_vec()
            }
        };
        Ok(Secret::new(bytes))
    }

    /// Its name.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Its algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self.pair {
            Pair::Ed25519(_) => Algorithm::EdDsa,
            Pair::P256(_) => Algorithm::Es256,
            Pair::Rsa(_) => Algorithm::Ps256,
        }
    }

    /// What verifies its signatures.
    ///
    /// # Errors
    /// [`SignatureError::Key`].
    pub fn public(&self) -> Result<VerifyingKey, SignatureError> {
        let public = match &self.pair {
            Pair::Ed25519(pair) => Public::Ed25519(pair.public_key().as_ref().to_vec()),
            Pair::P256(pair) => Public::P256(pair.public_key().as_ref().to_vec()),
            Pair::Rsa(pair) => Public::Rsa {
                modulus: pair.public_key().modulus().big_endian_without_leading_zero().to_vec(),
                exponent: pair.public_key().exponent().big_endian_without_leading_zero().to_vec(),
            },
        };
        Ok(VerifyingKey { kid: self.kid.clone(), public })
    }

    /// The bare signature of `message`.
    ///
    /// # Errors
    /// [`SignatureError::Key`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let failed = |_| SignatureError::Key("it could not sign");
        match &self.pair {
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::P256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(failed)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PSS_SHA256, &SystemRandom::new(), message, &mut signature)
                    .map_err(failed)?;
                Ok(signature)
            }
        }
    }
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    kid: String,
    public: Public,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Public {
    /// 32 bytes.
    Ed25519(Vec<u8>),
    /// A point, uncompressed: 4, x, y.
    P256(Vec<u8>),
    /// Big-endian, no zeros in front.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
}

impl VerifyingKey {
    /// Reads a public key; the algorithm it names is the only one it verifies.
    ///
    /// # Errors
    /// [`SignatureError::Key`] for private or symmetric keys, other algorithms, other uses, and points
    /// and numbers that are none.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, SignatureError> {
        jwk.check_public()?;
        let kid = check_kid(jwk.kid.as_deref().unwrap_or_default())?.to_owned();
        let number = |value: &Option<String>| {
            let bytes = value.as_deref().and_then(text::decode);
            bytes.ok_or(SignatureError::Key("a number of it is missing or not base64url"))
        };
        let public = match jwk.algorithm()? {
            Algorithm::EdDsa => Public::Ed25519(number(&jwk.x)?),
            Algorithm::Es256 => {
                let (x, y) = (number(&jwk.x)?, number(&jwk.y)?);
                if (x.len(), y.len()) != (32, 32) {
                    return Err(SignatureError::Key("x and y have 32 bytes each"));
                }
                Public::P256([&[4], x.as_slice(), y.as_slice()].concat())
            }
            Algorithm::Ps256 => {
                let (modulus, exponent) = (number(&jwk.n)?, number(&jwk.e)?);
                if !(256..=LONGEST_MODULUS).contains(&modulus.len())
                    || modulus.first() == Some(&0)
                    || exponent.first().is_none_or(|first| *first == 0)
                {
                    return Err(SignatureError::Key("RSA keys have 2048 to 8192 bits"));
                }
                Public::Rsa { modulus, exponent }
            }
        };
        let key = Self { kid, public };
        key.check()?;
        Ok(key)
    }

    /// The key for a JWK set.
    #[must_use]
    pub fn to_jwk(&self) -> Jwk {
        let mut jwk = Jwk {
            kid: Some(self.kid.clone()),
            alg: Some(self.algorithm().name().to_owned()),
            r#use: Some("sig".to_owned()),
            ..Jwk::default()
        };
        match &self.public {
            Public::Ed25519(point) => {
                "OKP".clone_into(&mut jwk.kty);
                jwk.crv = Some("Ed25519".to_owned());
                jwk.x = Some(text::encode(point));
            }
            Public::P256(point) => {
                "EC".clone_into(&mut jwk.kty);
                jwk.crv = Some("P-256".to_owned());
                let (x, y) = point.get(1..).unwrap_or_default().split_at(32);
                (jwk.x, jwk.y) = (Some(text::encode(x)), Some(text::encode(y)));
            }
            Public::Rsa { modulus, exponent } => {
                "RSA".clone_into(&mut jwk.kty);
                (jwk.n, jwk.e) = (Some(text::encode(modulus)), Some(text::encode(exponent)));
            }
        }
        jwk
    }

    /// Its name.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Its algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self.public {
            Public::Ed25519(_) => Algorithm::EdDsa,
            Public::P256(_) => Algorithm::Es256,
            Public::Rsa { .. } => Algorithm::Ps256,
        }
    }

    /// Whether it is the same key, whatever it is called.
    pub(crate) fn is_same_key(&self, other: &Self) -> bool {
        self.public == other.public
    }

    /// Whether `signature` is this key's over `message`.
    ///
    /// # Errors
    /// [`SignatureError::Authentication`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        let verified = match &self.public {
            Public::Ed25519(point) => {
                UnparsedPublicKey::new(&ED25519, point).verify(message, signature)
            }
            Public::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Public::Rsa { modulus, exponent } => RsaPublicKeyComponents { n: modulus, e: exponent }
                .verify(&RSA_PSS_2048_8192_SHA256, message, signature),
        };
        verified.map_err(|_| SignatureError::Authentication)
    }

    /// Whether the numbers are a key at all.
    fn check(&self) -> Result<(), SignatureError> {
        let none = |_| SignatureError::Key("its numbers are no key of its algorithm");
        match &self.public {
            Public::Ed25519(point) if is_of_small_order(point) => {
                Err(SignatureError::Key("its point is of small order: anything would verify"))
            }
            Public::Ed25519(point) => {
                signature::ParsedPublicKey::new(&ED25519, point).map(drop).map_err(none)
            }
            Public::P256(point) => {
                let parsed = signature::ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
                parsed.map(drop).map_err(none)
            }
            Public::Rsa { .. } => Ok(()),
        }
    }
}

/// The y coordinates of the eight points of small order, lowest byte first, and those of them that can
/// also be written above the prime: 0, 1, two of order 8, -1, and the prime itself and one more
/// (Chalkias, Garillot, Nikolaenko, "Taming the Many `EdDSAs`", 2020).
const SMALL_ORDER: [[u8; 32]; 7] = [
    y_of(0, 0, 0),
    y_of(1, 0, 0),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
    y_of(0xec, 0xff, 0x7f),
    y_of(0xed, 0xff, 0x7f),
    y_of(0xee, 0xff, 0x7f),
];

/// A coordinate by its lowest byte, those between, and its highest.
const fn y_of(lowest: u8, between: u8, highest: u8) -> [u8; 32] {
    let mut y = [between; 32];
    y[0] = lowest;
    y[31] = highest;
    y
}

/// Whether a public key of Ed25519 is a point under which one signature fits any message. The sign of
/// x, which is the highest bit, makes no difference.
fn is_of_small_order(point: &[u8]) -> bool {
    let Ok(mut y) = <[u8; 32]>::try_from(point) else { return false };
    y[31] &= 0x7f;
    SMALL_ORDER.contains(&y)
}

/// A name of a key: 1 to 128 visible letters of ASCII.
fn check_kid(kid: &str) -> Result<&str, SignatureError> {
    if kid.is_empty() || kid.len() > 128 || !kid.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(SignatureError::Key("its kid must have 1 to 128 visible letters of ASCII"));
    }
    Ok(kid)
}
