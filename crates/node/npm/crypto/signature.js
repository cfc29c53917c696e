'use strict';
// Signatures: JWS in its compact form with EdDSA, ES256 or PS256, the algorithm pinned to the key.

const { native } = require('../native.js');
const { SignatureError, invalid, refused, refusedElsewhere, tell } = require('./errors.js');
const { hidden } = require('./shown.js');
const values = require('./values.js');

/** Longest JWS in letters. */
const LONGEST = 1024 * 1024;

const wrapped = Symbol('wrapped');
let signing;
let verifying;
let trusted;

/** A private key. */
class SigningKey {
  #native;

  constructor(algorithm, kid, pkcs8) {
    if (algorithm === wrapped) {
      this.#native = kid;
      return;
    }
    const [name, id] = [values.text(algorithm, 'algorithm'), values.text(kid, 'kid')];
    const bytes = der(pkcs8);
    try {
      this.#native = new (native().NativeSigningKey)(name, id, bytes);
    } catch (error) {
      throw refused(error, 'SigningKey');
    } finally {
      // Unless it is the caller's own memory.
      if (bytes.buffer !== pkcs8.buffer) bytes.fill(0);
    }
  }

  /** A new key; RSA has 3072 bits and takes a second, on another thread. */
  static async generate(algorithm, kid) {
    const [name, id] = [values.text(algorithm, 'algorithm'), values.text(kid, 'kid')];
    let made;
    try {
      made = native().NativeSigningKey.generate(name, id);
    } catch (error) {
      throw refused(error, 'SigningKey.generate');
    }
    try {
      return new SigningKey(wrapped, await made);
    } catch (error) {
      throw refusedElsewhere(error, 'SigningKey.generate');
    }
  }

  get kid() {
    return this.#native.kid;
  }

  get algorithm() {
    return this.#native.algorithm;
  }

  /** What verifies its signatures. */
  get verifyingKey() {
    return new VerifyingKey(wrapped, this.#native.public());
  }

  /** The key in PKCS#8 (DER): every use of it is a place to review. */
  toPkcs8() {
    return this.#native.toPkcs8();
  }

  /** The bare signature of a message. */
  sign(message) {
    const from = values.bytes(message, 'message');
    try {
      return this.#native.sign(from);
    } catch (error) {
      throw refused(error, 'signature.sign');
    }
  }

  static {
    signing = (key) => {
      if (key === null || typeof key !== 'object' || !(#native in key)) throw invalid('key must be a SigningKey');
      return key.#native;
    };
  }
}
hidden(SigningKey, (key) => `[SigningKey ${key.algorithm} ${key.kid}]`);

const BEGIN = '-----BEGIN PRIVATE KEY-----';
const END = '-----END PRIVATE KEY-----';
const NO_KEY = 'pkcs8 must be DER, or PEM with `BEGIN PRIVATE KEY`';
/** Longer than any PEM of a key. */
const MOST = 20_000;

/** PKCS#8 as DER, from DER or PEM. PEM in bytes never becomes a text, which nobody could erase. */
function der(pkcs8) {
  if (typeof pkcs8 === 'string') {
    if (pkcs8.length > MOST) throw invalid(NO_KEY);
    return unarmoured(Buffer.from(pkcs8, 'latin1'));
  }
  const given = values.binary(pkcs8, 'pkcs8');
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
  // DER begins with a sequence, 0x30.
  return bytes[0] === 0x30 || bytes.length > MOST ? bytes : unarmoured(bytes);
}

/** The bytes between the first and the last line of PEM. */
function unarmoured(pem) {
  const [begin, end] = [pem.indexOf(BEGIN), pem.indexOf(END)];
  const from = begin + BEGIN.length;
  const blank = (part) => part.every((byte) => sextet(byte) === SPACE);
  if (begin < 0 || end < from || !blank(pem.subarray(0, begin)) || !blank(pem.subarray(end + END.length))) throw invalid(NO_KEY);
  const decoded = Buffer.alloc(end - from);
  let [bits, held, length, padding] = [0, 0, 0, 0];
  for (const byte of pem.subarray(from, end)) {
    const value = sextet(byte);
    if (value === SPACE) continue;
    if (value === PAD) padding += 1;
    if (value === undefined || (padding > 0 && value !== PAD) || padding > 2) throw invalid(NO_KEY);
    if (value === PAD) continue;
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      decoded[length++] = held >> bits;
    }
  }
  return decoded.subarray(0, length);
}

const [PAD, SPACE] = [64, 65];

/** What a letter of base64 stands for, `PAD`, `SPACE`, or undefined. */
function sextet(byte) {
  if (byte >= 0x41 && byte <= 0x5a) return byte - 0x41;
  if (byte >= 0x61 && byte <= 0x7a) return byte - 0x61 + 26;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30 + 52;
  if (byte === 0x2b) return 62;
  if (byte === 0x2f) return 63;
  if (byte === 0x3d) return PAD;
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d) ? SPACE : undefined;
}

/** A public key with its one algorithm. */
class VerifyingKey {
  #native;

