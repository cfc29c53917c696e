'use strict';
// What the functions throw: one class for each kind, with a code that is never changed. No message
// and no field holds a password, a key, a token or data. Each refusal is also told to whoever
// listens on the diagnostics channel `ringfence.crypto.refused`.

const { channel } = require('node:diagnostics_channel');

const refusals = channel('ringfence.crypto.refused');

/** Something was refused or failed. */
class CryptoError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }

  get name() {
    return this.constructor.name;
  }
}

/** An argument is of another type or outside its bounds: the caller's mistake. */
class InvalidArgumentError extends CryptoError {}
class RandomError extends CryptoError {}
/** `waiting` is set when the queue is full, `retryAfter` (milliseconds) when a key had too many attempts. */
class PasswordError extends CryptoError {}
class TokenError extends CryptoError {}
class EnvelopeError extends CryptoError {}
class SignatureError extends CryptoError {}
/** `possibleFrom` is set when waiting is enough. */
class KeyringError extends CryptoError {}

const classes = {
  ENVELOPE: EnvelopeError,
  INVALID: InvalidArgumentError,
  KEYRING: KeyringError,
  PASSWORD: PasswordError,
  RANDOM: RandomError,
  SIGNATURE: SignatureError,
  TOKEN: TokenError,
};

/** The error for what the addon answered, told to listeners. */
function refused(error, operation) {
  const { code } = error;
  // The loader's own words on what is missing.
  if (code?.startsWith?.('ERR_RINGFENCE_ADDON')) return error;
  if (typeof code !== 'string' || !code.startsWith('ERR_RINGFENCE_')) {
    // Node-API's own complaint about an argument; everything else is a fault and stays as it is.
    return error instanceof Error && isArgumentStatus(code) ? invalid('an argument is of the wrong type') : error;
  }
  return typed(code, error.message, operation);
}

/** The same for a task of another thread, whose error has its code before the sentence. */
function refusedElsewhere(error, operation) {
  const [code, message] = String(error?.message).split('\n');
  return code.startsWith('ERR_RINGFENCE_') ? typed(code, message, operation) : error;
}

function typed(codeAndNumber, message, operation) {
  const [code, number] = codeAndNumber.split(' ');
  const Class = classes[code.split('_')[2]] ?? CryptoError;
  const error = new Class(code, message);
  if (number !== undefined) Object.assign(error, detail(code, Number(number)));
  if (!(error instanceof InvalidArgumentError)) tell(operation, error);
  return error;
}

function detail(code, number) {
  switch (code) {
    case 'ERR_RINGFENCE_PASSWORD_BUSY':
      return { waiting: number };
    case 'ERR_RINGFENCE_PASSWORD_LIMITED':
      return { retryAfter: number };
    case 'ERR_RINGFENCE_KEYRING_REFUSED':
      return { possibleFrom: new Date(number * 1000) };
    default:
      return {};
  }
}

function isArgumentStatus(code) {
  return code === 'InvalidArg' || /^(String|Number|Object|Function|Array|Bigint|ArrayBuffer|Date)Expected$/.test(code);
}

/** Tells listeners; costs nothing without any. */
function tell(operation, { code, message }) {
  if (refusals.hasSubscribers) refusals.publish({ operation, code, message, at: new Date() });
}

function invalid(message) {
  return new InvalidArgumentError('ERR_RINGFENCE_INVALID_ARGUMENT', message);
}

module.exports = {
  CryptoError,
  EnvelopeError,
  InvalidArgumentError,
  KeyringError,
  PasswordError,
  RandomError,
  SignatureError,
  TokenError,
  invalid,
  refused,
  refusedElsewhere,
  tell,
};
