// The network; a part of the script that begins in `learn.cjs`, in the same scope.

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
  values[0] = create(options, { lookup: ordinary(value) });
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
    // Node itself, for a socket that only sends.
    if (isObject(port) && host === null) return;
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
    port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
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
  wantsName(name);
  values[at] = heard(values[at], ({ 0: error, 1: found }) => answered(name, error, found));
}

/** Names can carry data out, so who asks for one is told. What Node itself looks up is a connection. */
function wantsName(name) {
  if (typeof name !== 'string' || name === '' || isAddress(name)) return;
  note('lookup', lowerCase(endsWith(name, '.') ? slice(name, 0, -1) : name));
}
const NAMED = {};
observers.set(NAMED, wantsName);

/** A lookup that promises. */
const promised = {
  after(result, { 0: name }) {
    observed(NAMED, undefined, name);
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
