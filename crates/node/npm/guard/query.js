'use strict';
// Query strings read against declared keys: one value or several, how many and how long. The rules
// are those of the Rust crate `guard`; a framework's own reader, which makes arrays, objects and
// numbers as the sender likes, is not asked.

const { GuardError, tell } = require('./error.js');

const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);
const RAW = /[^!-~]|[#"<>\\^`{|}]/;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * A function that reads a query string (with or without `?`) or a URL's search parameters' text.
 * `keys` says for each key whether it is there `'once'` (or `{ longest }`), or several times
 * `{ most, longest }`, or as `key[]` `{ most, longest, array: true }`.
 */
function query(keys, { maxBytes = 8192, maxPairs = 100, others = 'refuse' } = {}) {
  const declared = new Map(Object.entries(keys).map(([name, how]) => [name, declaration(name, how)]));
  return function parseQuery(input) {
    const text = String(input).replace(/^\?/, '');
    try {
      return read(text, { declared, ignore: others === 'ignore', maxBytes, maxPairs });
    } catch (error) {
      throw tell('query', error, text);
    }
  };
}

function declaration(name, how) {
  const { array = false, longest = 1024, most = 1, parse, required = false } = how === 'once' ? {} : how;
  if (FORBIDDEN.has(name)) throw new GuardError('ERR_INVALID_ARG_VALUE', 'a declared key reaches a prototype');
  return { array, isList: array || how.most !== undefined, longest, most, parse, required };
}

function read(text, { declared, ignore, maxBytes, maxPairs }) {
  if (Buffer.byteLength(text) > maxBytes) throw refuse('too-long', `the query is longer than ${maxBytes} bytes`);
  if (text.includes(';')) throw refuse('semicolon', 'the query holds a semicolon that is not escaped');
  if (RAW.test(text)) throw refuse('unescaped-byte', 'the query holds a byte that must be escaped');
  const pairs = text === '' ? [] : text.split('&');
  if (pairs.length > maxPairs) throw refuse('too-many-pairs', `the query has more than ${maxPairs} pairs`);
  const found = Object.create(null);
  for (const pair of pairs) if (pair !== '') add(found, pair, declared, ignore);
  for (const [name, { isList, required }] of declared) {
    if (required && found[name] === undefined) throw refuse('missing-key', `\`${name}\` is missing`);
    if (isList) found[name] ??= [];
  }
  return found;
}

function add(found, pair, declared, ignore) {
  const at = pair.indexOf('=');
  const [name, bracket] = brackets(resolve(at === -1 ? pair : pair.slice(0, at)));
  const value = resolve(at === -1 ? '' : pair.slice(at + 1));
  const key = declared.get(name);
  if (key === undefined) {
    if (ignore) return;
    throw refuse('unknown-key', 'a key of the query is not known');
  }
  const list = key.isList ? (found[name] ??= []) : undefined;
  const known = list?.length ?? (name in found ? 1 : 0);
  const isFitting = key.array ? bracket === '' || bracket === String(known) : bracket === undefined;
  if (!isFitting) throw refuse('brackets', 'a key of the query has brackets that are not accepted');
  if (known >= key.most) throw refuse('repeated-key', `\`${name}\` is there more than ${key.most} times`);
  if (Buffer.byteLength(value) > key.longest) throw refuse('value-too-long', `\`${name}\` is longer than ${key.longest} bytes`);
  const parsed = key.parse === undefined ? value : key.parse(value);
  if (list === undefined) found[name] = parsed;
  else list.push(parsed);
}

/** A name and what is in its brackets; names in brackets would make objects. */
function brackets(name) {
  const match = /^([^[\]]*)(?:\[([^[\]]*)\])?$/.exec(name);
  if (match === null) throw refuse('brackets', 'a key of the query has brackets that are not accepted');
  const [, plain, inner] = match;
  if (FORBIDDEN.has(plain) || FORBIDDEN.has(inner)) throw refuse('prototype-name', 'a key of the query reaches the prototype');
  if (inner !== undefined && !/^(?:0|[1-9][0-9]{0,3})?$/.test(inner)) {
    throw refuse('brackets', 'a key of the query has brackets that are not accepted');
  }
  return [plain, inner];
}

/** Escapes, resolved once. */
function resolve(text) {
  if (!/[%+]/.test(text)) return text;
  let resolved;
  try {
    resolved = decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw refuse('bad-escape', 'an escape in the query is none, or is no UTF-8');
  }
  if (CONTROL.test(resolved)) throw refuse('control-character', 'the query holds a control character');
  return resolved;
}

function refuse(rule, message) {
  return new GuardError('ERR_RINGFENCE_GUARD_QUERY', message, { rule, statusCode: 400 });
}

module.exports = { query };
