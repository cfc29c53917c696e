// In front of the program; a part of the script that begins in `learn.cjs`, in the same scope.

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
  if (path !== undefined) return;
  const shared = main ? undefined : builtin('node:worker_threads').getEnvironmentData(SHARED);
  if (isArray(shared)) [path, option] = shared;
}

function install() {
  if (main) feature('told');
  watchFiles(fs);
  watchLoader();
  watchProcess();
  defineProperty(process, 'env', { ...getOwnPropertyDescriptor(process, 'env'), value: proxied });
  copying(globalThis, 'structuredClone');
  watch(globalThis, 'fetch', (values) => wantsRequest(values, 443));
  watchModules(process.moduleLoadList);
  modules.syncBuiltinESMExports();
}

find();
if (path !== undefined) {
  record.open(path);
  if (option === undefined) conceal();
  install();
}
