'use strict';
// Loaded in front of every Node program inside a boundary, in each of its threads. It lets
// `process.permission` say what the boundary grants, gives refusals of the boundary the error code
// that Node gives its own, and tells the boundary what Node refused. It enforces nothing: a program
// that undoes it only deceives itself.
//
// It loads nothing that the program does not load: a look at the list of loaded modules starts what
// concerns each. What it needs is taken at once, because the program may change it later.

// The cheaper way to what is loaded already, since Node 20.16.
const builtin = process.getBuiltinModule ?? require;
const { readSync, readlinkSync, statSync, writeSync } = builtin('node:fs');
const { parse, stringify } = JSON;
const { apply, defineProperty } = Reflect;
const { allocUnsafeSlow } = Buffer;
const { utf8Slice } = Buffer.prototype;
const { includes, startsWith, replace, toUpperCase } = String.prototype;
const { assign } = Object;
const { captureStackTrace } = Error;
const among = Array.prototype.includes;
const call = (method, self, ...values) => apply(method, self, values);

const RUNTIME = Symbol.for('ringfence.runtime');
/** Under this name every thread finds the lock. */
const SHARED = 'ringfence.lock';
/** Longest packet, in bytes. */
const LONGEST = 8192;
const MAJOR = parseInt(process.versions.node, 10);

/** An error with a code, whose stack begins where the program called. */
function failure(Kind, code, message, from, more) {
  const error = new Kind(message);
  // As Node does it, the code is in the first line of the stack and not in the name.
  defineProperty(error, 'name', { value: `${error.name} [${code}]`, configurable: true });
  captureStackTrace(error, from);
  void error.stack;
  delete error.name;
  error.code = code;
  return assign(error, more);
}

// The channel: one packet is one question, one packet the answer. Threads share it under a lock.

const channel = (() => {
  const HELD = 1;
  const WAITED_FOR = 2;
  /** How long a holder is believed to be alive, in milliseconds. */
  const PATIENCE = 100;
  const { compareExchange, exchange, load: read, notify, store, wait } = Atomics;
  const number = Number(process.env.RINGFENCE_CONTROL ?? 0);
  // A thread other than the first cannot change the working directory.
  const first = process.chdir.disabled !== true;
  let buffer;
  let lock;
  let thread = 0;
  let last = 0;

  /** Whether there is one. */
  const open = () => number > 2;

  /** Makes the lock that the threads of this process will find. */
  function share() {
    if (!first || lock !== undefined) return;
    const shared = new SharedArrayBuffer(8);
    lock = new Int32Array(shared);
    thread = ownNumber();
    builtin('node:worker_threads').setEnvironmentData(SHARED, shared);
  }

  /** The kernel's number of this thread, or -1. */
  function ownNumber() {
    try {
      return Number(readlinkSync('/proc/thread-self').split('/').pop());
    } catch {
      return -1;
    }
  }

  function broken(message) {
    return failure(Error, 'ERR_RINGFENCE_CHANNEL', message, broken);
  }

  function acquire() {
    if (lock === undefined) {
      if (first) return;
      const shared = builtin('node:worker_threads').getEnvironmentData(SHARED);
      if (!(shared instanceof SharedArrayBuffer)) {
        throw broken('this thread does not share the lock of the control channel');
      }
      lock = new Int32Array(shared);
    }
    if (thread === 0) thread = ownNumber();
    let state = compareExchange(lock, 0, 0, HELD);
    while (state !== 0) {
      if (state === WAITED_FOR || compareExchange(lock, 0, HELD, WAITED_FOR) !== 0) {
        const woken = wait(lock, 0, WAITED_FOR, PATIENCE);
        // A thread that was ended while it held the lock never gives it back.
        if (woken === 'timed-out' && inherit()) break;
      }
      state = compareExchange(lock, 0, 0, WAITED_FOR);
    }
    store(lock, 1, thread);
  }

  /** Takes the lock over from a thread that is no more. */
  function inherit() {
    const holder = read(lock, 1);
    if (holder <= 0) return false;
    try {
      if (statSync(`/proc/self/task/${holder}`, { throwIfNoEntry: false }) !== undefined) return false;
    } catch {
      return false;
    }
    return compareExchange(lock, 1, holder, thread) === holder;
  }

  function release() {
    if (lock === undefined) return;
    store(lock, 1, 0);
    if (exchange(lock, 0, 0) === WAITED_FOR) notify(lock, 0, 1);
  }

  function again(act) {
    for (;;) {
      try {
        return act();
      } catch (error) {
        if (error.code === 'EAGAIN') wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
        else if (error.code !== 'EINTR') throw broken(`the control channel failed: ${error.code}`);
      }
    }
  }

  /** Asks and waits for the answer. */
  function ask(op, fields) {
    // Another thread's numbers begin elsewhere.
    if (last === 0) last = Math.floor(Math.random() * 2 ** 40);
    last += 1;
    const id = last;
    const text = stringify({ __proto__: null, v: 1, id, op, ...fields });
    acquire();
    try {
      buffer ??= allocUnsafeSlow(LONGEST);
      again(() => writeSync(number, text));
      // An answer that a thread did not live to read comes first.
      for (;;) {
        const length = again(() => readSync(number, buffer, 0, LONGEST, null));
        if (length === 0) throw broken('the control channel is closed');
        const answer = parse(apply(utf8Slice, buffer, [0, length]));
        if (answer.id === id || answer.id === null) return answer;
      }
    } finally {
      release();
    }
  }

  return { ask, open, share };
})();

