'use strict';
// Envelopes: JWE in its compact form, `dir` with `A256GCM`, bound to a context.

const { native } = require('../native.js');
const { EnvelopeError, invalid, refused, tell } = require('./errors.js');
const { hidden } = require('./shown.js');
const values = require('./values.js');

/** By how much sealed bytes are longer than the data: a nonce and a tag. */
const OVERHEAD = 28;
/** Longest envelope in letters. */
const LONGEST = 64 * 1024 * 1024;

let nativeOf;
let wrapped;

/** A key of 256 bits with its name, and the count of what it sealed. */
class SealKey {
  #native;

  /** Copies 32 bytes; `sealed` is how often the key has sealed so far, here and elsewhere. */
  constructor(id, key, options) {
    if (id === wrapped) {
      this.#native = key;
      return;
    }
    const { sealed } = values.options(options, ['sealed']);
    const count = values.whole(sealed, 'sealed', { usual: 0 });
    try {
      this.#native = new (native().NativeEnvelopeKey)(values.text(id, 'id'), values.binary(key, 'key'), count);
    } catch (error) {
      throw refused(error, 'SealKey');
    }
  }

  /** Its name, the `kid`. */
  get id() {
    return this.#native.id;
  }

  /** How often it has sealed. At 2^32 it refuses. */
  get sealed() {
    return this.#native.sealed;
  }

  static {
    wrapped = Symbol('wrapped');
    nativeOf = (key) => {
      if (key === null || typeof key !== 'object' || !(#native in key)) throw invalid('key must be a SealKey');
      return key.#native;
    };
  }
}
hidden(SealKey, (key) => `[SealKey ${key.id}]`);

/** A SealKey of one that the addon made. */
function sealKeyOf(key) {
  return new SealKey(wrapped, key);
}

/** One or several keys, the first apart. */
function several(keys) {
  if (!Array.isArray(keys)) return [nativeOf(keys), undefined];
  if (keys.length === 0) throw invalid('keys must not be empty');
  const [first, ...others] = keys.map(nativeOf);
  return [first, others.length > 0 ? others : undefined];
}

function envelopeText(envelope) {
  if (typeof envelope !== 'string') throw invalid('envelope must be a string');
  return notTooLong(envelope.length, LONGEST, envelope);
}

function notTooLong(length, most, value) {
  if (length <= most) return value;
  const error = new EnvelopeError('ERR_RINGFENCE_ENVELOPE_TOO_LONG', `it is longer than ${LONGEST} bytes`);
  tell('envelope', error);
  throw error;
}

/** Data as bytes; text that cannot fit is refused before it is copied. */
function dataBytes(data) {
  if (typeof data === 'string') notTooLong(data.length, LONGEST / 2);
  return values.bytes(data, 'data');
}

/** Seals data for a context; the text may be stored and sent. */
function seal(key, data, options) {
  const own = nativeOf(key);
  // Options first: what they run when they are read cannot take the data away afterwards.
  const context = values.context(options);
  const from = dataBytes(data);
  try {
    return own.seal(context, from);
  } catch (error) {
    throw refused(error, 'envelope.seal');
  }
}

/** Opens an envelope with the one of `keys` that it names. */
function open(keys, envelope, options) {
  const [key, others] = several(keys);
  envelopeText(envelope);
  const context = values.context(options);
  try {
    return key.open(others, context, envelope);
  } catch (error) {
    throw refused(error, 'envelope.open');
  }
}

/** Opens an envelope with one of `keys` and seals what was in it with `key`. */
function reseal(keys, key, envelope, options) {
  const [first, others = []] = several(keys);
  const own = nativeOf(key);
  envelopeText(envelope);
  const context = values.context(options);
  try {
    return own.reseal([first, ...others], context, envelope);
  } catch (error) {
    throw refused(error, 'envelope.reseal');
  }
}

/** Opens `{ iv, ciphertext, tag }` in base64, AES-256-GCM with the context as additional data. */
function openManual(key, envelope, options) {
  const own = nativeOf(key);
  const context = values.context(options);
  const parts = typeof envelope === 'string' ? envelope : manualText(envelope);
  notTooLong(parts.length, LONGEST);
  try {
    return own.openManual(context, parts);
  } catch (error) {
    throw refused(error, 'envelope.openManual');
  }
}

function manualText(envelope) {
  if (envelope === null || typeof envelope !== 'object') throw invalid('envelope must be an object or its JSON');
  const { iv, ciphertext, tag } = envelope;
  for (const part of [iv, ciphertext, tag]) {
    if (typeof part !== 'string') throw invalid('envelope must have iv, ciphertext and tag in base64');
    notTooLong(part.length, LONGEST);
  }
  return JSON.stringify({ iv, ciphertext, tag });
}

/** Opens the older form and seals it again. */
function resealManual(key, envelope, options) {
  const opened = openManual(key, envelope, options);
  try {
    return seal(key, opened, options);
  } finally {
    opened.fill(0);
  }
}

/** The name of an envelope's key, before anything is authenticated: for choosing a key. */
function keyId(envelope) {
  try {
    return native().envelopeKeyId(envelopeText(envelope));
  } catch (error) {
    throw refused(error, 'envelope.keyId');
  }
}

/** How many bytes {@link sealInto} writes for data of `length` bytes. */
function sealedLength(length) {
  return values.whole(length, 'length', {}) + OVERHEAD;
}

/** Seals data into the beginning of `target`: for large data, in buffers that are used again. */
function sealInto(key, data, target, options) {
  const own = nativeOf(key);
  const context = values.context(options);
  const from = values.bytes(data, 'data');
  const into = values.writable(target, 'target');
  if (into.length < from.length + OVERHEAD) {
    throw invalid(`the target must have ${OVERHEAD} bytes more than the data`);
  }
  values.apart(from, into);
  values.apart(context, into);
  try {
    const header = own.sealInto(context, from, into);
    return { protected: header, length: from.length + OVERHEAD };
  } catch (error) {
    throw refused(error, 'envelope.sealInto');
  }
}

/** Opens what {@link sealInto} sealed into the beginning of `target`; returns how many bytes it is. */
function openInto(keys, header, sealed, target, options) {
  const [key, others] = several(keys);
  const context = values.context(options);
  const from = values.binary(sealed, 'sealed');
  if (typeof header !== 'string') throw invalid('protected must be a string');
  notTooLong(header.length, LONGEST);
  const into = values.writable(target, 'target');
  if (into.length < from.length - OVERHEAD) {
    throw invalid(`the target must have room for the data`);
  }
  values.apart(from, into);
  values.apart(context, into);
  try {
    return key.openInto(others, context, header, from, into);
  } catch (error) {
    throw refused(error, 'envelope.openInto');
  }
}

/** What {@link sealInto} sealed, as an envelope in text. */
function compact(header, sealed) {
  if (typeof header !== 'string') throw invalid('protected must be a string');
  const from = values.binary(sealed, 'sealed');
  try {
    return native().envelopeCompact(notTooLong(header.length, LONGEST, header), notTooLong(from.length, LONGEST / 2, from));
  } catch (error) {
    throw refused(error, 'envelope.compact');
  }
}

module.exports = {
  SealKey,
  compact,
  keyId,
  nativeOf: (key) => nativeOf(key),
  open,
  openInto,
  openManual,
  reseal,
  resealManual,
  seal,
  sealInto,
  sealKeyOf,
  sealedLength,
};
