'use strict';
// Arguments as the addon takes them: bytes that nobody else writes meanwhile, text that has one form.

const { types } = require('node:util');
const { invalid } = require('./errors.js');

const EMPTY = new Uint8Array(0);
/** What every typed array is asked by. */
const VIEW = Object.getPrototypeOf(Uint8Array.prototype);
const SAID = ['buffer', 'byteOffset', 'byteLength', 'length'];

/** Bytes of a string (UTF-8), a view or an ArrayBuffer. Nothing is copied but text. */
function bytes(value, name) {
  if (types.isUint8Array(value)) return owned(value, name);
  if (typeof value === 'string') return Buffer.from(text(value, name), 'utf8');
  if (ArrayBuffer.isView(value)) {
    return owned(new Uint8Array(value.buffer, value.byteOffset, value.byteLength), name);
  }
  if (types.isArrayBuffer(value)) return owned(attached(value, name), name);
  throw invalid(`${name} must be a string, an ArrayBuffer or a view of one`);
}

/** Bytes that are no text, such as keys: a key as a string would be one in an unknown encoding. */
function binary(value, name) {
  if (typeof value === 'string') throw invalid(`${name} must be bytes: decode it first`);
  return bytes(value, name);
}

/** A Uint8Array to write into. */
function writable(value, name) {
  if (!types.isUint8Array(value)) throw invalid(`${name} must be a Uint8Array`);
  return owned(value, name);
}

function owned(given, name) {
  const view = isPlain(given) ? given : plain(given, name);
  const { buffer } = view;
  // Another thread could change it while it is read: what was verified would not be what is used.
  if (types.isSharedArrayBuffer(buffer)) throw invalid(`${name} must not be shared memory`);
  if (view.length === 0) attached(buffer, name);
  return view;
}

/** Whether what a view says of itself is what it is. */
function isPlain(view) {
  const prototype = Object.getPrototypeOf(view);
  if (prototype !== Uint8Array.prototype && prototype !== Buffer.prototype) return false;
  return !SAID.some((name) => Object.hasOwn(view, name));
}

/** The same memory, by a view that says nothing else. */
function plain(view, name) {
  const [buffer, byteOffset, , length] = SAID.map((name) => Reflect.get(VIEW, name, view));
  try {
    return new Uint8Array(buffer, byteOffset, length);
  } catch {
    throw invalid(`${name} is detached`);
  }
}

/** A detached buffer looks empty, and so does a view that no longer fits into its buffer. */
function attached(buffer, name) {
  if (buffer.resizable === true) throw invalid(`${name} must not be of variable length`);
  try {
    return new Uint8Array(buffer);
  } catch {
    throw invalid(`${name} is detached`);
  }
}

/** Refuses two views of the same memory: what is read would change while it is written. */
function apart(read, written) {
  if (read.buffer !== written.buffer) return;
  const ends = read.byteOffset + read.byteLength <= written.byteOffset;
  if (ends || written.byteOffset + written.byteLength <= read.byteOffset) return;
  throw invalid('the target must not overlap the data');
}

/** A string without halves of surrogate pairs, which UTF-8 cannot tell apart. */
function text(value, name) {
  if (typeof value !== 'string') throw invalid(`${name} must be a string`);
  if (!value.isWellFormed()) throw invalid(`${name} holds half of a surrogate pair`);
  return value;
}

/** A whole number within bounds; `usual` when there is none. */
function whole(value, name, { usual, least = 0, most = Number.MAX_SAFE_INTEGER }) {
  if (value === undefined && usual !== undefined) return usual;
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw invalid(`${name} must be a whole number from ${least} to ${most}`);
  }
  return value;
}

/** The context that an envelope is bound to. */
function context(given) {
  const { context: value } = options(given, ['context']);
  return value === undefined ? EMPTY : bytes(value, 'context');
}

/** Seconds since 1970 of `now` in the options, or now. */
function now(options) {
  const value = options?.now;
  return value === undefined ? Math.floor(Date.now() / 1000) : seconds(value, 'now');
}

/** Seconds since 1970 of a Date. */
function seconds(value, name) {
  const time = types.isDate(value) ? value.getTime() : Number.NaN;
  if (Number.isNaN(time) || time < 0) throw invalid(`${name} must be a Date after 1970`);
  return Math.floor(time / 1000);
}

/** Options that are an object, or none. */
function options(value, known) {
  if (value === undefined) return {};
  if (value === null || typeof value !== 'object') throw invalid('options must be an object');
  const other = Object.keys(value).find((key) => !known.includes(key));
  if (other !== undefined) throw invalid(`there is no option ${JSON.stringify(other)}: there are ${known.join(', ')}`);
  return value;
}

module.exports = { apart, binary, bytes, context, now, options, seconds, text, whole, writable };
