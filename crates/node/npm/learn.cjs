'use strict';
// In front of every Node program while `ringfence learn` records, in each of its threads: it writes down
// which package used what, as lines of the record that RINGFENCE_LEARN names. It holds nothing back and
// enforces nothing; a program that undoes it is only told of less.
//
// The program must not notice. Public functions become proxies whose trap is a function of WebAssembly:
// that calls our observer first and the real function last, as a tail call, so no frame of ours is on the
// stack while the real one runs, and names, lengths, properties, errors, results and promises are its own.
// What a proxy still shows: `util.types.isProxy`, and on Node 26 `util.inspect` says `Proxy(...)`.
//
// A program may change what is global at any moment: everything that is needed later is kept here first.

const builtin = process.getBuiltinModule ?? require;
const fs = builtin('node:fs');
const { closeSync, fstatSync, openSync, readFileSync, realpathSync, writeSync } = fs;
const { O_APPEND, O_WRONLY } = fs.constants;
const { dirname, resolve } = builtin('node:path').posix;
const { isPromise, isProxy } = builtin('node:util').types;
const { apply, construct, defineProperty, deleteProperty, get, getOwnPropertyDescriptor, has, ownKeys, set } = Reflect;
const { create, getOwnPropertyDescriptors, getPrototypeOf, prototype: plain, setPrototypeOf } = Object;
const { captureStackTrace } = Error;
const { isArray, prototype: list } = Array;
const { isView } = ArrayBuffer;
const { parse, stringify } = JSON;
const { byteLength } = Buffer;
const Failure = Error;
const Overflow = RangeError;
const FastProxy = Proxy;
const { then } = Promise.prototype;
const { subarray } = Uint8Array.prototype;
const { pid } = process;
const cwd = process.cwd;
const loose = (method) => Function.prototype.call.bind(method);
const includes = loose(String.prototype.includes);
const indexOf = loose(String.prototype.indexOf);
const lastIndexOf = loose(String.prototype.lastIndexOf);
const lowerCase = loose(String.prototype.toLowerCase);
const slice = loose(String.prototype.slice);
const split = loose(String.prototype.split);
const startsWith = loose(String.prototype.startsWith);
const endsWith = loose(String.prototype.endsWith);
const bytesToText = loose(Buffer.prototype.utf8Slice);
const hrefOf = loose(getOwnPropertyDescriptor(URL.prototype, 'href').get);
const { decodeURIComponent } = globalThis;

const FILE = __filename;
const VARIABLE = 'RINGFENCE_LEARN';
const OPTIONS = 'NODE_OPTIONS';
/** Under this name a worker finds the record: the variable is taken away before the program sees it. */
const SHARED = 'ringfence.learn';
/** Longest line in bytes, its newline included. */
const LONGEST = 4096;
/** Longest text inside a line, in UTF-16 units. */
const CUT = 1000;
/** Different resources of one capability that are told, at most. */
const MOST = 50_000;
/** A resource is asked for its caller this often, and then at each power of two. */
const CALLERS = 16;
/** The same for variables: many packages read the same few. */
const READERS = 128;
/** Failures of ours after which nothing is recorded any more. */
const PATIENCE = 16;

const main = process.chdir.disabled !== true;
const env = process.env;
/** A map whose methods nobody can change. */
function table(Kind = Map) {
  const map = new Kind();
  const { get, has, set } = Kind.prototype;
  for (const [name, value] of Object.entries({ get, has, set })) defineProperty(map, name, { value });
  const size = getOwnPropertyDescriptor(Kind.prototype, 'size');
  if (size !== undefined) defineProperty(map, 'size', size);
  return map;
}

// The record.

let failures = 0;
const record = (() => {
  let file = -1;
  let device;
  let inode;

  function open(path) {
    file = openSync(path, O_WRONLY | O_APPEND);
    ({ dev: device, ino: inode } = fstatSync(file));
  }

  /** One line is one write. A program may have closed our descriptor and have another file there. */
  function line(text) {
    if (file < 0) return;
    const whole = `${text},"pid":${pid}}\n`;
    if (whole.length * 3 > LONGEST && byteLength(whole) > LONGEST) return;
    const now = fstatSync(file);
    if (now.dev === device && now.ino === inode) writeSync(file, whole);
    else file = -1;
  }

  return { line, open };
})();

const quoted = (text) => stringify(text.length > CUT ? slice(text, 0, CUT) : text);
const features = { __proto__: null };
function feature(name) {
  if (features[name] === true) return;
  features[name] = true;
  record.line(`{"kind":"feature","feature":"${name}"`);
}

// Who called.

