'use strict';
// API tokens: handed out once, kept as a keyed hash, found by it.

const { native } = require('../native.js');
const { TokenError, invalid, refused, tell } = require('./errors.js');
const { uuidV7 } = require('./random.js');
const { hidden } = require('./shown.js');
const values = require('./values.js');

/** No time in seconds: the year 5138. In milliseconds it was 1973. */
const IN_MILLISECONDS = 1e11;

/** Issues, verifies and revokes tokens in a store that the caller gives. */
class Tokens {
  #key;
  #prefix;
  #store;

  constructor(options) {
    const { key, prefix, store } = values.options(options, ['key', 'prefix', 'store']);
    for (const method of ['insert', 'find', 'revoke']) {
      if (typeof store?.[method] !== 'function') throw invalid(`store must have the method ${method}`);
    }
    this.#prefix = values.text(prefix, 'prefix');
    this.#store = store;
    try {
      this.#key = new (native().NativeServerKey)(values.binary(key, 'key'));
    } catch (error) {
      throw refused(error, 'Tokens');
    }
  }

  /** A new token. Its text is in the answer and nowhere else. */
  async issue(options) {
    const { note, expires, now } = values.options(options, ['note', 'expires', 'now']);
    const issued = values.now({ now });
    const entry = {
      id: uuidV7(),
      prefix: this.#prefix,
      note: values.text(note ?? '', 'note'),
      issued,
      ...(expires !== undefined && { expires: values.seconds(expires, 'expires') }),
    };
    let token;
    let locator;
    try {
      token = native().tokenIssue(this.#prefix);
      locator = this.#key.locate(token);
    } catch (error) {
      throw refused(error, 'token.issue');
    }
    await this.#store.insert(locator, entry);
    return { token, entry };
  }

  /** How a presented token stands. A text that is no token is `malformed`, without asking the store. */
  async verify(token, options) {
    const now = values.now(values.options(options, ['now']));
    if (typeof token !== 'string') throw invalid('token must be a string');
    // The longest token has 53 letters.
    const locator = token.length > 64 ? undefined : this.#locate(token);
    if (locator === undefined) return standing('malformed');
    // One store and key may hold tokens of several kinds: those of another kind are not known here.
    if (!token.startsWith(`${this.#prefix}_`)) return standing('unknown');
    const entry = await this.#store.find(locator);
    if (entry === undefined || entry === null) return standing('unknown');
    checkEntry(entry);
    if (entry.revoked !== undefined && entry.revoked !== null) return standing('revoked', entry);
    if (entry.expires !== undefined && entry.expires !== null && !(now < entry.expires)) return standing('expired', entry);
    return { ok: true, standing: 'valid', entry };
  }

  /** Revokes by the id of an entry; `undefined` when there is none. */
  async revoke(id, options) {
    const now = values.now(values.options(options, ['now']));
    return (await this.#store.revoke(values.text(id, 'id'), now)) ?? undefined;
  }

  #locate(token) {
    try {
      return this.#key.locate(token);
    } catch (error) {
      if (error?.code === 'ERR_RINGFENCE_TOKEN_MALFORMED') return undefined;
      throw refused(error, 'token.verify');
    }
  }
}
hidden(Tokens, () => '[Tokens]');

/** A store that answers with anything else must not let a token through, nor let it count for ever. */
function checkEntry(entry) {
  const { expires, id } = entry;
  const isSecond = Number.isSafeInteger(expires) && expires >= 0 && expires < IN_MILLISECONDS;
  if (typeof id === 'string' && (expires === undefined || expires === null || isSecond)) return;
  const error = new TokenError('ERR_RINGFENCE_TOKEN_STORE', 'the store answered what is no entry, with times in seconds since 1970');
  tell('token.verify', error);
  throw error;
}

function standing(how, entry) {
  tell('token.verify', { code: `ERR_RINGFENCE_TOKEN_${how.toUpperCase()}`, message: `the token is ${how}` });
  return { ok: false, standing: how, ...(entry !== undefined && { entry }) };
}

/** A store in memory: for tests, and as a pattern for others. It holds no token. */
class MemoryTokenStore {
  #entries = new Map();

  insert(locator, entry) {
    if (this.#entries.has(locator)) throw new TokenError('ERR_RINGFENCE_TOKEN_EXISTS', 'the locator is there already');
    this.#entries.set(locator, { ...entry });
  }

  find(locator) {
    const entry = this.#entries.get(locator);
    return entry === undefined ? undefined : { ...entry };
  }

  revoke(id, at) {
    for (const entry of this.#entries.values()) {
      if (entry.id !== id) continue;
      entry.revoked ??= at;
      return { ...entry };
    }
    return undefined;
  }
}

module.exports = { MemoryTokenStore, Tokens };