  constructor(jwk, made) {
    if (jwk === wrapped) {
      this.#native = made;
      return;
    }
    const text = json(jwk, 'jwk');
    try {
      this.#native = new (native().NativeVerifyingKey)(text);
    } catch (error) {
      throw refused(error, 'VerifyingKey');
    }
  }

  get kid() {
    return this.#native.kid;
  }

  get algorithm() {
    return this.#native.algorithm;
  }

  /** The key as a JWK. */
  toJWK() {
    return JSON.parse(this.#native.toJwk());
  }

  /** Whether a bare signature is this key's over `message`. */
  verify(message, signature) {
    const fits = this.#native.verify(values.bytes(message, 'message'), values.binary(signature, 'signature'));
    if (!fits) tell('signature.verify', { code: 'ERR_RINGFENCE_SIGNATURE_AUTHENTICATION', message: 'the signature does not fit' });
    return fits;
  }

  static {
    verifying = (key) => {
      if (key === null || typeof key !== 'object' || !(#native in key)) throw invalid('key must be a VerifyingKey');
      return key.#native;
    };
  }
}
hidden(VerifyingKey, (key) => `[VerifyingKey ${key.algorithm} ${key.kid}]`);

/** The keys a verifier trusts, each with the time in which it does. */
class KeySet {
  #native;

  /** Reads a JWK set (an object or its JSON), or begins empty. */
  constructor(jwks, made) {
    if (jwks === wrapped) {
      this.#native = made;
      return;
    }
    const text = jwks === undefined ? undefined : json(jwks, 'jwks');
    try {
      this.#native = new (native().NativeKeySet)();
      if (text !== undefined) this.#native.addSet(text);
    } catch (error) {
      throw refused(error, 'KeySet');
    }
  }

  /** Adds a public key, valid from the one time and before the other. */
  add(key, options) {
    const { from, until } = values.options(options, ['from', 'until']);
    const second = (time, name) => (time === undefined ? undefined : values.seconds(time, name));
    try {
      this.#native.add(verifying(key), second(from, 'from'), second(until, 'until'));
    } catch (error) {
      throw refused(error, 'KeySet.add');
    }
    return this;
  }

  /** The keys as a JWK set, for publishing. */
  toJWKS() {
    return JSON.parse(this.#native.toJwks());
  }

  static {
    trusted = (keys) => {
      if (keys === null || typeof keys !== 'object' || !(#native in keys)) throw invalid('keys must be a KeySet');
      return keys.#native;
    };
  }
}
hidden(KeySet, () => '[KeySet]');

/** Text that is JSON, or a value as JSON. */
function json(value, name) {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (typeof text !== 'string') throw invalid(`${name} must be an object or its JSON`);
  return text;
}

/** Signs a payload as a JWS; `typ` stands in its header. */
function signJws(key, payload, options) {
  const own = signing(key);
  const [typ, from] = [type(options), values.bytes(payload, 'payload')];
  try {
    return own.signJws(typ, from);
  } catch (error) {
    throw refused(error, 'signature.signJws');
  }
}

/** The same on another thread: for PS256, which takes a millisecond. */
async function signJwsAsync(key, payload, options) {
  const own = signing(key);
  const [typ, from] = [type(options), values.bytes(payload, 'payload')];
  try {
    return await own.signJwsElsewhere(typ, from);
  } catch (error) {
    throw refusedElsewhere(error, 'signature.signJwsAsync');
  }
}

function type(options) {
  const { typ } = values.options(options, ['typ']);
  return typ === undefined ? undefined : values.text(typ, 'typ');
}

/** Verifies a JWS with the key that it names; throws when it does not fit. */
function verifyJws(keys, jws, options) {
  const own = trusted(keys);
  if (typeof jws !== 'string') throw invalid('jws must be a string');
  if (jws.length > LONGEST) throw tooLong();
  const { now } = options === undefined ? {} : values.options(options, ['now']);
  try {
    return own.verifyJws(jws, values.now({ now }));
  } catch (error) {
    throw refused(error, 'signature.verifyJws');
  }
}

function tooLong() {
  const error = new SignatureError('ERR_RINGFENCE_SIGNATURE_TOO_LONG', `it is longer than ${LONGEST} bytes`);
  tell('signature.verifyJws', error);
  return error;
}

/** Signs claims as a JWT that lives for `lifetime` milliseconds. */
function signJwt(key, claims, options) {
  const { issuer, audience, lifetime, now } = values.options(options, ['issuer', 'audience', 'lifetime', 'now']);
  if (claims === null || typeof claims !== 'object' || Array.isArray(claims)) throw invalid('claims must be an object');
  const life = Math.floor(values.whole(lifetime, 'lifetime', { least: 1000 }) / 1000);
  const iat = values.now({ now });
  const registered = { iss: values.text(issuer, 'issuer'), aud: audience, iat, exp: iat + life };
  audienceText(audience);
  const all = { ...claims, ...registered };
  // It would be signed in the place of the claims, without an end.
  if (typeof all.toJSON === 'function') throw invalid('claims must not have a function toJSON');
  return signJws(key, JSON.stringify(all), { typ: 'JWT' });
}

function audienceText(audience) {
  if (Array.isArray(audience) && audience.length === 0) throw invalid('audience must not be empty');
  for (const one of Array.isArray(audience) ? audience : [audience]) values.text(one, 'audience');
}

/** Verifies a JWT: the signature, for whom and until when it counts; returns its claims. */
function verifyJwt(keys, jwt, options) {
  const known = ['issuer', 'audience', 'lifetime', 'skew', 'now'];
  const { issuer, audience, lifetime, skew, now } = values.options(options, known);
  const expected = [values.text(issuer, 'issuer'), values.text(audience, 'audience')];
  const life = values.whole(lifetime, 'lifetime', { usual: 86_400_000, least: 1000, most: 2 ** 41 });
  const apart = values.whole(skew, 'skew', { usual: 60_000, most: 300_000 });
  const verified = verifyJws(keys, jwt, { now });
  const times = [Math.floor(apart / 1000), Math.floor(life / 1000), values.now({ now })];
  try {
    native().checkClaims(verified.payload, ...expected, ...times);
  } catch (error) {
    throw refused(error, 'signature.verifyJwt');
  }
  return { ...verified, claims: JSON.parse(verified.payload.toString('utf8')) };
}

module.exports = {
  KeySet,
  SigningKey,
  VerifyingKey,
  keySetOf: (made) => new KeySet(wrapped, made),
  signJws,
  signJwsAsync,
  signJwt,
  signingKeyOf: (made) => new SigningKey(wrapped, made),
  verifyJws,
  verifyJwt,
};
