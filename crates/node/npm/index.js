'use strict';
// What the boundary of this service grants, asked from inside it. Outside a boundary every question
// is an error: there is nobody who could answer it.

const RUNTIME = Symbol.for('ringfence.runtime');

/** What `ringfence run` put into this thread, or into the first thread of this process. */
function runtime() {
  if (process[RUNTIME] === undefined && process.env.RINGFENCE_CONTROL !== undefined) {
    // A worker that was started without Node's options has not loaded it.
    require('./preload.cjs');
  }
  return process[RUNTIME];
}

function ask(name, values) {
  const found = process[RUNTIME];
  if (found !== undefined) return found[name](...values);
  const message = 'this program does not run inside a boundary: start it with `ringfence run`';
  const error = new Error(message);
  Error.captureStackTrace(error, ask);
  error.code = 'ERR_RINGFENCE_NOT_INSIDE';
  throw error;
}

const permission = Object.freeze({
  assert: (...values) => ask('assert', values),
  drop: (...values) => ask('drop', values),
  has: (...values) => ask('has', values),
});

module.exports = {
  identity: () => ask('identity', []),
  inside: runtime() !== undefined,
  permission,
};
