'use strict';
// Merging what a user sent into defaults without reaching a prototype. Nothing is merged before
// everything is checked; neither value is changed.

const { GuardError, tell } = require('./error.js');

const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);
const DEEPEST = 32;

/** A new value: objects member by member, everything else of the later replaces the earlier. */
function safeMerge(...values) {
  if (values.length === 0) return undefined;
  for (const value of values) check(value, 0);
  return values.slice(1).reduce((merged, value) => merge(merged, value), copy(values[0]));
}

function check(value, depth) {
  if (typeof value !== 'object' || value === null) return;
  if (depth >= DEEPEST) throw refuse('too-deep', `it is deeper than ${DEEPEST}`);
  if (!Array.isArray(value) && !isPlain(value)) throw refuse('not-plain', 'only plain objects, arrays and plain values are merged');
  for (const name of Reflect.ownKeys(value)) {
    if (FORBIDDEN.has(name)) throw refuse('prototype-name', 'a name reaches the prototype');
    const { value: own, get } = Object.getOwnPropertyDescriptor(value, name);
    if (get !== undefined) throw refuse('not-plain', 'a member is computed when it is read');
    check(own, depth + 1);
  }
}

function merge(into, from) {
  if (!isPlain(into) || !isPlain(from)) return copy(from);
  for (const name of Object.keys(from)) {
    into[name] = Object.hasOwn(into, name) ? merge(into[name], from[name]) : copy(from[name]);
  }
  return into;
}

function copy(value) {
  if (Array.isArray(value)) return value.map(copy);
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.keys(value).map((name) => [name, copy(value[name])]));
}

function isPlain(value) {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  // Of another realm too.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function refuse(rule, message) {
  return tell('merge', new GuardError('ERR_RINGFENCE_GUARD_MERGE', message, { rule, statusCode: 400 }), '', 0);
}

module.exports = { safeMerge };
