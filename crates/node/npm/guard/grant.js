'use strict';
// What the caller said, and what Node's own permission model says: the addon and the kernel beneath do not ask it, so the
// guards do, and say which grant is missing.

const { GuardError } = require('./error.js');

/** Whether `--permission` is not in force or grants this. */
function has(scope, reference) {
  return process.permission?.has(scope, reference) ?? true;
}

/** Options that were given: what a polluted `Object.prototype` says is none of them. */
function own(options) {
  return { __proto__: null, ...options };
}

/** Throws when `--permission` is in force and does not grant this. */
function needs(scope, reference, flag) {
  if (has(scope, reference)) return;
  throw new GuardError(
    'ERR_ACCESS_DENIED',
    `Access to this API has been restricted: start Node with ${flag}`,
    { missing: [flag], permission: scope, resource: reference },
  );
}

module.exports = { has, needs, own };
