'use strict';
// What the boundary answers: the channel to it, and `process.permission` on top of that. Loaded by
// `preload.cjs` with the first question, of which it takes the functions that it needs: the program
// may have changed them since.

const {
  CHANNEL,
  MAJOR,
  allocUnsafeSlow,
  among,
  apply,
  assign,
  builtin,
  call,
  captureStackTrace,
  defineProperty,
  includes,
  native,
  parse,
  readSync,
  readlinkSync,
  refusals,
  replace,
  startsWith,
  statSync,
  stringify,
  toUpperCase,
  utf8Slice,
  writeSync,
} = require('./preload.cjs');

/** Under this name every thread finds the lock. */
const SHARED = 'ringfence.lock';
/** Longest packet, in bytes. */
const LONGEST = 8192;

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
  /** How long a holder is believed to be alive, in milliseconds. */
  const PATIENCE = 100;
  const { compareExchange, notify, store, wait } = Atomics;
  // A thread other than the first cannot change the working directory.
  const first = process.chdir.disabled !== true;
  let buffer;
  /** The number of the thread that holds it, or 0. */
  let lock;
  let thread = 0;
  let last = 0;

  /** Makes the lock that the threads of this process will find. */
  function share() {
    if (!first || lock !== undefined) return;
    const shared = new SharedArrayBuffer(8);
    lock = new Int32Array(shared);
    // For a thread that is started with an environment of its own.
    lock[1] = CHANNEL;
    thread = ownNumber();
    builtin('node:worker_threads').setEnvironmentData(SHARED, shared);
  }

  /** The kernel's number of this thread, or one below zero that no other thread has. */
  function ownNumber() {
    try {
      return Number(readlinkSync('/proc/thread-self').split('/').pop());
    } catch {
      return -1 - builtin('node:worker_threads').threadId;
    }
  }

  /** Whether a thread is no more; one without a number is believed to be there. */
  function isGone(holder) {
    if (holder < 0) return false;
    native.asked = true;
    try {
      return statSync(`/proc/self/task/${holder}`, { throwIfNoEntry: false }) === undefined;
    } catch {
      return false;
    } finally {
      native.asked = false;
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
    for (;;) {
      const holder = compareExchange(lock, 0, 0, thread);
      if (holder === 0) return;
      const woken = wait(lock, 0, holder, PATIENCE);
      // A thread that was ended while it held the lock never gives it back.
      const inherits = woken === 'timed-out' && isGone(holder);
      if (inherits && compareExchange(lock, 0, holder, thread) === holder) return;
    }
  }

  function release() {
    if (lock === undefined) return;
    store(lock, 0, 0);
    notify(lock, 0, 1);
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
      again(() => writeSync(CHANNEL, text));
      // An answer that a thread did not live to read comes first.
      for (;;) {
        const length = again(() => readSync(CHANNEL, buffer, 0, LONGEST, null));
        if (length === 0) throw broken('the control channel is closed');
        const answer = parse(apply(utf8Slice, buffer, [0, length]));
        if (answer.id === id || answer.id === null) return answer;
      }
    } finally {
      release();
    }
  }

  return { ask, share };
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

function inquire(act, ...values) {
  native.asked = true;
  try {
    return apply(act, process.permission, values);
  } finally {
    native.asked = false;
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
  if (call(among, PATHS, scope) && text !== '' && relative) {
    // Where `..` leads behind a link is known to the kernel only: the boundary walks the path itself.
    const { resolve } = builtin('node:path');
    if (!call(includes, text, '..')) text = resolve(text);
    else if (!call(startsWith, text, '/')) text = `${resolve('.')}/${text}`;
  }
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
function has(scope, reference, from) {
  const asked = question(scope, reference, from);
  const answer = channel.ask('has', asked);
  if (answer.ok !== true) throw answered(answer, asked, from);
  return answer.value === true && allowedByFlags(asked);
}

/** Throws `ERR_ACCESS_DENIED` when it is not granted. */
function assert(scope, reference, from) {
  const asked = question(scope, reference, from);
  const answer = channel.ask('assert', asked);
  if (answer.ok !== true) throw answered(answer, asked, from);
  if (!allowedByFlags(asked)) throw denied("Node's own permissions do not grant it", asked, undefined, from);
}

/** Scopes that only Node itself can refuse. */
const NODE_ONLY = ['addon', 'ffi', 'inspector', 'wasi', 'worker'];

/** Takes a grant away for good, everywhere, or throws. */
function drop(scope, reference, from) {
  const asked = question(scope, reference, from);
  const answer = channel.ask('drop', asked);
  if (answer.ok === true || answer.error.code === 'drop-incomplete') dropByFlags(asked);
  else if (answer.error.code === 'unsupported' && call(among, NODE_ONLY, scope)) dropInNode(answer, scope);
  if (answer.ok !== true) throw answered(answer, asked, from);
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

/** What the kernel cannot take back Node refuses to its own JavaScript, where it has a drop. */
function dropInNode({ error }, scope) {
  if (native.drop !== undefined) inquire(native.drop, scope);
  const refuses = native.has !== undefined && !inquire(native.has, scope);
  error.hint = refuses
    ? "Node's own permissions refuse it to this process's JavaScript from now on, and to nothing else"
    : `this Node (${process.version}) cannot refuse it to its own JavaScript either: it stays granted`;
}

/** What boundary this is, as it was at the start. */
function identity(from) {
  try {
    return { ...require('./boundary.json') };
  } catch {
    const message = 'this thread was started without the options that tell it its boundary';
    throw failure(Error, 'ERR_RINGFENCE_UNSUPPORTED', message, from);
  }
}

// What Node itself refused.

/** Refusals that are told, at most; each is told once. */
const MOST = 256;
const told = new Set();

/** The calls that led to a refusal. */
function calls() {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 30;
  const holder = {};
  captureStackTrace(holder, calls);
  Error.stackTraceLimit = stackTraceLimit;
  return String(holder.stack);
}

/** The innermost package among calls. */
function packageOf(stack) {
  const inPackage = /.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/:)]+)/;
  for (const line of stack.split('\n')) {
    const found = inPackage.exec(line);
    if (found !== null) return found[1];
  }
  return undefined;
}

/** Node's loader, looking for a `package.json` in the folders around a script. It goes on without. */
const LOADER = /\.publish \(node:[^\n]*\n[^\n]*(?:shouldUseESMLoader|PackageJSON\w*\]?|getPackage\w+\]?) \(node:internal\/modules\//;

/** Tells the boundary of a refusal. */
function report({ drop: dropping, permission = '', resource = '' }) {
  // Every worker asks for the inspector and goes on without it.
  if (dropping === true || (permission === 'Inspector' && resource === '')) return;
  const key = `${permission} ${resource}`;
  if (told.size >= MOST || told.has(key)) return;
  const stack = calls();
  if (permission === 'FileSystemRead' && LOADER.test(stack)) return;
  told.add(key);
  const event = { permission, resource: `${resource}`, package: packageOf(stack) };
  channel.ask('report', { event });
}

const { ask, share } = channel;
const flagsAllow = (scope) => allowedByFlags({ scope });
module.exports = { ask, assert, drop, flagsAllow, has, identity, nameOf, report, share };
