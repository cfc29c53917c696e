// Functions in whose place a proxy stands; a part of the script that begins in `learn.cjs`, in the same scope.

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
// (func $made (param target values new) (call $observeNew ...) (return_call $construct ...))
// (func $tried (param target this values)
//   (local.tee 3 (call $attempt ...)) (if ref.is_null (return_call $apply ...)) (local.get 3))
// (func $assigned (param target key value receiver)
//   (if (call $isOurs receiver) (return_call $set target key value))
//   (return_call $setFor target key value receiver))
const CODE =
  'AGFzbQEAAAABGwRgA29vbwFvYANvb28AYAFvAX9gBG9vb28BbwJeCAFfB29ic2VydmUAAQFfCm9ic2VydmVOZXcAAQFfB2F0dGVtcHQA' +
  'AAFfBmlzT3VycwACAV8FYXBwbHkAAAFfCWNvbnN0cnVjdAAAAV8Dc2V0AAABXwZzZXRGb3IAAwMFBAAAAAMHJAQGY2FsbGVkAAgEbWFk' +
  'ZQAJBXRyaWVkAAoIYXNzaWduZWQACwpgBBIAIAAgASACEAAgACABIAISBAsSACAAIAEgAhABIAAgASACEgULHAEBbyAAIAEgAhACIgPR' +
  'BEAgACABIAISBAsgAwsbACADEAMEQCAAIAEgAhIGCyAAIAEgAiADEgcL';
const compiled = new WebAssembly.Module(Buffer.from(CODE, 'base64'));
const { called, made, tried, assigned } = new WebAssembly.Instance(compiled, {
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
  if (typeof found?.value !== 'function' || !found.configurable) return;
  observers.set(found.value, act);
  const value = new FastProxy(found.value, traps);
  defineProperty(owner, name, { __proto__: null, ...found, value });
  // What a class makes says that it is of the class that the program knows.
  const made = getOwnPropertyDescriptor(found.value, 'prototype')?.value;
  const maker = made && getOwnPropertyDescriptor(made, 'constructor');
  if (maker?.value === found.value) defineProperty(made, 'constructor', { __proto__: null, value });
}
const watch = (owner, name, act) => replace(owner, name, CALLED, act);
const watchClass = (owner, name, act) => replace(owner, name, MADE, act);

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
