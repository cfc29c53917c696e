// Opens envelopes and verifies signatures with nothing but Web Crypto: for browsers, and for every
// other place that has it. It seals and signs nothing, and holds no key but those it is given. What it
// accepts is what the Rust crate and `ringfence/crypto` accept, with the same codes.
//
// A page cannot keep a secret from whoever may run script in it: an envelope's key belongs here only
// when its user may see what is inside.

const { subtle } = globalThis.crypto;

/** Longest envelope and longest signed text, in characters. */
const ENVELOPE = 64 << 20;
const SIGNED = 1 << 20;
const HEADER = 4096;
const SET = 1 << 20;

/** Something was refused. No message holds a secret; `code` is never changed. */
export class CryptoError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }

  get name() {
    return this.constructor.name;
  }
}
export class InvalidArgumentError extends CryptoError {}
export class EnvelopeError extends CryptoError {}
export class SignatureError extends CryptoError {}

const invalid = (message) => new InvalidArgumentError('ERR_RINGFENCE_INVALID_ARGUMENT', message);
const envelopeError = (code, message) => new EnvelopeError(`ERR_RINGFENCE_ENVELOPE${code}`, message);
const signatureError = (code, message) => new SignatureError(`ERR_RINGFENCE_SIGNATURE${code}`, message);

/** A key that opens envelopes: 32 bytes, under the name that envelopes call it by. */
export class OpenKey {
  #key;

  constructor(token, id, key) {
    if (token !== made) throw invalid('keys are made by OpenKey.import');
    this.id = id;
    this.#key = key;
    Object.freeze(this);
  }

  static async import(id, bytes) {
    const raw = binary(bytes, 'the key');
    if (!isKid(id)) throw envelopeError('_KEY', 'a kid has 1 to 128 visible letters of ASCII');
    if (raw.length !== 32) throw envelopeError('_KEY', 'a key has 32 bytes');
    // It cannot be taken out again.
    return new OpenKey(made, id, await subtle.importKey('raw', raw, 'AES-GCM', false, ['decrypt']));
  }

  async decrypt(iv, additionalData, data) {
    try {
      return await subtle.decrypt({ name: 'AES-GCM', iv, additionalData, tagLength: 128 }, this.#key, data);
    } catch {
      throw envelopeError('_AUTHENTICATION', 'authentication failed: another key, another context, or the envelope was changed');
    }
  }
}

/** Opens an envelope with the key that its `kid` names, and answers its bytes. */
export async function open(keys, envelope, context = '') {
  const known = Array.isArray(keys) ? keys : [keys];
  if (!known.every((key) => key instanceof OpenKey)) throw invalid('keys are made by OpenKey.import');
  const expected = typeof context === 'string' ? utf8(context) : binary(context, 'the context');
  if (typeof envelope !== 'string') throw invalid('an envelope is a text');
  if (envelope.length > ENVELOPE) throw envelopeError('_TOO_LONG', `it is longer than ${ENVELOPE} bytes`);
  const malformed = (why) => envelopeError('_MALFORMED', `it is no envelope: ${why}`);
  const parts = envelope.split('.', 6);
  if (parts.length !== 5) throw malformed('one has five parts');
  const [protectedHeader, encryptedKey, ...rest] = parts;
  const header = fields(protectedHeader, malformed);
  if (header.get('alg') !== 'dir' || header.get('enc') !== 'A256GCM') {
    if (!header.has('alg') || !header.has('enc')) throw malformed('its header is not that of an envelope');
    throw envelopeError('_ALGORITHM', 'its algorithm is not accepted: only alg dir with enc A256GCM is');
  }
  if (!header.has('kid') || !only(header, ['alg', 'enc', 'kid', 'ctx'])) {
    throw malformed('its header must have alg, enc, kid, and may have ctx');
  }
  if (encryptedKey !== '') throw envelopeError('_ALGORITHM', 'its algorithm is not accepted: only alg dir with enc A256GCM is');
  const key = known.find(({ id }) => id === header.get('kid'));
  if (key === undefined) throw envelopeError('_UNKNOWN_KEY', 'no key is known by its kid');
  const [nonce, sealed, tag] = rest.map((part) => decode(part) ?? fail(malformed('it is not base64url')));
  if (nonce.length !== 12) throw malformed('its nonce has 12 bytes');
  if (tag.length !== 16) throw malformed('its tag has 16 bytes');
  const data = new Uint8Array(sealed.length + tag.length);
  data.set(sealed);
  data.set(tag, sealed.length);
  const opened = await key.decrypt(nonce, utf8(protectedHeader), data);
  const bound = expected.length === 0 ? '' : encode(new Uint8Array(await subtle.digest('SHA-256', expected)));
  if (!same(header.get('ctx') ?? '', bound)) {
    throw envelopeError('_AUTHENTICATION', 'authentication failed: another key, another context, or the envelope was changed');
  }
  return new Uint8Array(opened);
}

/** Each algorithm with what Web Crypto calls it. A key has one of them, and no text chooses another. */
const ALGORITHMS = {
  EdDSA: { import: { name: 'Ed25519' }, verify: { name: 'Ed25519' }, length: () => 64 },
  ES256: { import: { name: 'ECDSA', namedCurve: 'P-256' }, verify: { name: 'ECDSA', hash: 'SHA-256' }, length: () => 64 },
  PS256: { import: { name: 'RSA-PSS', hash: 'SHA-256' }, verify: { name: 'RSA-PSS', saltLength: 32 }, length: (jwk) => decode(jwk.n).length },
};

/** Public keys by name, from a JWKS. A set with one key that cannot be used is refused as a whole. */
export class KeySet {
  #keys = new Map();

