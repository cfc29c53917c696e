'use strict';
// Outbound requests to where they were meant to go (against SSRF): a dispatcher that `fetch` itself
// uses. Every request, and so every redirect, is judged by Rust before it is sent; what was judged is
// handed on, and connections are made to judged addresses only (connect.js).

const { agentOf } = require('./undici.js');
const { clock } = require('./clock.js');
const { connector } = require('./connect.js');
const { GuardError, tell } = require('./error.js');
const { own } = require('./grant.js');
const { Guarded } = require('./handler.js');
const { outbound } = require('./url.js');

const DEFAULTS = { compressed: false, connectTimeout: 10_000, maxBytes: 10 << 20, timeout: 30_000 };
/** Options that are undici's own. */
const OF_UNDICI = ['connections', 'keepAliveMaxTimeout', 'keepAliveTimeout', 'maxHeaderSize', 'pipelining'];
/** Longest path with its query in characters, as for whole URLs. */
const LONGEST_PATH = 2048;
/** Most origins that are remembered as judged. */
const REMEMBERED = 256;
const MOST_REDIRECTS = 5;
const OUTBOUND = Symbol('ringfence.guard.outbound');
const classes = new WeakMap();
const made = new WeakMap();

/** A dispatcher for `fetch(url, { dispatcher })`, `setGlobalDispatcher` and all of undici. */
function dispatcher(allowed, given) {
  const options = own(given);
  const judge = outbound(allowed);
  const limits = settings(options);
  const Agent = guardedAgent(agentOf(options.undici));
  const theirs = Object.fromEntries(OF_UNDICI.filter((name) => name in options).map((name) => [name, options[name]]));
  const { timeout } = limits;
  return new Agent(judge, limits, {
    // The whole time is bounded by the clock; these are for one silence each.
    bodyTimeout: timeout,
    headersTimeout: timeout,
    maxHeaderSize: 16_384,
    ...theirs,
    connect: connector(judge, { __proto__: null, ...options, connectTimeout: limits.connectTimeout }),
  });
}

function settings(options) {
  const known = new Set([...Object.keys(DEFAULTS), ...OF_UNDICI, 'lookup', 'tls', 'undici']);
  const unknown = Object.keys(options).find((name) => !known.has(name));
  if (unknown !== undefined) throw new GuardError('ERR_INVALID_ARG_VALUE', `there is no option ${unknown}`);
  const { compressed, connectTimeout, maxBytes, timeout } = { ...DEFAULTS, ...options };
  for (const [name, value] of Object.entries({ connectTimeout, maxBytes, timeout })) {
    if (!Number.isSafeInteger(value) || value < 1 || value >= 2 ** 31) {
      throw new GuardError('ERR_INVALID_ARG_VALUE', `${name} must be a whole number from 1 to 2147483647`);
    }
  }
  return { compressed: compressed === true, connectTimeout, maxBytes, timeout };
}

function guardedAgent(Agent) {
  if (!classes.has(Agent)) classes.set(Agent, extend(Agent));
  return classes.get(Agent);
}

