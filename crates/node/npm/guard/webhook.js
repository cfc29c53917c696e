'use strict';
// Webhooks: verified over the raw bytes by the addon, before anything parses them, under any of the
// active secrets, recent, and only once.

const { isSharedArrayBuffer } = require('node:util').types;
const { native } = require('../native.js');
const { call, GuardError, tell, typed } = require('./error.js');
const { own } = require('./grant.js');

/** Bodies from here on are verified on the thread pool. */
const LARGE = 256 << 10;
const MOST_SECRETS = 16;

/**
 * Verifies webhooks of one sender: `scheme` is standard, stripe, github or slack. `store`, if given,
 * is asked instead of memory: `first(id, until)` answers whether it sees that id for the first time,
 * and remembers it until then (a Date), for all processes at once.
 */
class Webhook {
  #clock;
  #store;
  #verifier;

  constructor(options) {
    const { clock = Date.now, remembered = 100_000, scheme, secrets, store, tolerance = 300 } = own(options);
    const list = typeof secrets === 'string' ? [secrets] : secrets;
    if (!Array.isArray(list) || list.length > MOST_SECRETS || !list.every((one) => typeof one === 'string')) {
      throw new GuardError('ERR_INVALID_ARG_TYPE', `secrets must be from 1 to ${MOST_SECRETS} strings`);
    }
    if (store !== undefined && typeof store.first !== 'function') {
      throw new GuardError('ERR_INVALID_ARG_TYPE', 'a store has a method first');
    }
    for (const [name, value] of Object.entries({ remembered, tolerance })) {
      if (!Number.isSafeInteger(value) || value < 1 || value >= 2 ** 31) {
        throw new GuardError('ERR_INVALID_ARG_VALUE', `${name} must be a whole number from 1`);
      }
    }
    this.#clock = clock;
    this.#store = store;
    const { GuardWebhook } = native();
    this.#verifier = call(() => new GuardWebhook(String(scheme), list, tolerance, remembered));
  }

  /** Verifies a raw body; gives `id` (do the work for it once) and `sent` (a Date, where one is signed). */
  async verify(headers, body) {
    const remember = this.#store === undefined;
    const values = [pairs(headers), raw(body), Math.floor(this.#clock() / 1000), remember];
    const later = body.length >= LARGE;
    const found = await this.#ask(body, () => this.#verifier[later ? 'verifyLater' : 'verify'](...values));
    const { id, sent, until } = found;
    if (!remember) await this.#first(id, new Date(until * 1000), body);
    return { id, sent: sent === undefined || sent === null ? undefined : new Date(sent * 1000) };
  }

  async #first(id, until, body) {
    let first;
    try {
      first = await this.#store.first(id, until);
    } catch (cause) {
      const error = new GuardError('ERR_RINGFENCE_GUARD_WEBHOOK_STORE', 'the store of what was seen is not available', { cause, statusCode: 503 });
      throw tell('webhook', error, '', body.length);
    }
    // Anything but a plain yes: a store that forgot to answer must not let a replay through.
    if (first === true) return;
    throw tell('webhook', new GuardError('ERR_RINGFENCE_GUARD_WEBHOOK_REPLAYED', 'it was seen before', { statusCode: 409 }), '', body.length);
  }

  async #ask(body, act) {
    try {
      return await act();
    } catch (error) {
      throw tell('webhook', typed(error, { statusCode: status(error) }), '', body.length);
    }
  }
}

function status({ message }) {
  if (message.startsWith('ERR_RINGFENCE_GUARD_WEBHOOK_REPLAYED')) return 409;
  if (message.startsWith('ERR_RINGFENCE_GUARD_WEBHOOK_STORE')) return 503;
  if (message.startsWith('ERR_RINGFENCE_GUARD_TOO_LARGE')) return 413;
  return /WEBHOOK_(?:SIGNATURE|TIME)/.test(message) ? 401 : 400;
}

/** Signs a body as the sender does: the headers to send with it. */
function signWebhook({ at = Date.now(), body, id = '', scheme, secret }) {
  const { guardWebhookSign } = native();
  const list = call(() => guardWebhookSign(String(scheme), String(secret), id, Math.floor(at / 1000), raw(body)));
  return Object.fromEntries(Array.from({ length: list.length / 2 }, (_, at2) => [list[2 * at2], list[2 * at2 + 1]]));
}

/** Names and values in turn: of node:http's rawHeaders, of an object, or of Headers. */
function pairs(headers) {
  if (Array.isArray(headers)) return headers.map(String);
  const entries = typeof headers?.entries === 'function' ? [...headers.entries()] : Object.entries(headers ?? {});
  return entries.flatMap(([name, value]) => [value].flat().flatMap((one) => [name, String(one)]));
}

function raw(body) {
  // Shared memory could be changed between what is verified and what is used.
  if (body instanceof Uint8Array && !isSharedArrayBuffer(body.buffer)) return body;
  throw new GuardError('ERR_INVALID_ARG_TYPE', 'the body must be the raw bytes, before anything parsed them');
}

module.exports = { signWebhook, Webhook };