// `process.permission`

/** Scopes whose references are paths. */
const PATHS = ['addon', 'child', 'fs', 'fs.read', 'fs.write', 'net.unix'];
/** What Node calls the permission of a scope. */
const NAMES = {
  __proto__: null,
  addon: 'Addon',
  child: 'ChildProcess',
  env: 'Environment',
  ffi: 'FFI',
  fs: 'FileSystem',
  'fs.read': 'FileSystemRead',
  'fs.write': 'FileSystemWrite',
  inspector: 'Inspector',
  secret: 'Secret',
  wasi: 'WASI',
  worker: 'WorkerThreads',
};
const nameOf = (scope) => NAMES[scope] ?? (call(startsWith, scope, 'net') ? 'Net' : scope);

const native = { has: process.permission?.has, drop: process.permission?.drop };
/** While it is true, what Node publishes is the answer to our own question. */
let asking = false;

function inquire(act, ...values) {
  asking = true;
  try {
    return apply(act, process.permission, values);
  } finally {
    asking = false;
  }
}

/** Scope and reference as the channel takes them. */
function question(scope, reference, from) {
  const wrong = (what, want, got) => {
    const kind = got === null ? 'null' : typeof got;
    const message = `The "${what}" argument must be ${want}. Received ${kind}`;
    return failure(TypeError, 'ERR_INVALID_ARG_TYPE', message, from);
  };
  if (typeof scope !== 'string') throw wrong('scope', 'of type string', scope);
  if (reference === undefined) return { scope };
  let text = reference;
  if (reference instanceof URL) text = builtin('node:url').fileURLToPath(reference);
  else if (ArrayBuffer.isView(reference)) {
    const { buffer, byteOffset, byteLength } = reference;
    const bytes = Buffer.from(buffer, byteOffset, byteLength);
    text = apply(utf8Slice, bytes, [0, byteLength]);
  }
  if (typeof text !== 'string') throw wrong('reference', 'of type string, URL or Uint8Array', reference);
  if (text.length * 2 > LONGEST) {
    throw failure(Error, 'ERR_RINGFENCE_BAD_REFERENCE', 'the reference is too long', from);
  }
  // A path is meant from the working directory; a program without a slash is looked for in PATH.
  const relative = scope !== 'child' || call(includes, text, '/');
  if (call(among, PATHS, scope) && text !== '' && relative) text = builtin('node:path').resolve(text);
  return { scope, reference: text };
}

/** The error of an answer, for the program. */
function answered(answer, asked, from) {
  const { code, message, hint, missing_grant: missing } = answer.error;
  const text = hint === undefined ? message : `${message}; ${hint}`;
  if (code !== 'denied') {
    const name = `ERR_RINGFENCE_${call(toUpperCase, call(replace, code, /-/g, '_'))}`;
    return failure(Error, name, text, from);
  }
  return denied(text, asked, missing, from);
}

function denied(message, { scope, reference = '' }, missing, from) {
  const text = missing === undefined ? message : `${message}: add ${missing}`;
  const more = { permission: nameOf(scope), resource: reference };
  if (missing !== undefined) more.missingGrant = missing;
  return failure(Error, 'ERR_ACCESS_DENIED', text, from, more);
}

/** Whether Node's own flags allow it too. Before Node 25 they say nothing about the network. */
function allowedByFlags({ scope, reference }) {
  const known = scope in NAMES && scope !== 'env' && scope !== 'secret';
  const network = MAJOR >= 25 && call(startsWith, scope, 'net');
  if (native.has === undefined || !(known || network)) return true;
  return network ? inquire(native.has, 'net') : inquire(native.has, scope, reference);
}

