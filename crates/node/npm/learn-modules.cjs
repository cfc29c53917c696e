// Files that Node's loader reads; a part of the script that begins in `learn.cjs`, in the same scope.
//
// It reads one for each module, through the public function, and all of these reads would cost a look at
// the stack.

const modules = builtin('node:module');
const { _cache: cached, _extensions: extensions } = modules;
const { prototype: methods } = modules;
const { load } = methods;
/** A value that is there without a getter. */
const own = (object, name) => getOwnPropertyDescriptor(object, name)?.value;
const HANDLERS = { __proto__: null, '.js': extensions['.js'], '.json': extensions['.json'] };
/** Modules that have begun to load, each below the one that it asked for. */
const loading = [];
/** Whether somebody else may bring what a module is made of. */
let hooked = false;
/** What the loader calls. */
let reading;

/**
 * Whether the loader is reading this file, of which no read was seen before: its module was made because
 * the one that runs asked for it, nothing of it has run, and all that is between is Node's own. When in
 * doubt it is not, and the stack is asked.
 */
function isLoading(file) {
  const module = own(cached, file);
  if (peek(module, 'loaded') !== false) return false;
  const asker = askerOf(module);
  loading.length = asker + 1;
  loading[asker + 1] = module;
  const handler = endsWith(file, '.json') ? '.json' : '.js';
  return asker >= 0 && !hooked && endsWith(file, handler) && isNodes(handler);
}

/** The place among those that load of the one whose newest child a module is; below all is nobody. */
function askerOf(module) {
  for (let at = loading.length - 1; at >= 0; at -= 1) {
    const children = peek(loading[at], 'children');
    if (peek(children, peek(children, 'length') - 1) === module) return at;
  }
  return -1;
}

const isNodes = (handler) =>
  own(extensions, handler) === HANDLERS[handler] &&
  own(modules, '_cache') === cached &&
  own(modules, '_extensions') === extensions &&
  own(methods, 'load') === load &&
  own(fs, 'readFileSync') === reading;

function watchLoader() {
  reading = fs.readFileSync;
  watch(modules, 'registerHooks', () => {
    hooked = true;
  });
}
