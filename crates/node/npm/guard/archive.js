'use strict';
// Archives of others, extracted by the addon: whole or not at all, no link, device or name that leads
// elsewhere, and everything counted while it is inflated.

const path = require('node:path');
const { native } = require('../native.js');
const { GuardError, tell, typed } = require('./error.js');
const { needs, own } = require('./grant.js');

const DEFAULTS = Object.freeze({ bytes: 2 ** 30, depth: 32, entries: 100_000, ratio: 100, strip: 0 });

/**
 * Extracts a zip, tar, tar.gz or tar.zst to `into`, which is not there yet or empty; on an error
 * nothing is there that was not before.
 */
async function extract(archive, options) {
  const { into, ...limits } = own(options);
  const [from, to] = [archive, into].map(absolute);
  needs('fs.read', from, `--allow-fs-read=${from}`);
  // What is extracted grows beside its destination until it is whole.
  const parent = path.dirname(to);
  needs('fs.write', parent, `--allow-fs-write=${parent}`);
  try {
    return await native().guardExtract(from, to, bounds(limits));
  } catch (cause) {
    throw failure(cause);
  }
}

function absolute(file) {
  if (typeof file === 'string' && file !== '' && !file.includes('\0')) return path.resolve(file);
  throw new GuardError('ERR_INVALID_ARG_TYPE', 'say an archive and { into: folder }, both as paths');
}

function bounds(limits) {
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(DEFAULTS, name)) throw new GuardError('ERR_INVALID_ARG_VALUE', `there is no limit ${name}`);
    const most = name === 'bytes' ? Number.MAX_SAFE_INTEGER : 2 ** 32 - 1;
    if (!Number.isSafeInteger(value) || value < 0 || value > most) {
      throw new GuardError('ERR_INVALID_ARG_VALUE', `${name} must be a whole number`);
    }
  }
  return { __proto__: null, ...DEFAULTS, ...limits };
}

function failure(cause) {
  const error = typed(cause);
  const found = /^([a-z-]+): (.*)$/s.exec(error.message);
  if (error.code !== 'ERR_RINGFENCE_GUARD_ARCHIVE' && error.code !== 'ERR_RINGFENCE_GUARD_EXTRACT') return error;
  const more = { rule: found[1], statusCode: error.code === 'ERR_RINGFENCE_GUARD_ARCHIVE' ? 400 : 500 };
  return tell('archive', new GuardError(error.code, found[2], more), '', 0);
}

module.exports = { extract };