  constructor(token, keys) {
    if (token !== made) throw invalid('sets are made by KeySet.fromJwks');
    this.#keys = keys;
    Object.freeze(this);
  }

  static async fromJwks(jwks) {
    let set = jwks;
    if (typeof jwks === 'string') {
      if (jwks.length > SET) throw signatureError('_TOO_LONG', `it is longer than ${SET} bytes`);
      try {
        set = JSON.parse(jwks);
      } catch {
        throw signatureError('_MALFORMED', 'it is no set of keys');
      }
    }
    if (set === null || typeof set !== 'object' || !Array.isArray(set.keys)) throw signatureError('_MALFORMED', 'it is no set of keys');
    if (set.keys.length === 0) throw signatureError('_MALFORMED', 'it has no keys');
    const keys = new Map();
    for (const jwk of set.keys) {
      const key = await publicKey(jwk);
      if (keys.has(key.kid)) throw signatureError('_MALFORMED', 'a kid is there twice');
      keys.set(key.kid, key);
    }
    return new KeySet(made, keys);
  }

  get size() {
    return this.#keys.size;
  }

  find(kid) {
    const found = kid === undefined && this.#keys.size === 1 ? [...this.#keys.values()][0] : this.#keys.get(kid);
    if (found === undefined) throw signatureError('_UNKNOWN_KEY', 'no key is known by its kid');
    return found;
  }
}

/** Verifies a signed text with the key that it names, and answers what was signed. */
export async function verifyJws(keys, jws) {
  if (!(keys instanceof KeySet)) throw invalid('sets are made by KeySet.fromJwks');
  if (typeof jws !== 'string') throw invalid('a signed text is a text');
  if (jws.length > SIGNED) throw signatureError('_TOO_LONG', `it is longer than ${SIGNED} bytes`);
  const malformed = (why) => signatureError('_MALFORMED', `it is no signed text: ${why}`);
  const parts = jws.split('.', 4);
  if (parts.length !== 3) throw malformed('it has three parts');
  const header = fields(parts[0], malformed, SIGNED);
  if (!header.has('alg') || !only(header, ['alg', 'kid', 'typ', 'cty'])) throw malformed('its header may have alg, kid, typ and cty');
  const key = keys.find(header.get('kid'));
  if (header.get('alg') !== key.alg) throw signatureError('_ALGORITHM', 'its algorithm is not that of the key');
  const [payload, signature] = parts.slice(1).map((part) => decode(part) ?? fail(malformed('it is not base64url')));
  const signed = utf8(`${parts[0]}.${parts[1]}`);
  const fits = signature.length === key.length && (await subtle.verify(ALGORITHMS[key.alg].verify, key.key, signature, signed));
  if (!fits) throw signatureError('_AUTHENTICATION', 'the signature does not fit');
  return { kid: key.kid, type: header.get('typ'), payload };
}

/** A key of a set; only its numbers go on, so that nothing else in it counts. */
async function publicKey(jwk) {
  const wrong = (why) => signatureError('_KEY', `the key cannot be used: ${why}`);
  if (jwk === null || typeof jwk !== 'object') throw wrong('it is no key');
  const { kty, kid, alg, crv, use, key_ops: operations } = jwk;
  if (jwk.d !== undefined || jwk.k !== undefined) throw wrong('it is a private or symmetric key');
  if (!isKid(kid)) throw wrong('its kid must have 1 to 128 visible letters of ASCII');
  const usable = (use === undefined || use === 'sig') && (operations === undefined || (Array.isArray(operations) && operations.includes('verify')));
  if (!usable) throw wrong('it is not meant for verifying');
  const [fits, numbers] =
    kty === 'OKP' && crv === 'Ed25519' ? ['EdDSA', ['x']]
    : kty === 'EC' && crv === 'P-256' ? ['ES256', ['x', 'y']]
    : kty === 'RSA' && crv === undefined ? ['PS256', ['n', 'e']]
    : fail(wrong('its type is not accepted'));
  // The curve says enough; RSA without a word would be any of six algorithms.
  if (alg !== fits && !(alg === undefined && fits !== 'PS256')) throw wrong('its alg must be EdDSA, ES256 or PS256');
  const plain = { kty, ...(crv === undefined ? {} : { crv }) };
  for (const name of numbers) {
    const bytes = typeof jwk[name] === 'string' ? decode(jwk[name]) : null;
    if (bytes === null) throw wrong('a number of it is missing or not base64url');
    if (fits !== 'PS256' && bytes.length !== 32) throw wrong('its numbers have 32 bytes each');
    if (fits === 'PS256' && (bytes.length === 0 || bytes[0] === 0)) throw wrong('its numbers begin with zeros');
    if (name === 'n' && (bytes.length < 256 || bytes.length > 1024)) throw wrong('RSA keys have 2048 to 8192 bits');
    plain[name] = jwk[name];
  }
  try {
    const key = await subtle.importKey('jwk', plain, ALGORITHMS[fits].import, false, ['verify']);
    return { kid, alg: fits, key, length: ALGORITHMS[fits].length(plain) };
  } catch {
    throw wrong('its numbers are no key of its algorithm, or this runtime does not know it');
  }
}

const made = Symbol('made');

function fail(error) {
  throw error;
}

/** The fields of a protected header: a flat object of texts, each name once. */
function fields(part, malformed, longest = HEADER) {
  if (part.length > longest) throw malformed('its header is too long');
  const bytes = decode(part);
  if (bytes === null) throw malformed('its header is not base64url');
  let json;
  let header;
  try {
    json = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(json);
  } catch {
    throw malformed('its header is no JSON');
  }
  if (header === null || typeof header !== 'object' || Array.isArray(header)) throw malformed('its header is no object');
  const entries = Object.entries(header);
  if (!entries.every(([, value]) => typeof value === 'string')) throw malformed('its header has something else than texts');
  // JSON.parse takes the last of two: who signed and who reads could mean another.
  const texts = json.match(/"(?:[^"\\]|\\.)*"/gs) ?? [];
  if (texts.length !== 2 * entries.length) throw malformed('a name stands twice in its header');
  return new Map(entries);
}

