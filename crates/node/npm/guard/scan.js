'use strict';
// One pass over the bytes of a JSON text, before JSON.parse: how deep, how much, and whether a name is
// there twice or reaches a prototype. It reads only what a well-formed text needs; what is malformed
// is JSON.parse's to refuse. This is for small texts and where the addon cannot be loaded; larger ones
// are looked at by the addon (src/guard/scan.rs), 64 bytes at a time, which costs 0.2 microseconds to
// call. Measured against both and slower: a reviver, JSON.stringify of what was parsed, and parsing
// in Rust. A walk over what was parsed sees no name twice.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const COMMA = 0x2c;
/** Longest probe in the table before a Set decides: hashes of names can be chosen by an attacker. */
const MOST_PROBES = 16;
/** Most places of a table that is kept. */
const KEPT = 1 << 13;
/** Most names of a text that the table takes. */
const MOST_NAMES = KEPT >> 1;
/** Bytes of a string that are looked at one by one. */
const NEAR = 40;
const { indexOf } = Buffer.prototype;
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

const OK = 0;
const DEPTH = 1;
const VALUES = 2;
const TWICE = 3;
const PROTOTYPE = 4;
// Told by the addon's scanner.
const UTF8 = 5;
const ESCAPED = 6;

// Which object a place of the table belongs to, and the hash of its name. Numbers of objects are
// never used twice, so that nothing has to be cleared between texts.
let owners = new Int32Array(KEPT);
let hashes = new Int32Array(KEPT);
let object = 0;

const stack = new Int32Array(1024);

/** `OK`, or the rule that the text breaks; what it found is at `found.at`. */
function scan(bytes, limits, found) {
  if (object > 0x3fffffff) {
    owners.fill(0);
    object = 0;
  }
  const { depth: deepest, values: most } = limits;
  const { length } = bytes;
  const first = object;
  let last = length - 1;
  // No string goes on beyond the last quote: no byte of one has to ask whether it is the last.
  while (last > 0 && bytes[last] !== QUOTE) last--;
  let names = 0;
  let depth = 0;
  let values = 1;
  let inside = 0;
  let naming = false;
  for (let at = 0; at < length; at++) {
    const byte = bytes[at];
    // Digits, the colon, the point.
    if (byte > COMMA && byte < OPEN_ARRAY) continue;
    if (byte === QUOTE) {
      if (at >= last) return OK;
      if (!naming) {
        at = closing(bytes, at + 1, last);
        continue;
      }
      naming = false;
      const start = ++at;
      let hash = 0;
      let next = bytes[at];
      while (next !== QUOTE) {
        if (next === BACKSLASH) return exact(bytes, limits, found);
        hash = ((hash << 5) - hash + next) | 0;
        next = bytes[++at];
      }
      const size = at - start;
      if ((size === 9 || size === 11) && isForbidden(bytes, start, at)) {
        found.at = start;
        return PROTOTYPE;
      }
      if (++names > MOST_NAMES) return exact(bytes, limits, found);
      let place = Math.imul(hash ^ Math.imul(inside, 0x9e3779b1), 0x85ebca6b) >>> 19;
      let probes = 0;
      let owner = owners[place];
      while (owner > first) {
        if ((owner === inside && hashes[place] === hash) || ++probes > MOST_PROBES) return exact(bytes, limits, found);
        place = (place + 1) & (KEPT - 1);
        owner = owners[place];
      }
      owners[place] = inside;
      hashes[place] = hash;
    } else if (byte === COMMA) {
      naming = inside !== 0;
      if (++values > most) {
        found.at = at;
        return VALUES;
      }
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (++depth > deepest || ++values > most) {
        found.at = at;
        return depth > deepest ? DEPTH : VALUES;
      }
      stack[depth] = inside;
      naming = byte === OPEN_OBJECT;
      inside = naming ? ++object : 0;
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      if (depth > 0) inside = stack[depth--];
      naming = false;
    }
  }
  return OK;
}

/** Where a string ends: byte by byte while it is short, then by a search of Node's. */
function closing(bytes, at, last) {
  const near = at + NEAR < last ? at + NEAR : last;
  for (; at < near; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  if (at >= last) return last;
  return far(bytes, at, last);
}

function far(bytes, from, last) {
  let at = from;
  while (at < last) {
    at = indexOf.call(bytes, QUOTE, at);
    let slashes = at;
    while (slashes > from && bytes[slashes - 1] === BACKSLASH) slashes--;
    if ((at - slashes) % 2 === 0) return at;
    at++;
  }
  return last;
}

/** The same where names are escaped, many or look alike: decoded, and in Sets. */
function exact(bytes, limits, found) {
  const sets = [];
  let naming = false;
  let values = 1;
  for (let at = 0; at < bytes.length; at++) {
    found.at = at;
    switch (bytes[at]) {
      case QUOTE: {
        const start = at;
        at = end(bytes, at);
        // A string without an end: no well-formed text.
        if (at >= bytes.length) return OK;
        const broken = naming ? check(name(bytes, start, at), sets.at(-1)) : OK;
        if (broken !== OK) return broken;
        naming = false;
        break;
      }
      case COMMA:
        naming = sets.at(-1) instanceof Set;
        values++;
        break;
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        naming = bytes[at] === OPEN_OBJECT;
        if (sets.push(naming ? new Set() : null) > limits.depth) return DEPTH;
        values++;
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        sets.pop();
        naming = false;
        break;
      default:
    }
    if (values > limits.values) return VALUES;
  }
  return OK;
}

/** Where a string ends. */
function end(bytes, at) {
  for (at++; at < bytes.length && bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++;
  return at;
}

/** A name as JSON.parse reads it; `undefined` where it is none, which JSON.parse then refuses too. */
function name(bytes, start, at) {
  const text = text8(bytes, start, at + 1);
  if (!text.includes('\\')) return text.slice(1, -1);
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function check(text, names) {
  if (text === undefined) return OK;
  if (FORBIDDEN.has(text)) return PROTOTYPE;
  if (names.has(text)) return TWICE;
  names.add(text);
  return OK;
}

function isForbidden(bytes, start, at) {
  return FORBIDDEN.has(text8(bytes, start, at));
}

function text8(bytes, start, at) {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, at - start).toString();
}

module.exports = { DEPTH, ESCAPED, exact, OK, PROTOTYPE, scan, TWICE, UTF8, VALUES };
