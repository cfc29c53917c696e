'use strict';
// Identifiers by typed patterns: a text that is one, or an error with status 400 that does not repeat
// it.

const { GuardError, tell } = require('./error.js');

/** Longest text that a pattern is tried on: a pattern of the caller's may be slow. */
const LONGEST = 256;

/** A function that gives back a value that matches all of `pattern`, and throws for every other. */
function identifier(pattern, { longest = LONGEST, name = 'identifier' } = {}) {
  if (!(pattern instanceof RegExp)) throw new GuardError('ERR_INVALID_ARG_TYPE', 'a pattern is a RegExp');
  // No state of `g` or `y` between calls, and no `m`: a line of the text is not the text.
  const whole = new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gmy]/g, ''));
  return function parse(value) {
    if (typeof value === 'string' && value.length <= longest && whole.test(value)) return value;
    throw refuse(name, value);
  };
}

/** A whole number within bounds, from a number or its one decimal form. */
function integer({ max = Number.MAX_SAFE_INTEGER, min = 0, name = 'number' } = {}) {
  return function parse(value) {
    const number = typeof value === 'string' && /^(?:0|-?[1-9][0-9]{0,15})$/.test(value) ? Number(value) : value;
    if (Number.isSafeInteger(number) && !Object.is(number, -0) && number >= min && number <= max) return number;
    throw refuse(name, value);
  };
}

/** One of some texts. */
function oneOf(texts, { name = 'value' } = {}) {
  const known = new Set(texts);
  return function parse(value) {
    if (typeof value === 'string' && known.has(value)) return value;
    throw refuse(name, value);
  };
}

function refuse(name, value) {
  const error = new GuardError('ERR_RINGFENCE_GUARD_IDENTIFIER', `invalid ${name}`, { statusCode: 400 });
  return tell('identifier', error, typeof value === 'string' ? value : '');
}

const parseUserId = identifier(/[a-zA-Z0-9_-]{3,64}/, { name: 'user id' });
const parseUuid = identifier(/[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/, { name: 'UUID' });
const parseSlug = identifier(/[a-z0-9]+(?:-[a-z0-9]+)*/, { longest: 100, name: 'slug' });

module.exports = { identifier, integer, oneOf, parseSlug, parseUserId, parseUuid };
