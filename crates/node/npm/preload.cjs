'use strict';
// Loaded in front of every Node program inside a boundary, in each of its threads. It lets
// `process.permission` say what the boundary grants (`truth.cjs`), gives refusals of the boundary the
// error code that Node gives its own (`refusals.cjs`), and tells the boundary what Node refused. It
// enforces nothing: a program that undoes it only deceives itself.
//
// It is in the way of every start, so it loads nothing before the program needs it, and only keeps
// what the program may change until then.

// The cheaper way to what is loaded already, since Node 20.16.
const builtin = process.getBuiltinModule ?? require;
const { readSync, readlinkSync, statSync, writeSync } = builtin('node:fs');
const { allocUnsafeSlow, prototype: bytes } = Buffer;
const { parse, stringify } = JSON;
const { apply, defineProperty, getOwnPropertyDescriptor, ownKeys } = Reflect;
const { assign, setPrototypeOf } = Object;
const { captureStackTrace } = Error;
const { includes, replace, slice, startsWith, toUpperCase } = String.prototype;
const among = Array.prototype.includes;
const call = (method, self, ...values) => apply(method, self, values);

const RUNTIME = Symbol.for('ringfence.runtime');
const MAJOR = parseInt(process.versions.node, 10);
const CHANNEL = Number(process.env.RINGFENCE_CONTROL ?? inherited());

/** The channel of a thread whose environment does not name it: what `truth.cjs` shares has it. */
function inherited() {
  const shared = builtin('node:worker_threads').getEnvironmentData('ringfence.lock');
  return shared instanceof SharedArrayBuffer ? new Int32Array(shared)[1] : 0;
}

const native = { has: process.permission?.has, drop: process.permission?.drop, asked: false };
const truth = () => require('./truth.cjs');
const refusals = () => require('./refusals.cjs');

module.exports = {
  CHANNEL,
  MAJOR,
  Promise,
  allocUnsafeSlow,
  among,
  apply,
  assign,
  builtin,
  call,
  captureStackTrace,
  defineProperty,
  getOwnPropertyDescriptor,
  includes,
  native,
  ownKeys,
  parse,
  readSync,
  readlinkSync,
  refusals,
  replace,
  slice,
  startsWith,
  statSync,
  stringify,
  toUpperCase,
  utf8Slice: bytes.utf8Slice,
  writeSync,
};

/** Whether the boundary and Node's own flags grant this now. */
function has(scope, reference) {
  return truth().has(scope, reference, has);
}

/** Throws `ERR_ACCESS_DENIED` when it is not granted. */
function assert(scope, reference) {
  truth().assert(scope, reference, assert);
}

/** Takes a grant away for good, everywhere, or throws. */
function drop(scope, reference) {
  return truth().drop(scope, reference, drop);
}

/** What this boundary is. */
function identity() {
  return truth().identity(identity);
}

/** What Node itself refuses it tells on channels, since Node 24. */
const AREAS = ['addon', 'child', 'ffi', 'fs', 'inspector', 'net', 'openssl-store', 'wasi', 'worker'];

function tell(message) {
  // The answer to our own question.
  if (native.asked) return;
  try {
    truth().report(message);
  } catch {
    // Nobody listens; the program has its error all the same.
  }
}

const CONCERNS = {
  __proto__: null,
  'NativeModule child_process': () => refusals().children(builtin('node:child_process')),
  'NativeModule dgram': () => refusals().datagrams(builtin('node:dgram')),
  'NativeModule dns': () => refusals().dns(builtin('node:dns')),
  'NativeModule internal/dns/promises': () => refusals().dns(builtin('node:dns').promises),
  'NativeModule net': () => refusals().network(builtin('node:net')),
  'NativeModule worker_threads': () => truth().share(),
};

/** Does what a module asks for that was loaded just now. */
function concern(name) {
  const act = CONCERNS[name];
  if (act === undefined) return;
  delete CONCERNS[name];
  try {
    act();
  } catch {
    // Without it errors keep their codes; nothing else depends on it.
  }
}

/** Sees each module that Node loads: the list of them gets a prototype that notices. */
function watch(list) {
  for (const name in CONCERNS) if (call(among, list, name)) concern(name);
  const noticing = new Proxy(Array.prototype, {
    set(_, key, value, receiver) {
      defineProperty(receiver, key, { value, writable: true, enumerable: true, configurable: true });
      if (typeof value === 'string') concern(value);
      return true;
    },
  });
  setPrototypeOf(list, noticing);
}

function install() {
  const methods = { assert, drop, has };
  defineProperty(process, RUNTIME, { value: { assert, drop, has, identity } });
  if (process.permission === undefined) {
    defineProperty(process, 'permission', { value: methods, enumerable: true });
  } else assign(process.permission, methods);
  watch(process.moduleLoadList);
  if (MAJOR >= 24) {
    const { subscribe } = builtin('node:diagnostics_channel');
    for (const area of AREAS) subscribe(`node:permission-model:${area}`, tell);
  }
}

if (CHANNEL > 2 && process[RUNTIME] === undefined) install();