const sites = (() => {
  const LIMIT = 'stackTraceLimit';
  const HOOK = 'prepareStackTrace';
  const raw = (_, found) => found;
  const ours = (value) => ({ __proto__: null, value, writable: true, enumerable: true, configurable: true });
  /** Sets a property of `Error` for a moment; says whether it could. */
  function lend(name, before, value) {
    if (before !== undefined && 'value' in before && before.writable) {
      Failure[name] = value;
      return true;
    }
    return (before?.configurable ?? true) && defineProperty(Failure, name, ours(value));
  }
  function giveBack(name, before, value) {
    if (before === undefined) deleteProperty(Failure, name);
    else if ('value' in before && before.writable) Failure[name] = before.value;
    else defineProperty(Failure, name, { __proto__: null, ...before });
  }
  return function sites(limit) {
    const length = getOwnPropertyDescriptor(Failure, LIMIT);
    const hook = getOwnPropertyDescriptor(Failure, HOOK);
    const holder = { __proto__: null, stack: undefined };
    const measured = lend(LIMIT, length, limit);
    const hooked = lend(HOOK, hook, raw);
    try {
      // With a hook of the program that cannot be put aside, it would be asked.
      if (!hooked && hook !== undefined) return [];
      captureStackTrace(holder, sites);
      return holder.stack;
    } finally {
      if (hooked) giveBack(HOOK, hook);
      if (measured) giveBack(LIMIT, length);
    }
  };
})();

const site = (() => {
  const [one] = sites(1);
  const { getFileName, getLineNumber, getColumnNumber } = getPrototypeOf(one);
  return { file: loose(getFileName), line: loose(getLineNumber), column: loose(getColumnNumber) };
})();

/** Frames of a stack that came as text, because `Error` is frozen. */
function* written(stack) {
  for (const line of split(stack, '\n')) {
    if (!startsWith(line, '    at ')) continue;
    const open = lastIndexOf(line, '(');
    const place = open < 0 ? slice(line, 7) : slice(line, open + 1, -1);
    const [column, row] = split(place, ':').reverse();
    yield { file: slice(place, 0, -(column.length + row.length + 2)), line: row, column };
  }
}

/** Frames that are looked at first, and if nobody is among them. */
const NEAR = 10;
const FAR = 100;
/** The caller is Node's loader of modules, or one of its parts that reads on its own account. */
const LOADER = { __proto__: null };
const LOADERS = ['node:internal/modules/', 'node:internal/source_map', 'node:internal/process/'];

function isLoader(file) {
  for (let at = 0; at < LOADERS.length; at += 1) if (startsWith(file, LOADERS[at])) return true;
  return false;
}

/** The nearest frame that is neither Node's nor ours; `direct` when none of Node's is before it. */
function judge(found) {
  const text = typeof found === 'string';
  const frames = text ? [...written(found)] : found;
  let direct = true;
  for (let at = 0; at < frames.length; at += 1) {
    const frame = frames[at];
    const file = text ? frame.file : site.file(frame);
    if (typeof file !== 'string' || file === FILE || startsWith(file, 'wasm:')) continue;
    if (startsWith(file, 'node:')) {
      if (isLoader(file)) return LOADER;
      direct = false;
    } else if (text) return { __proto__: null, direct, ...frame };
    else return { __proto__: null, direct, file, frame };
  }
  return undefined;
}

function caller() {
  const near = sites(NEAR);
  const found = judge(near);
  if (found !== undefined || (typeof near !== 'string' && near.length < NEAR)) return found;
  return judge(sites(FAR));
}

function placeOf({ file, frame, line, column }) {
  const row = frame === undefined ? line : site.line(frame);
  return `${pathOfUrl(file)}:${row}:${frame === undefined ? column : site.column(frame)}`;
}

// Packages.

const MODULES = '/node_modules/';
const APPLICATION = { __proto__: null, told: '' };
const packages = table();
const folders = table();

/** Folder and name of the package that a file is in; nothing is the application. */
function owner(file) {
  for (let at = lastIndexOf(file, MODULES); at >= 0; at = lastIndexOf(file, MODULES, at - 1)) {
    const start = at + MODULES.length;
    let end = indexOf(file, '/', start);
    if (end >= 0 && file[start] === '@') end = indexOf(file, '/', end + 1);
    const name = slice(file, start, end);
    // `.pnpm`, `.bin`, `.cache`: no packages.
    if (end > 0 && file[start] !== '.') return { folder: slice(file, 0, end), name };
    if (at === 0) break;
  }
  return undefined;
}

function real(folder) {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}

function versionOf(folder) {
  try {
    const { version } = parse(readFileSync(`${folder}/package.json`, 'utf8'));
    return typeof version === 'string' ? version : undefined;
  } catch {
    return undefined;
  }
}

function packageIn({ folder, name }) {
  const known = folders.get(folder);
  if (known !== undefined) return known;
  // A workspace is linked into `node_modules` and lies elsewhere.
  const linked = owner(`${real(folder)}/`) === undefined;
  const version = linked ? undefined : versionOf(folder);
  const told = `"package":${quoted(name)},${version === undefined ? '' : `"version":${quoted(version)},`}`;
  const found = linked ? APPLICATION : { __proto__: null, told };
  folders.set(folder, found);
  return found;
}

function packageOf(file) {
  let found = packages.get(file);
  if (found !== undefined) return found;
  const owned = owner(pathOfUrl(file));
  found = owned === undefined ? APPLICATION : packageIn(owned);
  if (packages.size < MOST) packages.set(file, found);
  return found;
}

function pathOfUrl(file) {
  if (!startsWith(file, 'file://')) return file;
  let path = slice(file, 7);
  const query = indexOf(path, '?');
  const hash = indexOf(path, '#');
  if (query >= 0) path = slice(path, 0, query);
  else if (hash >= 0) path = slice(path, 0, hash);
  return includes(path, '%') ? decodeURIComponent(path) : path;
}