/** Whether the boundary and Node's own flags grant this now. */
function has(scope, reference) {
  const asked = question(scope, reference, has);
  const answer = channel.ask('has', asked);
  if (answer.ok !== true) throw answered(answer, asked, has);
  return answer.value === true && allowedByFlags(asked);
}

/** Throws `ERR_ACCESS_DENIED` when it is not granted. */
function assert(scope, reference) {
  const asked = question(scope, reference, assert);
  const answer = channel.ask('assert', asked);
  if (answer.ok !== true) throw answered(answer, asked, assert);
  if (!allowedByFlags(asked)) throw denied("Node's own permissions do not grant it", asked, undefined, assert);
}

/** Takes a grant away for good, everywhere, or throws. */
function drop(scope, reference) {
  const asked = question(scope, reference, drop);
  const answer = channel.ask('drop', asked);
  if (answer.ok === true || answer.error.code === 'drop-incomplete') dropByFlags(asked);
  if (answer.ok !== true) throw answered(answer, asked, drop);
  return { ...answer.dropped, milliseconds: answer.milliseconds };
}

/** Node forgets whole scopes where it was asked for a part, so it is only asked when all is gone. */
function dropByFlags({ scope, reference }) {
  if (native.drop === undefined || !(scope in NAMES || scope === 'net')) return;
  const file = call(startsWith, scope, 'fs');
  // Afterwards it may be out of reach.
  if (file) refusals();
  const rest = !file && reference !== undefined && channel.ask('has', { scope }).value === true;
  if (rest || scope === 'env' || scope === 'secret') return;
  if (file && reference !== undefined) inquire(native.drop, scope, reference);
  else inquire(native.drop, scope);
  if (scope === 'net') refusals().listening();
}

/** What this boundary is. */
function identity() {
  const answer = channel.ask('identity', {});
  if (answer.ok !== true) throw answered(answer, { scope: 'identity' }, identity);
  const { id, ok, ...rest } = answer;
  return rest;
}

/** What gives errors their codes; loaded with the first module whose calls can be refused. */
function refusals() {
  const flagsAllow = (scope) => allowedByFlags({ scope });
  loaded ??= require('./refusals.cjs')({ ask: channel.ask, flagsAllow, nameOf });
  return loaded;
}
let loaded;

// What Node itself refuses it tells on channels, since Node 24.

const AREAS = ['addon', 'child', 'ffi', 'fs', 'inspector', 'net', 'openssl-store', 'wasi', 'worker'];
/** Refusals that are told, at most; each is told once. */
const MOST = 256;
let told;

/** The innermost package on the stack. */
function caller() {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 30;
  const holder = {};
  captureStackTrace(holder, caller);
  Error.stackTraceLimit = stackTraceLimit;
  const inPackage = /.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/:)]+)/;
  for (const line of String(holder.stack).split('\n')) {
    const found = inPackage.exec(line);
    if (found !== null) return found[1];
  }
  return undefined;
}

function tell({ drop: dropping, permission = '', resource = '' }) {
  // Every worker asks for the inspector and goes on without it.
  if (asking || dropping === true || (permission === 'Inspector' && resource === '')) return;
  try {
    told ??= new Set();
    const key = `${permission} ${resource}`;
    if (told.size >= MOST || told.has(key)) return;
    told.add(key);
    const event = { permission, resource: `${resource}`, package: caller() };
    channel.ask('report', { event });
  } catch {
    // Nobody listens; the program has its error all the same.
  }
}

function listen() {
  if (MAJOR < 24) return;
  const { subscribe } = builtin('node:diagnostics_channel');
  for (const area of AREAS) subscribe(`node:permission-model:${area}`, tell);
}

// The start.

const CONCERNS = {
  __proto__: null,
  'NativeModule child_process': () => refusals().children(builtin('node:child_process')),
  'NativeModule dgram': () => refusals().datagrams(builtin('node:dgram')),
  'NativeModule dns': () => refusals().dns(builtin('node:dns')),
  'NativeModule internal/dns/promises': () => refusals().dns(builtin('node:dns').promises),
  'NativeModule net': () => refusals().network(builtin('node:net')),
  'NativeModule worker_threads': () => channel.share(),
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
  Object.setPrototypeOf(list, noticing);
}

function install() {
  defineProperty(process, RUNTIME, { value: { assert, drop, has, identity } });
  let { permission } = process;
  if (permission === undefined) {
    permission = {};
    defineProperty(process, 'permission', { value: permission, enumerable: true });
  }
  assign(permission, { assert, drop, has });
  watch(process.moduleLoadList);
  listen();
}

if (process[RUNTIME] === undefined && channel.open()) install();
