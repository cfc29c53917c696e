'use strict';
// The error of every guard, and the event that tells of what was refused. Neither holds what was
// refused, but for a masked sample of it.

const { channel } = require('node:diagnostics_channel');

const refusals = channel('ringfence.guard.refused');
/** Most characters of a sample. */
const SAMPLE = 64;

/** What a guard refused. `code` says why, `statusCode` what to answer where that makes sense. */
class GuardError extends Error {
  constructor(code, message, { cause, rule, statusCode, ...more } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.rule = rule ?? code.replace('ERR_RINGFENCE_GUARD_', '').toLowerCase().replaceAll('_', '-');
    if (statusCode !== undefined) {
      this.statusCode = statusCode;
      // What Express and its kin read.
      this.status = statusCode;
      this.expose = true;
    }
    Object.assign(this, more);
  }
}
Object.defineProperty(GuardError.prototype, 'name', { value: 'GuardError', configurable: true, writable: true });

/** The typed error of what the addon threw: its reason is `CODE|message`. */
function typed(error, more) {
  const found = /^([A-Z_]+)\|(.*)$/s.exec(error?.message ?? '');
  if (found === null) return error;
  return new GuardError(found[1], found[2], more);
}

/** Calls into the addon. */
function call(act, more) {
  try {
    return act();
  } catch (error) {
    throw typed(error, more);
  }
}

/**
 * The shape of a text and none of its content: letters become `a`, digits `0`; what makes up the
 * syntax of JSON, URLs and headers stays, everything else becomes `?`.
 */
function mask(value) {
  const text = typeof value === 'string' ? value.slice(0, SAMPLE) : latin1(value);
  return text
    .replace(/[A-Za-z]/g, 'a')
    .replace(/[0-9]/g, '0')
    .replace(/[^\w \-{}[\]":,.;=&/\\+?%]/g, '?')
    .replace(/_/g, '?');
}

function latin1(bytes) {
  if (!(bytes instanceof Uint8Array)) return '';
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, SAMPLE)).toString('latin1');
}

/** Tells of a refusal, and gives the error back to be thrown. */
function tell(kind, error, input, size) {
  if (refusals.hasSubscribers) {
    const bytes = size ?? (typeof input === 'string' ? Buffer.byteLength(input) : input?.byteLength);
    refusals.publish({ kind, rule: error.rule, code: error.code, size: bytes ?? 0, sample: mask(input) });
  }
  return error;
}

module.exports = { call, GuardError, mask, tell, typed };
