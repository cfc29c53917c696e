'use strict';
// Keys over time: published before they are used, verifying after they were replaced, then gone.

const { native } = require('../native.js');
const { invalid, refused } = require('./errors.js');
const { nativeOf, sealKeyOf } = require('./envelope.js');
const { hidden } = require('./shown.js');
const { keySetOf, signingKeyOf } = require('./signature.js');
const values = require('./values.js');

const KINDS = ['eddsa', 'es256', 'ps256', 'a256gcm'];

/** A ring of keys of one kind. Private halves are sealed under a key that is kept elsewhere. */
class Keyring {
  #native;

  /** Use {@link Keyring.create} or {@link Keyring.parse}. */
  constructor(made) {
    if (!(made instanceof native().NativeKeyring)) throw invalid('use Keyring.create or Keyring.parse');
    this.#native = made;
  }

  /** A ring with its first key in use. */
  static create(name, kind, wrap, options) {
    const { policy, now } = values.options(options, ['policy', 'now']);
    if (!KINDS.includes(kind)) throw invalid(`kind must be one of ${KINDS.join(', ')}`);
    const made = [values.text(name, 'name'), kind, times(policy), nativeOf(wrap), values.now({ now })];
    return attempt('create', () => new Keyring(native().NativeKeyring.create(...made)));
  }

  /**
   * Reads what {@link Keyring#text} wrote, and authenticates it. Without `wrap` nothing is
   * authenticated: for showing public keys, for nothing else.
   */
  static parse(text, wrap) {
    const own = wrap === undefined ? undefined : nativeOf(wrap);
    const json = values.text(text, 'text');
    return attempt('parse', () => new Keyring(native().NativeKeyring.parse(json, own)));
  }

  /** Takes over, once, a file of the older form, in which only private halves were authenticated. */
  static migrate(text, wrap) {
    const own = nativeOf(wrap);
    const json = values.text(text, 'text');
    return attempt('migrate', () => new Keyring(native().NativeKeyring.migrate(json, own)));
  }

  get name() {
    return this.#native.name;
  }

  /** The ring as JSON for its file: authenticated, private halves sealed. */
  text(wrap) {
    const own = nativeOf(wrap);
    return attempt('text', () => this.#native.text(own));
  }

  /** Names, states and times of its keys. */
  keys() {
    return JSON.parse(attempt('keys', () => this.#native.keys())).map(described);
  }

  /** The next step: publishes a new key, or lets the published one take over. */
  rotate(wrap, options) {
    const [own, now] = [nativeOf(wrap), time(options)];
    const { step, kid, takesOverFrom, before, retiresFrom } = attempt('rotate', () => this.#native.rotate(own, now));
    return step === 'published'
      ? { step, kid, takesOverFrom: date(takesOverFrom) }
      : { step, kid, ...(before !== undefined && { before: { kid: before, retiresFrom: date(retiresFrom) } }) };
  }

  /** Erases a key's private half, when nothing that it signed can be valid any more. */
  retire(kid, options) {
    const [name, now] = [values.text(kid, 'kid'), time(options)];
    attempt('retire', () => this.#native.retire(name, now));
  }

  /** Erases a key's private half at once: after a compromise. */
  destroy(kid, options) {
    const [name, now] = [values.text(kid, 'kid'), time(options)];
    attempt('destroy', () => this.#native.destroy(name, now));
  }

  /** The key that signs. */
  signingKey(wrap) {
    const own = nativeOf(wrap);
    return signingKeyOf(attempt('signingKey', () => this.#native.signingKey(own)));
  }

  /** The keys that verify, each in its window. */
  verifyingKeys() {
    return keySetOf(attempt('verifyingKeys', () => this.#native.verifyingKeys()));
  }

  /** What verifiers fetch: a JWK set. */
  jwks() {
    return JSON.parse(attempt('jwks', () => this.#native.jwks()));
  }

  /** The key that seals. A block of seals is taken from its count: keep {@link Keyring#text} before it is used. */
  sealingKey(wrap) {
    const own = nativeOf(wrap);
    return sealKeyOf(attempt('sealingKey', () => this.#native.sealingKey(own)));
  }

  /** The keys that open. */
  openingKeys(wrap) {
    const own = nativeOf(wrap);
    return attempt('openingKeys', () => this.#native.openingKeys(own)).map(sealKeyOf);
  }

  /** Puts all private halves under another key-encryption key. */
  rewrap(from, to) {
    const keys = [nativeOf(from), nativeOf(to)];
    attempt('rewrap', () => this.#native.rewrap(...keys));
  }
}
hidden(Keyring, (ring) => `[Keyring ${ring.name}]`);

function attempt(what, step) {
  try {
    return step();
  } catch (error) {
    throw refused(error, `keyring.${what}`);
  }
}

function times(policy) {
  const { tokenLife, skew, cache } = values.options(policy, ['tokenLife', 'skew', 'cache']);
  const seconds = (value, name, usual) => Math.ceil(values.whole(value, name, { usual }) / 1000);
  return {
    tokenLife: seconds(tokenLife, 'tokenLife', 86_400_000),
    skew: seconds(skew, 'skew', 60_000),
    cache: seconds(cache, 'cache', 3_600_000),
  };
}

function time(options) {
  return values.now(values.options(options, ['now']));
}

function date(seconds) {
  return new Date(seconds * 1000);
}

function described(key) {
  const at = (name) => (key[name] === undefined ? {} : { [name]: date(key[name]) });
  return {
    kid: key.kid,
    state: key.state,
    ...at('published'),
    ...at('activated'),
    ...at('replaced'),
    ...at('retired'),
    ...(key.public !== undefined && { public: key.public }),
    ...(key.seals !== undefined && { seals: key.seals }),
  };
}

module.exports = { Keyring };