// Uses.

const KINDS = [
  'fs-read', 'fs-look', 'fs-write', 'connect', 'listen', 'udp', 'unix', 'child', 'worker', 'addon', 'wasi',
  'inspector', 'ffi', 'env',
];
const seen = { __proto__: null };
for (const kind of KINDS) seen[kind] = table();

/** What is known of a resource, if its caller is worth a look this time. */
function due(kind, resource, often) {
  const known = seen[kind];
  let cell = known.get(resource);
  if (cell === undefined) {
    if (known.size >= MOST) return undefined;
    cell = { __proto__: null, times: 0, by: [] };
    known.set(resource, cell);
  }
  const times = (cell.times += 1);
  return times <= often || (times & (times - 1)) === 0 ? cell : undefined;
}

/** Writes who used a resource, once for each package. */
function tell(kind, cell, resource, who) {
  const by = packageOf(who.file);
  const callers = cell.by;
  for (let at = 0; at < callers.length; at += 1) if (callers[at] === by) return;
  callers[callers.length] = by;
  const place = quoted(placeOf(who));
  record.line(
    `{"kind":"use","capability":"${kind}","resource":${quoted(resource)},"by":{${by.told}"place":${place}}`,
  );
}

function note(kind, resource) {
  const cell = due(kind, resource, CALLERS);
  if (cell === undefined) return;
  const who = caller();
  if (who !== undefined && who !== LOADER) tell(kind, cell, resource, who);
}

/** A path as the program gave it; nothing for a descriptor or a handle. */
function pathOf(value) {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return undefined;
  if (isView(value)) return bytesToText(apply(subarray, value, []));
  try {
    const href = hrefOf(value);
    return startsWith(href, 'file:') ? pathOfUrl(href) : undefined;
  } catch {
    return undefined;
  }
}

function touch(kind, value) {
  const path = pathOf(value);
  if (path === undefined || path === '') return;
  const key = path[0] === '/' ? path : resolve(apply(cwd, process, []), path);
  const cell = due(kind, key, CALLERS);
  if (cell === undefined || includes(key, '\0')) return;
  const who = caller();
  if (who !== undefined && who !== LOADER) tell(kind, cell, resolve(key), who);
}

/** A property that is there without anybody being asked: no getter runs, no trap of a proxy. */
function peek(object, name) {
  for (let owned = object, depth = 0; depth < 8; depth += 1) {
    if (owned === null || (typeof owned !== 'object' && typeof owned !== 'function')) return undefined;
    if (owned === process.env || isProxy(owned)) return undefined;
    const found = getOwnPropertyDescriptor(owned, name);
    if (found !== undefined) return found.value;
    owned = getPrototypeOf(owned);
  }
  return undefined;
}

// Functions in whose place a proxy stands.

const observers = table(WeakMap);
let busy = false;

/** Observes one call; nothing of ours reaches the program. */
function observed(target, self, values) {
  if (busy || failures >= PATIENCE) return;
  busy = true;
  try {
    const act = observers.get(target);
    if (act !== undefined) act(values, self, target);
  } catch (error) {
    if (!(error instanceof Overflow)) failures += 1;
  } finally {
    busy = false;
  }
}

/** Calls something whose result we look at; null says that it threw and is to be called again. */
function attempt(target, self, values) {
  const { after, failed } = observers.get(target);
  let result;
  try {
    result = apply(target, self, values);
  } catch {
    observedFailure(failed, values);
    return null;
  }
  try {
    return after === undefined ? result : after(result, values);
  } catch {
    return result;
  }
}

function observedFailure(act, values) {
  try {
    act?.(values);
  } catch {
    // It is called again as it was.
  }
}

// (func $called (param target this values) (call $observe ...) (return_call $apply ...))
// (func $made   (param target values new)  (call $observeNew ...) (return_call $construct ...))
// (func $tried  (param target this values) (local.tee 3 (call $attempt ...)) (if ref.is_null (return_call $apply ...)) (local.get 3))
// (func $assigned (param target key value receiver)
//   (if (call $isOurs (receiver)) (return_call $set target key value)) (return_call $setFor target key value receiver))
const CODE =
  'AGFzbQEAAAABGwRgA29vbwFvYANvb28AYAFvAX9gBG9vb28BbwJeCAFfB29ic2VydmUAAQFfCm9ic2VydmVOZXcAAQFfB2F0dGVtcHQAAAFf' +
  'BmlzT3VycwACAV8FYXBwbHkAAAFfCWNvbnN0cnVjdAAAAV8Dc2V0AAABXwZzZXRGb3IAAwMFBAAAAAMHJAQGY2FsbGVkAAgEbWFkZQAJBXRyaWVk' +
  'AAoIYXNzaWduZWQACwpgBBIAIAAgASACEAAgACABIAISBAsSACAAIAEgAhABIAAgASACEgULHAEBbyAAIAEgAhACIgPRBEAgACABIAISBAsgAwsb' +
  'ACADEAMEQCAAIAEgAhIGCyAAIAEgAiADEgcL';
