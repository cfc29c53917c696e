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
const { O_APPEND, O_CREAT, O_TRUNC, O_WRONLY } = fs.constants;
const { dirname, resolve } = builtin('node:path').posix;
const { isPromise, isProxy } = builtin('node:util').types;
const { apply, construct, defineProperty, deleteProperty, get, has, ownKeys, set } = Reflect;
const { getOwnPropertyDescriptor } = Reflect;
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
/** What an assignment makes, whatever prototypes have become. */
const ordinary = (value) => ({ __proto__: null, value, writable: true, enumerable: true, configurable: true });
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
  /** Newer Nodes have a hook of their own. */
  const usual = getOwnPropertyDescriptor(Failure, HOOK)?.value;
  /** Sets a property of `Error` for a moment; says whether it could. */
  function lend(name, before, value) {
    if (before !== undefined && 'value' in before && before.writable) {
      Failure[name] = value;
      return true;
    }
    return (before?.configurable ?? true) && defineProperty(Failure, name, ordinary(value));
  }
  function giveBack(name, before, value) {
    if (before === undefined) deleteProperty(Failure, name);
    else if ('value' in before && before.writable) Failure[name] = before.value;
    else defineProperty(Failure, name, { __proto__: null, ...before });
  }
  /** Frames of the stack above a function: as objects, or as text where `Error` is frozen. */
  return function sites(limit, above = sites) {
    const length = getOwnPropertyDescriptor(Failure, LIMIT);
    const hook = getOwnPropertyDescriptor(Failure, HOOK);
    const holder = { __proto__: null, stack: undefined };
    const measured = lend(LIMIT, length, limit);
    const hooked = lend(HOOK, hook, raw);
    try {
      // A hook of the program that cannot be put aside would be asked.
      if (!hooked && hook !== undefined && hook.value !== usual) return [];
      captureStackTrace(holder, above);
      return holder.stack;
    } finally {
      if (hooked) giveBack(HOOK, hook);
      if (measured) giveBack(LIMIT, length);
    }
  };
})();

const site = (() => {
  const found = sites(1);
  // With `Error` frozen from the start all stacks are text.
  if (typeof found === 'string') return undefined;
  const { getFileName, getLineNumber, getColumnNumber } = getPrototypeOf(found[0]);
  return { file: loose(getFileName), line: loose(getLineNumber), column: loose(getColumnNumber) };
})();

/** Frames of a stack that came as text. */
function* written(stack) {
  for (const line of split(stack, '\n')) {
    if (!startsWith(line, '    at ')) continue;
    const open = lastIndexOf(line, '(');
    const place = open < 0 ? slice(line, 7) : slice(line, open + 1, -1);
    const [column, row] = split(place, ':').reverse();
    yield { file: slice(place, 0, -(column.length + row.length + 2)), line: row, column };
  }
}

/** Frames that are looked at first, and if nobody is among them: nearly always the first two are enough. */
const NEAR = [2, 8];
const FAR = 100;
/** The caller is Node's loader of modules, or one of its parts that reads on its own account. */
const LOADER = { __proto__: null };
const LOADERS = ['node:internal/modules/', 'node:internal/source_map', 'node:internal/process/'];

function isLoader(file) {
  for (let at = 0; at < LOADERS.length; at += 1) if (startsWith(file, LOADERS[at])) return true;
  return false;
}

/** The nearest frame of a file, neither Node's nor ours; `direct` when none of Node's is before it. */
function judge(found) {
  const text = typeof found === 'string';
  const frames = text ? [...written(found)] : found;
  let direct = true;
  // Code without a file, such as `-e` and `vm`, is its caller's if that has one.
  let nameless;
  for (let at = 0; at < frames.length; at += 1) {
    const frame = frames[at];
    const file = text ? frame.file : site.file(frame);
    if (typeof file !== 'string' || file === FILE || startsWith(file, 'wasm:')) continue;
    if (startsWith(file, 'node:')) {
      if (isLoader(file)) return nameless ?? LOADER;
      direct = false;
      continue;
    }
    const who = text ? { __proto__: null, direct, ...frame } : { __proto__: null, direct, file, frame };
    if (file[0] === '/' || startsWith(file, 'file:')) return who;
    nameless ??= who;
  }
  return nameless;
}

function caller() {
  for (let at = 0; at < NEAR.length; at += 1) {
    const near = sites(NEAR[at], observed);
    const found = judge(near);
    if (found !== undefined || (typeof near !== 'string' && near.length < NEAR[at])) return found;
  }
  return judge(sites(FAR, observed));
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
  'inspector', 'ffi', 'env', 'lookup',
];
const seen = { __proto__: null };
for (const kind of KINDS) seen[kind] = table();

const isDue = (times, often) => times <= often || (times & (times - 1)) === 0;

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
  return isDue(times, often) ? cell : undefined;
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
  if (cell.times === 1 && kind === READ && isLoading(key)) return;
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
