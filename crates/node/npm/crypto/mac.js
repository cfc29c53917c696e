'use strict';
// HMAC-SHA256 under a shared secret.

const { native } = require('../native.js');
const { invalid, refused, tell } = require('./errors.js');
const { hidden } = require('./shown.js');
const { apart, bytes, writable } = require('./values.js');

/** Bytes of a tag. */
const TAG = 32;

/** A shared secret that signs and verifies. */
class HmacKey {
  #native;

  constructor(secret) {
    try {
      this.#native = new (native().NativeMacKey)(bytes(secret, 'secret'));
    } catch (error) {
      throw refused(error, 'HmacKey');
    }
  }

  /** The tag of a message, 32 bytes. */
  sign(message) {
    const target = Buffer.allocUnsafe(TAG);
    this.#native.signInto(bytes(message, 'message'), target);
    return target;
  }

  /** Writes the tag of a message into the first 32 bytes of `target`. */
  signInto(message, target) {
    const from = bytes(message, 'message');
    const into = writable(target, 'target');
    if (into.length < TAG) throw invalid('the target must have 32 bytes');
    apart(from, into);
    this.#native.signInto(from, into);
    return TAG;
  }

  /** Whether `tag` is that of `message`. */
  verify(message, tag) {
    if (typeof tag === 'string') throw invalid('tag must be bytes: decode it first');
    const fits = this.#native.verify(bytes(message, 'message'), bytes(tag, 'tag'));
    if (!fits) tell('hmac.verify', { code: 'ERR_RINGFENCE_HMAC_AUTHENTICATION', message: 'the tag does not fit' });
    return fits;
  }
}
hidden(HmacKey, () => '[HmacKey]');

module.exports = { HmacKey };