const { called, made, tried, assigned } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(CODE, 'base64')), {
  _: {
    observe: observed,
    observeNew: (target, values) => observed(target, undefined, values),
    attempt,
    isOurs: (receiver) => (receiver === proxied ? 1 : 0),
    apply,
    construct,
    set,
    setFor: set,
  },
}).exports;
const CALLED = { __proto__: null, apply: called };
const TRIED = { __proto__: null, apply: tried };
const MADE = { __proto__: null, construct: made };

function replace(owner, name, traps, act) {
  const found = owner && getOwnPropertyDescriptor(owner, name);
  if (typeof found?.value !== 'function' || !found.configurable) return undefined;
  observers.set(found.value, act);
  const value = new FastProxy(found.value, traps);
  defineProperty(owner, name, { __proto__: null, ...found, value });
  return value;
}
const watch = (owner, name, act) => replace(owner, name, CALLED, act);

/** A class: what it makes says that it is of the class that the program knows. */
function watchClass(owner, name, act) {
  const value = replace(owner, name, MADE, act);
  if (value === undefined) return;
  const found = getOwnPropertyDescriptor(value.prototype, 'constructor');
  if (found?.configurable) defineProperty(value.prototype, 'constructor', { ...found, value });
}

/** Somebody's callback, as one that we hear of first; it may be given to several calls. */
function heard(callback, act) {
  const once = new FastProxy(callback, {});
  observers.set(once, act);
  return new FastProxy(once, CALLED);
}

/** The place of the last function among arguments. */
function lastFunction(values) {
  const at = values.length - 1;
  return at >= 0 && typeof values[at] === 'function' ? at : -1;
}

// Files.

const READ = 'fs-read';
const LOOK = 'fs-look';
const WRITE = 'fs-write';
const first = (kind) => (values) => touch(kind, values[0]);
const reads = first(READ);
const looks = first(LOOK);
const writes = first(WRITE);
const noFlags = () => feature('needs-no-flags');
function copies(values) {
  touch(READ, values[0]);
  touch(WRITE, values[1]);
}
function moves(values) {
  touch(WRITE, values[0]);
  touch(WRITE, values[1]);
}
function links(values) {
  noFlags();
  touch(WRITE, values[1]);
}
function opens({ 0: path, 1: flags }) {
  if (typeof flags === 'number') {
    const access = flags & 3;
    if (access !== 1) touch(READ, path);
    if (access !== 0 || (flags & (fs.constants.O_CREAT | fs.constants.O_TRUNC)) !== 0) touch(WRITE, path);
    return;
  }
  const mode = typeof flags === 'string' ? flags : 'r';
  if (mode[0] === 'r') touch(READ, path);
  if (mode[0] !== 'r' || includes(mode, '+')) touch(WRITE, path);
}
function flushes(values) {
  writes(values);
  if (peek(values[2], 'flush') === true) noFlags();
}
const temporary = ({ 0: prefix }) => typeof prefix === 'string' && touch(WRITE, `${prefix}XXXXXX`);
const within = ({ 1: options }) => touch(READ, peek(options, 'cwd') ?? '.');

/** What each function of `fs` does, its `Sync` and its promises too. */
const FILES = {
  __proto__: null,
  access: looks, appendFile: flushes, chmod: writes, chown: writes, copyFile: copies, cp: copies,
  createReadStream: reads, createWriteStream: flushesOfStream, exists: looks, fchmod: noFlags, fchown: noFlags,
  fdatasync: noFlags, fsync: noFlags, futimes: noFlags, glob: within, lchmod: writes, lchown: writes, link: copies,
  lstat: looks, lutimes: writes, mkdir: writes, mkdtemp: temporary, mkdtempDisposable: temporary, open: opens,
  openAsBlob: reads, opendir: reads, readFile: reads, readdir: reads, readlink: looks, realpath: looks, rename: moves,
  rm: writes, rmdir: writes, stat: looks, statfs: looks, symlink: links, truncate: writes, unlink: writes,
  utimes: writes, watch: reads, watchFile: looks, writeFile: flushes,
};
function flushesOfStream({ 0: path, 1: options }) {
  touch(WRITE, path);
  if (peek(options, 'flush') === true) noFlags();
}

function watchFiles(module) {
  for (const name in FILES) {
    const native = module[name]?.native;
    watch(module, name, FILES[name]);
    watch(module, `${name}Sync`, FILES[name]);
    if (name === 'realpath' && native !== undefined) {
      watch(module[name], 'native', looks);
      watch(module.realpathSync, 'native', looks);
    }
  }
}

/** Functions of a handle are found with the first one that the program opens. */
let handles = false;
function watchPromises() {
  const module = fs.promises;
  const open = module.open;
  watchFiles(module);
  observers.set(open, {
    after(result, values) {
      observed(OPENED, undefined, values);
      if (handles || !isPromise(result)) return result;
      return apply(then, result, [
        (handle) => {
          if (!handles) for (const name of ['sync', 'datasync']) watch(getPrototypeOf(handle), name, noFlags);
          handles = true;
          return handle;
        },
      ]);
    },
  });
  const found = getOwnPropertyDescriptor(module, 'open');
  defineProperty(module, 'open', { ...found, value: new FastProxy(open, TRIED) });
}
/** Stands for `fs.promises.open` among the observers. */
const OPENED = {};
observers.set(OPENED, opens);

