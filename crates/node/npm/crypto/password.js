'use strict';
// Passwords as hashes: Argon2id by default, in PHC strings, on threads of their own.

const { native } = require('../native.js');
const { PasswordError, invalid, refused, tell } = require('./errors.js');
const { hidden } = require('./shown.js');
const values = require('./values.js');

/** Longest password in bytes. */
const LONGEST = 4096;
const MOST = 2 ** 32 - 1;

/** Hashes and compares passwords: a few at once, a bounded queue, attempts by key. */
class Hasher {
  #native;
  #computing = 0;

  constructor(options) {
    const own = settings(options);
    try {
      this.#native = new (native().NativeHasher)(own);
    } catch (error) {
      throw refused(error, 'Hasher');
    }
  }

  /** How many are computed or wait. */
  get pending() {
    return this.#computing;
  }

  /** A new password as a PHC string. */
  async hash(password) {
    const { encoded } = await this.#run('password.hash', password, (bytes) => this.#native.hash(bytes));
    return encoded;
  }

  /** Whether a password is the one of a stored hash, and whether to hash it again now. */
  async verify(password, stored, options) {
    const key = limited(options);
    if (typeof stored !== 'string') throw invalid('stored must be a string');
    if (stored.length > 512) throw told(new PasswordError('ERR_RINGFENCE_PASSWORD_MALFORMED', 'the stored hash is not valid: too long'));
    const { ok, rehash } = await this.#run('password.verify', password, (bytes) => this.#native.verify(bytes, stored, key));
    return { ok, rehash };
  }

  /** Takes as long as {@link Hasher#verify} and says no: for an account that does not exist. */
  async verifyNobody(password, options) {
    const key = limited(options);
    await this.#run('password.verifyNobody', password, (bytes) => this.#native.verify(bytes, undefined, key));
    return { ok: false, rehash: false };
  }

  async #run(operation, password, start) {
    const bytes = passwordBytes(password);
    let outcome;
    this.#computing += 1;
    try {
      outcome = start(bytes);
      erase(password, bytes);
      outcome = await outcome;
    } catch (error) {
      throw refused(error, operation);
    } finally {
      erase(password, bytes);
      this.#computing -= 1;
    }
    if (outcome.code !== undefined) throw refused(outcome, operation);
    return outcome;
  }
}
hidden(Hasher, () => '[Hasher]');

/** The password in memory that is nobody else's, so that it can be erased. */
function passwordBytes(password) {
  if (typeof password !== 'string') {
    const given = values.bytes(password, 'password');
    if (given.length > LONGEST) throw tooLong();
    return given;
  }
  if (password.length > LONGEST) throw tooLong();
  const length = Buffer.byteLength(values.text(password, 'password'), 'utf8');
  if (length > LONGEST) throw tooLong();
  const bytes = Buffer.alloc(length);
  bytes.write(password, 'utf8');
  return bytes;
}

function erase(password, bytes) {
  if (typeof password === 'string') bytes.fill(0);
}

function tooLong() {
  return told(new PasswordError('ERR_RINGFENCE_PASSWORD_TOO_LONG', `the password is longer than ${LONGEST} bytes`));
}

function told(error) {
  tell('password', error);
  return error;
}

/** The key whose attempts count. */
function limited(options) {
  const { key } = values.options(options, ['key']);
  if (key === undefined) return undefined;
  if (values.text(key, 'key').length > 1024) throw invalid('key must have at most 1024 letters');
  return key;
}

function settings(options) {
  const { policy, bounds, atOnce, waiting, attempts } = values.options(options, ['policy', 'bounds', 'atOnce', 'waiting', 'attempts']);
  const { memory, work, lanes } = values.options(bounds, ['memory', 'work', 'lanes']);
  return {
    ...parameters(policy),
    mostMemory: values.whole(memory, 'bounds.memory', { usual: 256 * 1024, most: MOST }),
    mostWork: values.whole(work, 'bounds.work', { usual: 4 * 256 * 1024 }),
    mostLanes: values.whole(lanes, 'bounds.lanes', { usual: 16, most: MOST }),
    atOnce: values.whole(atOnce, 'atOnce', { usual: 0, least: 1, most: 1024 }),
    waiting: values.whole(waiting, 'waiting', { usual: -1, most: 1_000_000 }),
    ...limits(attempts),
  };
}

function parameters(policy = {}) {
  if (policy === null || typeof policy !== 'object') throw invalid('policy must be an object');
  const { algorithm = 'argon2id' } = policy;
  const number = (name, usual) => values.whole(policy[name], `policy.${name}`, { usual, least: 1, most: MOST });
  if (algorithm === 'argon2id') {
    values.options(policy, ['algorithm', 'memory', 'passes', 'lanes']);
    return { algorithm, first: number('memory', 19 * 1024), second: number('passes', 2), third: number('lanes', 1) };
  }
  if (algorithm !== 'scrypt') throw invalid('policy.algorithm must be argon2id or scrypt');
  values.options(policy, ['algorithm', 'N', 'r', 'p']);
  const n = number('N', 2 ** 17);
  if (!Number.isInteger(Math.log2(n))) throw invalid('policy.N must be a power of two');
  return { algorithm, first: Math.log2(n), second: number('r', 8), third: number('p', 1) };
}

function limits(attempts) {
  if (attempts === false) return { burst: 0, refill: 0, keys: 0 };
  const { burst, refill, keys } = values.options(attempts, ['burst', 'refill', 'keys']);
  return {
    burst: values.whole(burst, 'attempts.burst', { usual: 5, least: 1, most: 1_000_000 }),
    refill: values.whole(refill, 'attempts.refill', { usual: 30_000, least: 1 }),
    keys: values.whole(keys, 'attempts.keys', { usual: 100_000, least: 1, most: 10_000_000 }),
  };
}

let usual;

/** {@link Hasher#hash} of a hasher with the usual options, shared by this thread. */
function hashPassword(password) {
  usual ??= new Hasher();
  return usual.hash(password);
}

/** Whether a password is the one of a stored hash: `true` or `false` and nothing to migrate by. */
async function verifyPassword(password, stored) {
  usual ??= new Hasher();
  return (await usual.verify(password, stored)).ok;
}

module.exports = { Hasher, hashPassword, verifyPassword };