function only(header, names) {
  return [...header.keys()].every((name) => names.includes(name));
}

function isKid(kid) {
  return typeof kid === 'string' && /^[\x21-\x7e]{1,128}$/.test(kid);
}

function binary(value, what) {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  throw invalid(`${what} is bytes`);
}

function utf8(text) {
  return new TextEncoder().encode(text);
}

/** Whether two texts are equal, in time that depends on the lengths alone. */
function same(left, right) {
  let different = left.length ^ right.length;
  for (let at = 0; at < right.length; at += 1) different |= left.charCodeAt(at % (left.length || 1)) ^ right.charCodeAt(at);
  return different === 0;
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const VALUES = new Uint8Array(128).fill(255);
for (const [value, letter] of [...LETTERS].entries()) VALUES[letter.charCodeAt(0)] = value;

/** base64url without padding, one text for one value; `null` for every other text. */
function decode(text) {
  const rest = text.length % 4;
  if (rest === 1) return null;
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let [bits, count, written] = [0, 0, 0];
  for (let at = 0; at < text.length; at += 1) {
    const letter = text.charCodeAt(at);
    const value = letter < 128 ? VALUES[letter] : 255;
    if (value === 255) return null;
    bits = (bits << 6) | value;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes[written] = (bits >> count) & 255;
      written += 1;
      bits &= (1 << count) - 1;
    }
  }
  return bits === 0 ? bytes : null;
}

function encode(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const [a, b, c] = [bytes[at], bytes[at + 1], bytes[at + 2]];
    text += LETTERS[a >> 2] + LETTERS[((a & 3) << 4) | ((b ?? 0) >> 4)];
    if (b !== undefined) text += LETTERS[((b & 15) << 2) | ((c ?? 0) >> 6)];
    if (c !== undefined) text += LETTERS[c & 63];
  }
  return text;
}
