'use strict';
// One pass over the bytes of a JSON text, before JSON.parse: how deep, how much, and whether a name is
// there twice or reaches a prototype. It reads only what a well-formed text needs; what is malformed
// is JSON.parse's to refuse. Measured against a walk over what was parsed, a reviver and a scanner in
// Rust behind the addon: this is the fastest, and none of them sees a name twice after parsing.

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
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

const OK = 0;
const DEPTH = 1;
const VALUES = 2;
const TWICE = 3;
const PROTOTYPE = 4;

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
  const mask = KEPT - 1;
  let names = 0;
  let depth = 0;
  let values = 1;
  let inside = 0;
  let naming = false;
  for (let at = 0; at < length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      if (!naming) {
        let next = bytes[++at];
        while (next !== QUOTE && at < length) {
          if (next === BACKSLASH) at++;
          next = bytes[++at];
        }
        continue;
      }
      naming = false;
      const start = ++at;
      let hash = 0;
      let next = bytes[at];
      while (next !== QUOTE && at < length) {
        if (next === BACKSLASH) return exact(bytes, limits, found);
        hash = Math.imul(hash, 0x01000193) ^ next;
        next = bytes[++at];
      }
      const size = at - start;
      if ((size === 9 || size === 11) && isForbidden(bytes, start, at)) {
        found.at = start;
        return PROTOTYPE;
      }
      if (++names > KEPT >> 1) return exact(bytes, limits, found);
      let place = Math.imul(hash ^ Math.imul(inside, 0x9e3779b1), 0x85ebca6b) >>> 19;
      let probes = 0;
      let owner = owners[place];
      while (owner > first) {
        if ((owner === inside && hashes[place] === hash) || ++probes > MOST_PROBES) return exact(bytes, limits, found);
        place = (place + 1) & mask;
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
      if (++depth > deepest) {
        found.at = at;
        return DEPTH;
      }
      stack[depth] = inside;
      naming = byte === OPEN_OBJECT;
      inside = naming ? ++object : 0;
      if (++values > most) {
        found.at = at;
        return VALUES;
      }
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      if (depth > 0) inside = stack[depth--];
      naming = false;
    }
  }
  return OK;
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

module.exports = { DEPTH, exact, OK, PROTOTYPE, scan, TWICE, VALUES };