// Variables of the environment.

/** Names that every object is asked for. */
const COMMON = { __proto__: null, toJSON: true, then: true, nodeType: true, inspect: true };
let sweep;

/** Whether this is the next step of going through all variables, which the engine takes by itself. */
function swept(key, part) {
  if (sweep === undefined) return false;
  const at = sweep[part];
  if (sweep.keys[at] === key || (at > 0 && sweep.keys[at - 1] === key)) {
    if (sweep.keys[at] === key) sweep[part] = at + 1;
    if (part === 'gets' && sweep.gets === sweep.keys.length) sweep = undefined;
    return true;
  }
  sweep = undefined;
  return false;
}

function asked(key) {
  if (key in COMMON || key in plain) return;
  const cell = due('env', key, READERS);
  if (cell === undefined) return;
  const who = caller();
  if (who === undefined || who === LOADER || !who.direct) return;
  if (cell.by.length === 0) {
    const present = has(env, key);
    record.line(`{"kind":"env","name":${quoted(key)},"present":${present}`);
  }
  tell('env', cell, key, who);
}
const ASKED = {};
observers.set(ASKED, asked);

function listed(keys) {
  sweep = { __proto__: null, keys, looks: 0, gets: 0 };
  if (features['whole-environment'] === true) return;
  const who = caller();
  if (who?.direct) feature('whole-environment');
}
const LISTED = {};
observers.set(LISTED, listed);

const proxied = new FastProxy(env, {
  __proto__: null,
  get(target, key) {
    if (typeof key === 'string' && !swept(key, 'gets')) observed(ASKED, undefined, key);
    return get(target, key);
  },
  has(target, key) {
    if (typeof key === 'string') observed(ASKED, undefined, key);
    return has(target, key);
  },
  getOwnPropertyDescriptor(target, key) {
    if (typeof key === 'string' && !swept(key, 'looks')) observed(ASKED, undefined, key);
    return getOwnPropertyDescriptor(target, key);
  },
  ownKeys(target) {
    const keys = ownKeys(target);
    observed(LISTED, undefined, keys);
    return keys;
  },
  // Without frames: it throws for symbols.
  set: assigned,
});

/** The real environment in place of ours, in what is about to be copied: a proxy cannot be. */
function unproxied(value, depth = 0) {
  if (value === proxied) return env;
  if (depth > 6 || typeof value !== 'object' || value === null || isProxy(value)) return value;
  const parent = getPrototypeOf(value);
  if (parent !== plain && parent !== null && !isArray(value)) return value;
  let changed = false;
  const copy = isArray(value) ? [] : {};
  const descriptors = getOwnPropertyDescriptors(value);
  for (const key of ownKeys(descriptors)) {
    const found = descriptors[key];
    const inner = 'value' in found ? unproxied(found.value, depth + 1) : undefined;
    if (inner !== found.value && 'value' in found) {
      found.value = inner;
      changed = true;
    }
    defineProperty(copy, key, found);
  }
  return changed ? copy : value;
}

/** A function that copies its first argument: asked again if that failed for the environment's sake. */
function copying(owner, name) {
  replace(owner, name, TRIED, {
    failed(values) {
      values[0] = unproxied(values[0]);
    },
  });
}

// What children and workers are given, so that they tell too.

let option;
let path;

/** Takes our part of NODE_OPTIONS out of it. */
function conceal() {
  const options = env[OPTIONS] ?? '';
  for (const part of [`--require="${FILE}"`, `--require "${FILE}"`, `--require=${FILE}`, `--require ${FILE}`, `-r ${FILE}`]) {
    const at = indexOf(options, part);
    if (at < 0) continue;
    option = part;
    const before = slice(options, 0, at);
    const after = slice(options, at + part.length);
    const rest = before === '' ? slice(after, 1) : `${endsWith(before, ' ') ? slice(before, 0, -1) : before}${after}`;
    if (rest === '') delete env[OPTIONS];
    else env[OPTIONS] = rest;
    delete env[VARIABLE];
    return;
  }
}

const withOption = (text) => (text ? (includes(text, option) ? text : `${text} ${option}`) : option);

/** A copy of an environment with our variables, in the order that it had. */
function handedOn(given) {
  const from = given === undefined || given === null || given === proxied ? env : given;
  const copy = {};
  for (const name in from) defineProperty(copy, name, { value: from[name], writable: true, enumerable: true, configurable: true });
  copy[OPTIONS] = withOption(copy[OPTIONS]);
  copy[VARIABLE] = path;
  return copy;
}

/** The same options with another value. */
const withValue = (options, name, value) =>
  create(options === undefined || options === null ? plain : getPrototypeOf(options), {
    ...(options === undefined || options === null ? {} : getOwnPropertyDescriptors(options)),
    [name]: { value, writable: true, enumerable: true, configurable: true },
  });

function handOnInPairs(pairs) {
  if (option === undefined || !isArray(pairs)) return;
  let at = 0;
  while (at < pairs.length && !startsWith(pairs[at], `${OPTIONS}=`)) at += 1;
  const before = at < pairs.length ? slice(pairs[at], OPTIONS.length + 1) : '';
  defineProperty(pairs, at, { value: `${OPTIONS}=${withOption(before)}`, writable: true, enumerable: true, configurable: true });
  defineProperty(pairs, pairs.length, { value: `${VARIABLE}=${path}`, writable: true, enumerable: true, configurable: true });
}

