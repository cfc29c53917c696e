'use strict';
// The field manual's own functions by their own names: a program that has them in a file of its own
// changes the import and nothing else.

const { createHash } = require('node:crypto');
const { EnvelopeError, invalid, tell } = require('./errors.js');
const { SealKey, open, openManual, seal } = require('./envelope.js');
const { HmacKey } = require('./mac.js');
const values = require('./values.js');

/** Keys that were used, by name: each counts what it sealed. */
const keys = new Map();
const MOST_KEYS = 256;

/** The key of raw bytes. Its name is its thumbprint (RFC 7638), which tells nothing of a random key. */
function named(key) {
  const raw = values.binary(key, 'key');
  const text = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('base64url');
  const id = createHash('sha256').update(`{"k":"${text}","kty":"oct"}`).digest('base64url');
  let found = keys.get(id);
  if (found === undefined) {
    found = new SealKey(id, raw);
    if (keys.size >= MOST_KEYS) keys.delete(keys.keys().next().value);
    keys.set(id, found);
  }
  return found;
}

/** Seals a value as JSON for a context, as an envelope in text. */
function encryptJson(key, value, aad) {
  const json = JSON.stringify(value);
  if (json === undefined) throw invalid('value must be one that JSON can hold');
  return seal(named(key), json, { context: values.text(aad, 'aad') });
}

/** Opens what {@link encryptJson} sealed, or the older `{ iv, ciphertext, tag }`. */
function decryptJson(key, envelope, aad) {
  const context = values.text(aad, 'aad');
  const from = typeof envelope === 'string' && !envelope.trimStart().startsWith('{') ? open : openManual;
  const opened = from(named(key), envelope, { context });
  try {
    return JSON.parse(opened.toString('utf8'));
  } catch {
    // The message of JSON.parse would show some of it.
    const error = new EnvelopeError('ERR_RINGFENCE_ENVELOPE_MALFORMED', 'what was sealed is no JSON');
    tell('envelope.decryptJson', error);
    throw error;
  } finally {
    opened.fill(0);
  }
}

/** HMAC-SHA256 of a message in base64url, as Web Crypto makes it. */
async function hmacSha256(secret, message) {
  return new HmacKey(secret).sign(message).toString('base64url');
}

module.exports = { decryptJson, encryptJson, hmacSha256 };