function extend(Agent) {
  return class GuardedAgent extends Agent {
    #judge;
    #judged = new Map();
    #limits;

    constructor(judge, limits, options) {
      super(options);
      this.#judge = judge;
      this.#limits = { ...limits, clock: clock(limits.timeout) };
      Object.defineProperty(this, OUTBOUND, { value: judge });
    }

    dispatch(options, handler) {
      let guarded;
      try {
        guarded = this.#guard(options);
      } catch (error) {
        return fail(handler, error);
      }
      return super.dispatch(guarded, new Guarded(handler, this.#limits));
    }

    #guard(given) {
      // Read once: what is judged here is what is sent.
      const options = { ...given };
      const judged = this.#origin(options.origin);
      const { maxRedirections = 0, method, path } = options;
      if (typeof path !== 'string' || !path.startsWith('/')) {
        throw refuse('ERR_RINGFENCE_GUARD_URL', 'the path of a request begins with a slash', path);
      }
      if (path.length > LONGEST_PATH) throw refuse('ERR_RINGFENCE_GUARD_URL_TOO_LONG', `the path is longer than ${LONGEST_PATH}`, path);
      if (method === 'CONNECT') throw refuse('ERR_RINGFENCE_GUARD_METHOD', 'CONNECT would reach what was not judged', path);
      if (maxRedirections) throw refuse('ERR_RINGFENCE_GUARD_URL', 'maxRedirections is not supported: use fetch', path);
      options.headers = headersFor(options.headers, judged, this.#limits.compressed);
      options.origin = judged.origin;
      options.dispatcher = undefined;
      options.servername = undefined;
      return options;
    }

    /** The judged origin: what it was judged from is never read again. */
    #origin(origin) {
      const text = String(origin?.origin ?? origin);
      const known = this.#judged.get(text);
      if (known !== undefined) return known;
      const { host, port, protocol } = this.#judge.judge(text);
      const isOwn = port === (protocol === 'https:' ? 443 : 80);
      const authority = isOwn ? host : `${host}:${port}`;
      const judged = { authority, origin: `${protocol}//${authority}`, withPort: `${host}:${port}` };
      if (this.#judged.size >= REMEMBERED) this.#judged.clear();
      this.#judged.set(text, judged);
      return judged;
    }
  };
}

/** The caller's headers: no other host, and no compression where the size is to be bounded. */
function headersFor(headers, judged, compressed) {
  const list = Array.isArray(headers) ? [...headers] : flat(headers);
  let accepts = -1;
  for (let at = 0; at < list.length; at += 2) {
    // A text from here on, which says the same to whoever asks next.
    const name = typeof list[at] === 'string' ? list[at] : (list[at] = String(list[at]));
    if (name.length === 4 && name.toLowerCase() === 'host') {
      const host = String(list[at + 1]).toLowerCase();
      if (host !== judged.authority && host !== judged.withPort) {
        throw refuse('ERR_RINGFENCE_GUARD_HOST', 'host denied: the header says another', host);
      }
    } else if (name.length === 15 && name.toLowerCase() === 'accept-encoding') {
      accepts = at;
    }
  }
  if (compressed) return list;
  if (accepts === -1) list.push('accept-encoding', 'identity');
  else list[accepts + 1] = 'identity';
  return list;
}

/** Names and values in turn, of an object or whatever gives pairs. */
function flat(headers) {
  const list = [];
  if (headers === undefined || headers === null) return list;
  if (typeof headers[Symbol.iterator] === 'function') {
    for (const [name, value] of headers) list.push(name, value);
    return list;
  }
  for (const name of Object.keys(headers)) list.push(name, headers[name]);
  return list;
}

function refuse(code, message, input) {
  return tell('url', new GuardError(code, message), typeof input === 'string' ? input : '');
}

/** Tells a handler of either kind, as undici does for what is wrong before it is sent. */
function fail(handler, error) {
  if (typeof handler?.onResponseError === 'function') handler.onResponseError(null, error);
  else if (typeof handler?.onError === 'function') handler.onError(error);
  else throw error;
  return false;
}

/** `fetch` of a URL that is judged whole, with its redirects followed and judged one by one. */
async function safeFetch(url, { allowed, dispatcher: given, redirects = MOST_REDIRECTS, ...init } = {}) {
  const agent = given ?? ofAllowed(allowed);
  const judge = agent[OUTBOUND];
  if (judge === undefined) throw new GuardError('ERR_INVALID_ARG_TYPE', 'the dispatcher must be one of ringfence/guard');
  if (!Number.isSafeInteger(redirects) || redirects < 0) {
    throw new GuardError('ERR_INVALID_ARG_VALUE', 'redirects must be a whole number from 0');
  }
  if (typeof url !== 'string' && !(url instanceof URL)) {
    throw new GuardError('ERR_INVALID_ARG_TYPE', 'the URL must be a string or a URL');
  }
  let { href } = judge.judge(String(url));
  let request = { ...init, headers: new Headers(init.headers) };
  const { redirect = 'follow' } = init;
  for (let left = redirects; ; left--) {
    const response = await fetch(href, { ...request, dispatcher: agent, redirect: 'manual' });
    const location = redirectOf(response);
    if (location === undefined || redirect === 'manual') return response;
    await response.body?.cancel();
    if (left === 0 || redirect === 'error') {
      throw refuse('ERR_RINGFENCE_GUARD_REDIRECTS', `it redirects more than ${redirect === 'error' ? 0 : redirects} times`, location);
    }
    const next = judge.redirect(href, location).href;
    request = redirected(request, response.status, new URL(next).origin === new URL(href).origin);
    href = next;
  }
}

function redirectOf({ headers, status }) {
  return [301, 302, 303, 307, 308].includes(status) ? headers.get('location') ?? undefined : undefined;
}

/** What follows a redirect (Fetch standard, HTTP-redirect fetch). */
function redirected(request, status, isSame) {
  const headers = new Headers(request.headers);
  const { method = 'GET' } = request;
  if (!isSame) for (const name of ['authorization', 'cookie', 'host', 'proxy-authorization']) headers.delete(name);
  const becomesGet = (status === 303 && !/^(?:GET|HEAD)$/i.test(method)) || ([301, 302].includes(status) && /^POST$/i.test(method));
  if (!becomesGet) {
    if (isStream(request.body)) {
      throw new GuardError('ERR_RINGFENCE_GUARD_REDIRECTS', 'a stream cannot be sent again');
    }
    return { ...request, headers };
  }
  for (const name of ['content-encoding', 'content-language', 'content-length', 'content-location', 'content-type']) headers.delete(name);
  return { ...request, body: undefined, headers, method: 'GET' };
}

/** What is empty when it was sent once. */
function isStream(body) {
  return ['getReader', 'pipe', Symbol.asyncIterator].some((name) => typeof body?.[name] === 'function');
}

/** One dispatcher for each list of what is allowed. */
function ofAllowed(allowed) {
  const judge = outbound(allowed);
  if (!made.has(judge)) made.set(judge, dispatcher(judge));
  return made.get(judge);
}

module.exports = { dispatcher, safeFetch };