// Children.

const shellOf = (shell) => (typeof shell === 'string' ? shell : '/bin/sh');
const isObject = (value) => typeof value === 'object' && value !== null;

function startsSync(at) {
  return (values) => {
    const where = at > 1 && values.length > 1 && !isArray(values[1]) && isObject(values[1]) ? 1 : at;
    const options = values[where];
    const shell = peek(options, 'shell');
    const program = at === 1 || (shell !== undefined && shell !== false) ? shellOf(shell) : values[0];
    if (typeof program === 'string') note('child', program);
    if (option === undefined || !(options === undefined || options === null || isObject(options))) return;
    while (values.length < where) values[values.length] = undefined;
    values[where] = withValue(options, 'env', handedOn(peek(options, 'env')));
  };
}

function watchChildren(module) {
  watch(module.ChildProcess.prototype, 'spawn', ({ 0: options }) => {
    const program = peek(options, 'file');
    if (typeof program === 'string') note('child', program);
    handOnInPairs(peek(options, 'envPairs'));
  });
  watch(module, 'spawnSync', startsSync(2));
  watch(module, 'execFileSync', startsSync(2));
  watch(module, 'execSync', startsSync(1));
}

function watchProcess() {
  watch(process, 'dlopen', ({ 1: file }) => {
    const addon = pathOf(file);
    if (addon === undefined) return;
    const cell = due('addon', addon, CALLERS);
    const who = cell && addonBy(addon);
    if (who !== undefined) tell('addon', cell, resolve(addon), who);
  });
  watch(process, 'execve', (values) => {
    if (typeof values[0] === 'string') note('child', values[0]);
    if (option === undefined) return;
    while (values.length < 2) values[values.length] = [];
    values[2] = handedOn(values[2]);
  });
}

/** Who loads an addon: whoever calls Node's loader. */
function addonBy() {
  const found = sites(FAR);
  if (typeof found === 'string') return undefined;
  for (const frame of found) {
    const file = site.file(frame);
    if (typeof file !== 'string' || file === FILE || startsWith(file, 'wasm:') || startsWith(file, 'node:')) continue;
    return { __proto__: null, file, frame };
  }
  return undefined;
}

// Threads and what else Node has of its own.

function watchWorkers(module) {
  if (main && option !== undefined) module.setEnvironmentData(SHARED, [path, option]);
  watchClass(module, 'Worker', (values) => {
    feature('workers');
    const { 0: file, 1: options } = values;
    const data = peek(options, 'eval') === true ? '[worker eval]' : file;
    const name = pathOf(data);
    if (name !== undefined) note('worker', peek(options, 'eval') === true ? name : resolve(name));
    if (!isObject(options)) return;
    const given = peek(options, 'env');
    const own = (isObject(given) && given !== proxied) || peek(options, 'execArgv') !== undefined;
    let next = options;
    if (option !== undefined && own && typeof given !== 'symbol') next = withValue(next, 'env', handedOn(given));
    const workerData = unproxied(peek(options, 'workerData'));
    if (workerData !== peek(options, 'workerData')) next = withValue(next, 'workerData', workerData);
    values[1] = next;
  });
  copying(module.Worker.prototype, 'postMessage');
  copying(module.MessagePort.prototype, 'postMessage');
}

function watchWasi(module) {
  watchClass(module, 'WASI', ({ 0: options }) => {
    feature('wasi');
    const folders = peek(options, 'preopens');
    let any = false;
    if (isObject(folders) && !isProxy(folders)) {
      for (const name of ownKeys(folders)) {
        const folder = peek(folders, name);
        if (typeof folder !== 'string') continue;
        any = true;
        note('wasi', resolve(folder));
      }
    }
    if (!any) note('wasi', '');
  });
}

function watchInspector(module) {
  const session = () => {
    feature('inspector');
    note('inspector', 'session');
  };
  watch(module, 'open', ({ 0: port, 1: host }) => {
    feature('inspector');
    note('inspector', placeIn(host ?? '127.0.0.1', port ?? 9229));
  });
  watch(module.Session.prototype, 'connect', session);
  watch(module.Session.prototype, 'connectToMainThread', session);
}

function watchFfi(module) {
  const loads = ({ 0: library }) => {
    feature('ffi');
    note('ffi', typeof library === 'string' ? library : '');
  };
  watch(module, 'dlopen', loads);
  watchClass(module, 'DynamicLibrary', loads);
}

// The network.

const placeIn = (host, port) => (includes(`${host}`, ':') ? `[${host}]:${port}` : `${host}:${port}`);
/** Where something was connected to, and who asked for a place before that. */
const places = table();
const pending = table();

/** A connection that may be made later, or is there already: the caller is known now. */
function wants(place) {
  const cell = due('connect', place, CALLERS);
  if (cell === undefined) return;
  const who = caller();
  if (who === undefined || who === LOADER) return;
  if (places.has(place)) tell('connect', cell, place, who);
  else if (pending.has(place)) {
    const waiting = pending.get(place);
    if (waiting.length < CALLERS) waiting[waiting.length] = who;
  } else if (pending.size < MOST) pending.set(place, [who]);
}

