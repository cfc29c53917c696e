'use strict';
// Files that users send: counted and looked at while they come, of a kind that is wanted and that was
// declared, kept under their hash, after a scanner has seen them. Nothing a user wrote becomes a name.

const { native } = require('../native.js');
const { GuardError, tell, typed } = require('./error.js');
const { needs, own } = require('./grant.js');
const { toWrite } = require('./path.js');

const KNOWN = new Set(['accept', 'clamd', 'clamdTimeout', 'declared', 'hidden', 'into', 'maxBytes', 'signal']);
const DEFAULTS = Object.freeze({ clamdTimeout: 30_000, maxBytes: 10 << 20 });
/** Bytes that are handed over at once, at least, while there is more. */
const PIECE = 64 << 10;
const STATUS = { infected: 422, 'not-scanned': 503, 'declared-otherwise': 415, 'unwanted-kind': 415 };

/**
 * Takes a file in from a stream of bytes (of Node or the web, or anything that gives Buffers) or from
 * bytes: `{ name, sha256, mediaType, bytes, notes, known }`. On an error nothing of it is kept.
 */
async function acceptUpload(source, options) {
  const { intake, into, signal } = settings(options);
  const pieces = piecesOf(source);
  const root = toWrite(into);
  const { GuardUpload } = native();
  let upload;
  try {
    upload = new GuardUpload(root, intake);
    await receive(upload, pieces, { maxBytes: intake.longest, signal });
    return await upload.finish();
  } catch (cause) {
    throw failure(cause);
  } finally {
    upload?.abandon();
  }
}

function settings(given) {
  const options = own(given);
  const unknown = Object.keys(options).find((name) => !KNOWN.has(name));
  if (unknown !== undefined) throw wrong(`there is no option ${unknown}`);
  const { accept, clamd, declared, hidden = 'refuse', into, signal } = options;
  const { clamdTimeout, maxBytes } = { __proto__: null, ...DEFAULTS, ...options };
  if (!Array.isArray(accept) || accept.length === 0 || !accept.every((one) => typeof one === 'string')) {
    throw wrong('accept must be a list of media types');
  }
  if (typeof declared !== 'string') throw wrong('declared must be the media type that the sender gave');
  if (hidden !== 'refuse' && hidden !== 'note') throw wrong("hidden is 'refuse' or 'note'");
  for (const [name, value, most] of [['maxBytes', maxBytes, 2 ** 53 - 1], ['clamdTimeout', clamdTimeout, 2 ** 31 - 1]]) {
    if (!Number.isSafeInteger(value) || value < 1 || value > most) throw wrong(`${name} must be a whole number from 1`);
  }
  if (clamd !== undefined) mayAsk(clamd);
  const intake = { __proto__: null, clamd, clamdTimeout, declared, longest: maxBytes, toleratesHidden: hidden === 'note', wanted: accept };
  return { intake, into, signal };
}

/** The daemon is asked by the addon, which Node's permission model does not see. */
function mayAsk(clamd) {
  if (typeof clamd !== 'string') throw wrong('clamd is a path, or an address with a port');
  // Node has a scope for it from 25 on.
  if (process.allowedNodeEnvironmentFlags.has('--allow-net')) needs('net', undefined, '--allow-net');
}

/** Pieces one by one. A stream of Node is not destroyed by a refusal: its request is answered first. */
function piecesOf(source) {
  if (source instanceof Uint8Array) return [source];
  if (typeof source?.iterator === 'function' && typeof source.pipe === 'function') return source.iterator({ destroyOnReturn: false });
  if (typeof source?.[Symbol.asyncIterator] === 'function') return source;
  throw new GuardError('ERR_INVALID_ARG_TYPE', 'an upload must be a stream of bytes, a Buffer or a Uint8Array');
}

async function receive(upload, pieces, { maxBytes, signal }) {
  let size = 0;
  let waiting = [];
  let held = 0;
  for await (const piece of aborting(pieces, signal)) {
    // Shared memory could change under the eyes that judge it.
    if (!(piece instanceof Uint8Array) || piece.buffer instanceof SharedArrayBuffer) throw new GuardError('ERR_INVALID_ARG_TYPE', 'the stream gives what is no bytes');
    size += piece.byteLength;
    // Told here too: the addon hears of it piece by piece.
    if (size > maxBytes) throw tooLong(maxBytes, size);
    waiting.push(piece);
    held += piece.byteLength;
    if (held < PIECE) continue;
    await upload.take(joined(waiting));
    waiting = [];
    held = 0;
  }
  if (held > 0) await upload.take(joined(waiting));
}

/** A copy, unless it is one Buffer alone that its stream has let go of. */
function joined(pieces) {
  return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
}

/** The pieces until the caller's signal; what the sender is slow with is not waited for then. */
async function* aborting(pieces, signal) {
  if (signal === undefined) {
    yield* pieces;
    return;
  }
  const iterator = pieces[Symbol.asyncIterator]?.() ?? pieces[Symbol.iterator]();
  let stop;
  const stopped = new Promise((_resolve, reject) => {
    stop = () => reject(new GuardError('ABORT_ERR', 'the upload was aborted', { cause: signal.reason }));
  });
  stopped.catch(() => {});
  signal.addEventListener('abort', stop, { once: true });
  try {
    if (signal.aborted) stop();
    for (;;) {
      const { done, value } = await Promise.race([iterator.next(), stopped]);
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    Promise.resolve(iterator.return?.()).catch(() => {});
  }
}

function tooLong(most, size) {
  const error = new GuardError('ERR_RINGFENCE_GUARD_TOO_LARGE', `it is longer than ${most} bytes`, { rule: 'too-long', statusCode: 413 });
  return tell('upload', error, '', size);
}

/** Errors of the sender's stream stay what they are. */
function failure(cause) {
  const error = typed(cause);
  const found = /^([a-z-]+): (.*)$/s.exec(error?.message ?? '');
  if (error === cause || found === null) return error;
  const [, rule, message] = found;
  if (rule === 'argument' || !error.code.startsWith('ERR_RINGFENCE_GUARD_')) return new GuardError(error.code, message, { rule });
  const statusCode = error.code === 'ERR_RINGFENCE_GUARD_TOO_LARGE' ? 413 : STATUS[rule] ?? 400;
  return tell('upload', new GuardError(error.code, message, { rule, statusCode }), '', 0);
}

function wrong(message) {
  return new GuardError('ERR_INVALID_ARG_VALUE', message);
}

module.exports = { acceptUpload };
