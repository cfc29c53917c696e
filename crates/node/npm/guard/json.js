'use strict';
// JSON from outside, read within bounds before anybody's schema sees it: no more bytes, depth or
// values than agreed, no name twice in an object (parsers differ in which one counts), no name that
// reaches an object's prototype. The rules are those of the Rust crate `guard`; what is refused is
// told by its place and never by its content.

const { isUtf8 } = require('node:buffer');
const { isSharedArrayBuffer } = require('node:util').types;
const { GuardError, tell } = require('./error.js');
const { own } = require('./grant.js');
const { native } = require('../native.js');
const { DEPTH, ESCAPED, exact, OK, PROTOTYPE, scan, TWICE, UTF8, VALUES } = require('./scan.js');

const DEFAULTS = Object.freeze({ maxBytes: 1 << 20, depth: 32, values: 100_000 });
/** Deepest that may be asked for. */
const DEEPEST = 1000;
/** Bytes from which a call into the addon is worth it (measured: 300 to 350 on Node 20 to 26). */
const LARGE = 320;
const found = { at: 0 };
let addon;

/** Checks limits once; what comes back is taken as it is. */
function limits(given) {
  const { maxBytes = DEFAULTS.maxBytes, depth = DEFAULTS.depth, values = DEFAULTS.values } = own(given);
  for (const [name, value, most] of [['maxBytes', maxBytes, 2 ** 29], ['depth', depth, DEEPEST], ['values', values, 2 ** 29]]) {
    if (!Number.isSafeInteger(value) || value < 1 || value > most) {
      throw new GuardError('ERR_INVALID_ARG_VALUE', `${name} must be a whole number from 1 to ${most}`);
    }
  }
  return new Limits(maxBytes, depth, values);
}

class Limits {
  constructor(maxBytes, depth, values) {
    this.maxBytes = maxBytes;
    this.depth = depth;
    this.values = values;
    Object.freeze(this);
  }
}

const usual = limits();

/** Reads a whole text of bytes (or a string) within bounds. */
function parseJson(input, options) {
  const bounds = options === undefined ? usual : options instanceof Limits ? options : limits(options);
  const bytes = typeof input === 'string' ? Buffer.from(input) : input;
  // Shared memory could be changed between what is looked at and what is parsed.
  if (!(bytes instanceof Uint8Array) || isSharedArrayBuffer(bytes.buffer)) {
    throw new GuardError('ERR_INVALID_ARG_TYPE', 'a JSON text must be a Buffer, a Uint8Array or a string');
  }
  if (bytes.length > bounds.maxBytes) {
    throw tooLong(bounds.maxBytes, bytes);
  }
  const broken = bytes.length < LARGE ? scan(bytes, bounds, found) : look(bytes, bounds);
  if (broken !== OK) throw refused(broken, bounds, bytes);
  const text = typeof input === 'string' ? input : utf8(bytes);
  // What is no UTF-8 was replaced by this; the character itself may also stand there.
  if (text.includes('\ufffd') && !isUtf8(bytes)) throw refused(UTF8, bounds, bytes);
  try {
    return JSON.parse(text);
  } catch {
    // The message of V8 repeats the text.
    throw refuse('no-json', 'it is no JSON', bytes);
  }
}

/** The same by the addon: where it cannot be loaded, the scanner here is slower and just as strict. */
function look(bytes, bounds) {
  addon ??= load();
  if (addon === null) return scan(bytes, bounds, found);
  const told = addon(bytes, bounds.depth, bounds.values);
  if (told === OK) return OK;
  const broken = told % 8;
  found.at = Math.floor(told / 8);
  return broken === ESCAPED ? exact(bytes, bounds, found) : broken;
}

function load() {
  try {
    return native().guardJsonScan;
  } catch {
    return null;
  }
}

function utf8(bytes) {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.utf8Slice(0, buffer.length);
}

const RULES = {
  [UTF8]: ['not-utf-8', () => 'it is not UTF-8'],
  [DEPTH]: ['too-deep', (bounds) => `it is deeper than ${bounds.depth}`],
  [VALUES]: ['too-many-values', (bounds) => `it has more than ${bounds.values} values`],
  [TWICE]: ['duplicate-name', () => 'a name is there twice in an object'],
  [PROTOTYPE]: ['prototype-name', () => 'a name reaches a prototype'],
};

function refused(broken, bounds, bytes) {
  const [rule, why] = RULES[broken];
  return refuse(rule, `${why(bounds)} (${where(bytes, found.at)})`, bytes);
}

/** Line and column from 1, the column in bytes. */
function where(bytes, at) {
  let line = 1;
  let start = 0;
  for (let index = 0; index < at; index++) {
    if (bytes[index] !== 0x0a) continue;
    line++;
    start = index + 1;
  }
  return `line ${line}, column ${at - start + 1}`;
}

function refuse(rule, message, bytes) {
  return tell('json', new GuardError('ERR_RINGFENCE_GUARD_JSON', message, { rule, statusCode: 400 }), bytes);
}

/** For more bytes than agreed, however many there are. */
function tooLong(most, bytes, size) {
  const error = new GuardError('ERR_RINGFENCE_GUARD_TOO_LARGE', `it is longer than ${most} bytes`, { statusCode: 413 });
  return tell('json', error, bytes, size);
}

/** Whether a content type is JSON: `application/json` or `+json`, in UTF-8 or without a charset. */
function isJson(contentType) {
  if (typeof contentType !== 'string') return false;
  if (contentType === 'application/json') return true;
  const [kind, ...parameters] = contentType.split(';').map((part) => part.replace(/^[ \t]+|[ \t]+$/g, ''));
  return /^application\/(?:json|[\w!#$%&'*+.^`|~-]+\+json)$/i.test(kind) && parameters.every(isParameter);
}

/** One that changes nothing: `charset` is UTF-8, every other is a token or a plain quoted text. */
function isParameter(parameter) {
  const found = /^([\w!#$%&'*+.^`|~-]+)=(?:([\w!#$%&'*+.^`|~-]+)|"([ !#-[\]-~]*)")$/.exec(parameter);
  if (found === null) return false;
  const [, name, token, quoted] = found;
  // `charset*` is another writing of it (RFC 8187).
  return !/^charset(?:\*.*)?$/i.test(name) || (name.length === 7 && (token ?? quoted).toLowerCase() === 'utf-8');
}

module.exports = { isJson, limits, parseJson, tooLong };