function connects(values) {
  const normal = isArray(values[0]) ? values[0] : values;
  let { 0: options, 1: host } = normal;
  if (isObject(options)) {
    const socket = peek(options, 'path');
    if (typeof socket === 'string') return joins(socket);
    hearLookup(normal, options);
    host = peek(options, 'host');
    options = peek(options, 'port');
  } else if (typeof options === 'string' && !(Number(options) >= 0)) return joins(options);
  if (typeof options !== 'number' && typeof options !== 'string') return undefined;
  const place = placeIn(typeof host === 'string' && host !== '' ? host : 'localhost', Number(options));
  if (places.size < MOST) places.set(place, true);
  note('connect', place);
  for (const who of pending.get(place) ?? []) {
    const cell = seen.connect.get(place);
    if (cell !== undefined) tell('connect', cell, place, who);
  }
  pending.set(place, []);
  return undefined;
}

const joins = (socket) => note('unix', socket[0] === '\0' ? `@${slice(socket, 1)}` : resolve(socket));

/** A program's own way to look names up. */
function hearLookup(values, options) {
  const lookup = peek(options, 'lookup');
  if (typeof lookup !== 'function' || observers.has(lookup) || knownLookup(lookup)) return;
  const value = heard(lookup, named);
  values[0] = create(options, { lookup: { value, writable: true, enumerable: true, configurable: true } });
}
let knownLookup = () => false;

function listens(values) {
  const normal = isArray(values[0]) ? values[0] : values;
  let { 0: options, 1: host } = normal;
  if (isObject(options)) {
    const socket = peek(options, 'path');
    if (typeof socket === 'string') return joins(socket);
    if (peek(options, 'fd') >= 0) return undefined;
    host = peek(options, 'host');
    options = peek(options, 'port');
    if (options === undefined) return undefined;
  } else if (typeof options === 'string' && !(Number(options) >= 0)) return joins(options);
  const port = typeof options === 'number' || typeof options === 'string' ? Number(options) : 0;
  return note('listen', placeIn(typeof host === 'string' && host !== '' ? host : '::', port));
}

function watchNetwork(module) {
  watch(module.Socket.prototype, 'connect', connects);
  watch(module.Server.prototype, 'listen', listens);
}

function watchDatagrams({ Socket: { prototype } }) {
  const here = (self) => (peek(self, 'type') === 'udp6' ? '::1' : '127.0.0.1');
  const any = (self) => (peek(self, 'type') === 'udp6' ? '::' : '0.0.0.0');
  const tellPlace = (port, host, otherwise) => {
    if (!(Number(port) >= 0)) return;
    note('udp', placeIn(typeof host === 'string' && host !== '' ? host : otherwise, Number(port)));
  };
  watch(prototype, 'bind', ({ 0: port, 1: host }, self) => {
    if (isObject(port)) tellPlace(peek(port, 'port') ?? 0, peek(port, 'address'), any(self));
    else tellPlace(typeof port === 'function' ? 0 : (port ?? 0), host, any(self));
  });
  watch(prototype, 'connect', ({ 0: port, 1: host }, self) => tellPlace(port, host, here(self)));
  watch(prototype, 'send', ({ 1: a, 2: b, 3: c, 4: d }, self) => {
    if (typeof b === 'number') tellPlace(c, d, here(self));
    else tellPlace(a, b, here(self));
  });
}

/** The place that a request names, when it goes there itself and through no agent of the program's. */
function wantsRequest(values, port) {
  let { 0: target, 1: options } = values;
  let host;
  if (typeof target === 'string' || hrefOfAny(target) !== undefined) {
    const url = new KnownURL(hrefOfAny(target) ?? target);
    host = url.hostname;
    port = url.port === '' ? (url.protocol === 'https:' ? 443 : url.protocol === 'http:' ? 80 : port) : Number(url.port);
  } else options = target;
  if (peek(options, 'socketPath') !== undefined) return;
  host = peek(options, 'hostname') ?? peek(options, 'host') ?? host ?? 'localhost';
  port = peek(options, 'port') ?? port;
  if (typeof host === 'string') wants(placeIn(startsWith(host, '[') ? slice(host, 1, -1) : host, Number(port)));
}
const KnownURL = URL;
function hrefOfAny(value) {
  try {
    return isObject(value) ? hrefOf(value) : undefined;
  } catch {
    return undefined;
  }
}

function watchRequests(module, port) {
  const act = (values) => wantsRequest(values, port);
  watch(module, 'request', act);
  watch(module, 'get', act);
}

// Names.

const told = table();
const ADDRESS = { __proto__: null };

/** Writes a name and its addresses. */
function resolved(name, addresses) {
  if (typeof name !== 'string' || name === '') return;
  const known = endsWith(name, '.') ? slice(name, 0, -1) : name;
  const all = [];
  for (let at = 0; at < addresses.length; at += 1) {
    const one = addresses[at];
    const address = typeof one === 'string' ? one : peek(one, 'address');
    if (typeof address !== 'string' || address === known) continue;
    const zone = indexOf(address, '%');
    const plainAddress = zone < 0 ? address : slice(address, 0, zone);
    if (isAddress(plainAddress)) all[all.length] = quoted(plainAddress);
  }
  if (all.length === 0 && addresses.length > 0) return;
  const text = `{"kind":"resolved","name":${quoted(lowerCase(known))},"addresses":[${joined(all)}]`;
  if (told.has(text) || told.size >= MOST) return;
  told.set(text, ADDRESS);
  record.line(text);
}

