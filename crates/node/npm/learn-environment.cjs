// Variables of the environment; a part of the script that begins in `learn.cjs`, in the same scope.

/** Names that every object is asked for. */
const COMMON = { __proto__: null, toJSON: true, then: true, nodeType: true, inspect: true };
let sweep;
const variables = seen.env;

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
  const cell = due('env', '*', READERS);
  if (cell === undefined) return;
  const who = caller();
  if (!who?.direct) return;
  if (features['whole-environment'] !== true) feature('whole-environment');
  tell('env', cell, '*', who);
}
const LISTED = {};
observers.set(LISTED, listed);

const proxied = new FastProxy(env, {
  __proto__: null,
  get(target, key) {
    const cell = variables.get(key);
    // The short way, for what was asked for often.
    if (cell !== undefined && sweep === undefined && !isDue(cell.times + 1, READERS)) cell.times += 1;
    else if (typeof key === 'string' && !swept(key, 'gets')) observed(ASKED, undefined, key);
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
