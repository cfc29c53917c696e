// What children and workers are given, so that they tell too; a part of the script that begins in `learn.cjs`, in the same scope.

let option;
let path;

/** Takes our part of NODE_OPTIONS out of it. */
function conceal() {
  const options = env[OPTIONS] ?? '';
  const parts = [`--require="${FILE}"`, `--require "${FILE}"`, `--require=${FILE}`, `--require ${FILE}`];
  for (const part of [...parts, `-r ${FILE}`]) {
    const at = indexOf(options, part);
    if (at < 0) continue;
    option = part;
    const before = slice(options, 0, at);
    const after = slice(options, at + part.length);
    const kept = endsWith(before, ' ') ? slice(before, 0, -1) : before;
    const rest = before === '' ? slice(after, 1) : `${kept}${after}`;
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
  for (const name in from) defineProperty(copy, name, ordinary(from[name]));
  copy[OPTIONS] = withOption(copy[OPTIONS]);
  copy[VARIABLE] = path;
  return copy;
}

/** The same options with another value. */
const withValue = (options, name, value) =>
  create(options === undefined || options === null ? plain : getPrototypeOf(options), {
    ...(options === undefined || options === null ? {} : getOwnPropertyDescriptors(options)),
    [name]: ordinary(value),
  });

function handOnInPairs(pairs) {
  if (option === undefined || !isArray(pairs)) return;
  let at = 0;
  while (at < pairs.length && !startsWith(pairs[at], `${OPTIONS}=`)) at += 1;
  const before = at < pairs.length ? slice(pairs[at], OPTIONS.length + 1) : '';
  defineProperty(pairs, at, ordinary(`${OPTIONS}=${withOption(before)}`));
  defineProperty(pairs, pairs.length, ordinary(`${VARIABLE}=${path}`));
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
  const found = sites(FAR, observed);
  if (typeof found === 'string') return undefined;
  for (const frame of found) {
    const file = site.file(frame);
    if (typeof file !== 'string' || startsWith(file, 'wasm:') || startsWith(file, 'node:')) continue;
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
    const own = isObject(given) || peek(options, 'execArgv') !== undefined;
    let next = options;
    if (option !== undefined && own && typeof given !== 'symbol') {
      next = withValue(next, 'env', handedOn(given));
    }
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
