'use strict';
// What Node's own permission model says: the addon and the kernel beneath do not ask it, so the
// guards do, and say which grant is missing.

const { GuardError } = require('./error.js');

/** Whether `--permission` is not in force or grants this. */
function has(scope, reference) {
  return process.permission?.has(scope, reference) ?? true;
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

module.exports = { has, needs };