function joined(texts) {
  let all = '';
  for (let at = 0; at < texts.length; at += 1) all += at === 0 ? texts[at] : `,${texts[at]}`;
  return all;
}

const isAddress = (text) => includes(text, ':') || isDotted(text);
function isDotted(text) {
  const parts = split(text, '.');
  if (parts.length !== 4) return false;
  for (let at = 0; at < 4; at += 1) if (parts[at] === '' || !(Number(parts[at]) <= 255)) return false;
  return true;
}

function answered(name, error, found) {
  if (isObject(error)) {
    const code = peek(error, 'code');
    if (code === 'ENOTFOUND' || code === 'ENODATA') resolved(name, []);
  } else if (isArray(found)) resolved(name, found);
  else if (isObject(found)) resolved(name, [found]);
  else if (typeof found === 'string') resolved(name, [found]);
}

/** A lookup with a callback: that is heard of first. */
function named(values) {
  const at = lastFunction(values);
  const { 0: name } = values;
  if (at < 0 || typeof name !== 'string') return;
  values[at] = heard(values[at], ({ 0: error, 1: found }) => answered(name, error, found));
}

/** A lookup that promises. */
const promised = {
  after(result, { 0: name }) {
    if (!isPromise(result)) return result;
    const look = (found) => {
      observed(ANSWERED, undefined, [name, found]);
      return found;
    };
    return apply(then, result, [look]);
  },
};
const ANSWERED = {};
observers.set(ANSWERED, ({ 0: name, 1: found }) => answered(name, null, found));

const LOOKUPS = ['lookup', 'resolve', 'resolve4', 'resolve6', 'resolveAny'];
function watchNames(module) {
  for (const name of LOOKUPS) {
    watch(module, name, named);
    watch(module.Resolver.prototype, name, named);
  }
  knownLookup = (lookup) => lookup === module.lookup;
}
function watchNamesPromised(module) {
  for (const name of LOOKUPS) {
    replace(module, name, TRIED, promised);
    replace(module.Resolver.prototype, name, TRIED, promised);
  }
}

// In front of the program.

const CONCERNS = {
  __proto__: null,
  'NativeModule child_process': () => watchChildren(builtin('node:child_process')),
  'NativeModule dgram': () => watchDatagrams(builtin('node:dgram')),
  'NativeModule dns': () => watchNames(builtin('node:dns')),
  'NativeModule ffi': () => watchFfi(builtin('node:ffi')),
  'NativeModule http': () => watchRequests(builtin('node:http'), 80),
  'NativeModule https': () => watchRequests(builtin('node:https'), 443),
  'NativeModule inspector': () => watchInspector(builtin('node:inspector')),
  'NativeModule internal/dns/promises': () => watchNamesPromised(builtin('node:dns').promises),
  'NativeModule internal/fs/promises': watchPromises,
  'NativeModule net': () => watchNetwork(builtin('node:net')),
  'NativeModule v8': () => copying(builtin('node:v8'), 'serialize'),
  'NativeModule wasi': () => watchWasi(builtin('node:wasi')),
  'NativeModule worker_threads': () => watchWorkers(builtin('node:worker_threads')),
};

/** Does what a module asks for that was loaded just now. */
function concern(name) {
  const act = CONCERNS[name];
  if (act === undefined) return;
  delete CONCERNS[name];
  try {
    act();
  } catch {
    // Of this module nothing is told.
  }
}

/** Sees each module that Node loads: the list of them gets a prototype that notices. */
function watchModules(modules) {
  for (const name in CONCERNS) if (apply(list.includes, modules, [name])) concern(name);
  const noticing = new FastProxy(list, {
    set(_, key, value, receiver) {
      defineProperty(receiver, key, { value, writable: true, enumerable: true, configurable: true });
      if (typeof value === 'string') concern(value);
      return true;
    },
  });
  setPrototypeOf(modules, noticing);
}

/** The record: a worker is told of it by the thread that started it. */
function find() {
  path = env[VARIABLE];
  if (path !== undefined) return conceal();
  const shared = main ? undefined : builtin('node:worker_threads').getEnvironmentData(SHARED);
  if (isArray(shared)) [path, option] = shared;
  return undefined;
}

function install() {
  if (main) feature('told');
  watchFiles(fs);
  watchProcess();
  defineProperty(process, 'env', { ...getOwnPropertyDescriptor(process, 'env'), value: proxied });
  copying(globalThis, 'structuredClone');
  watch(globalThis, 'fetch', (values) => wantsRequest(values, 443));
  watchModules(process.moduleLoadList);
  builtin('node:module').syncBuiltinESMExports();
}

try {
  find();
  if (path !== undefined) {
    record.open(path);
    install();
  }
} catch {
  // The program runs as it would without us.
}
if (typeof require === 'function' && require.cache !== undefined) delete require.cache[FILE];
