'use strict';
// Refusals of the boundary, as errors. The kernel can only give a number; the same number can come
// from a peer or a file, so the boundary is asked before an error is changed, and changed is the
// error object itself, wherever it already is.
//
// Loaded by `preload.cjs` when a program first loads what can be refused.

const preload = require('./preload.cjs');
const { MAJOR, Promise, among, apply, assign, builtin, call, defineProperty, getOwnPropertyDescriptor } = preload;
const { includes, ownKeys, replace, slice, startsWith, statSync } = preload;
const truth = require('./truth.cjs');
const path = builtin('node:path');

const lookups = ['ENOTFOUND', 'EREFUSED', 'ENODATA', 'ESERVFAIL'];

/** Hears of errors before everybody else, without being one who handles them. */
const first = (emitter, listener) => {
  const { EventEmitter, errorMonitor } = builtin('node:events');
  apply(EventEmitter.prototype.prependListener, emitter, [errorMonitor, listener]);
};

/** Never lets a mistake of ours become one of the program's. */
const quietly = (act) =>
  function judged(...values) {
    try {
      act(...values);
    } catch {
      // The error stays as it was.
    }
  };

/** What the boundary says of a grant that was taken back. */
const DROPPED = ' was dropped while the service ran';

/** Gives an error the shape of Node's own refusals; what it was is its cause. */
function refuse(error, scope, resource, missing, reason = '') {
  const { code, errno, syscall, message, stack } = error;
  const known = code === 'ERR_ACCESS_DENIED';
  if (!known) {
    const before = new Error(message);
    before.stack = `Error: ${message}`;
    define(error, 'cause', assign(before, { errno, code, syscall }));
    const grant = missing === undefined ? '' : `: add ${missing}`;
    const why = call(includes, reason, DROPPED) ? reason : `${resource} is not granted by the boundary`;
    const text = `${syscall} ERR_ACCESS_DENIED ${why}${grant}`;
    if (typeof stack === 'string') define(error, 'stack', call(replace, stack, message, () => text));
    define(error, 'message', text);
    error.code = 'ERR_ACCESS_DENIED';
  }
  error.permission ??= truth.nameOf(scope);
  error.resource ??= resource;
  if (missing !== undefined) error.missingGrant ??= missing;
}

const define = (object, name, value) =>
  defineProperty(object, name, { value, writable: true, configurable: true, enumerable: false });

/** Changes an error if the boundary says that it refused this. */
function ask(error, scope, resource) {
  if (error.code === 'ERR_ACCESS_DENIED') return refuse(error, scope, resource);
  const answer = truth.ask('assert', { scope, reference: resource });
  if (answer.ok === true || answer.error.code !== 'denied') return undefined;
  return refuse(error, scope, resource, answer.error.missing_grant, answer.error.message);
}

const isOurs = (error) => error !== null && typeof error === 'object' && error.permission === undefined;
const refusedBy = ({ code }, ...codes) => code === 'ERR_ACCESS_DENIED' || codes.includes(code);
const place = (host, port) => (call(includes, String(host), ':') ? `[${host}]:${port}` : `${host}:${port}`);

/** An error of a connection; several where a name had several addresses. */
function connecting(error, host, scope = 'net.connect') {
  if (!isOurs(error)) return;
  const { errors, syscall, address, port } = error;
  if (Array.isArray(errors)) {
    for (let at = 0; at < errors.length; at += 1) connecting(errors[at], host, scope);
    const [one] = errors;
    if (one?.code !== 'ERR_ACCESS_DENIED' || error.code === one.code) return;
    assign(error, { code: one.code, permission: one.permission, resource: one.resource });
    return;
  }
  if (syscall === 'connect' && refusedBy(error, 'EACCES', 'EPERM')) {
    if (port === undefined) socketFile(error, address);
    else ask(error, scope, place(host ?? address, port));
  } else looking(error);
}

/** A unix socket. One that the service may have made itself is closed by its own mode. */
function socketFile(error, address) {
  const reference = path.resolve(String(address));
  const own = truth.ask('has', { scope: 'fs.write', reference }).value === true;
  if (!own) ask(error, 'net.unix', reference);
}

/** An error of a lookup. */
function looking(error, name = error?.hostname) {
  if (!isOurs(error) || typeof error.syscall !== 'string' || typeof name !== 'string') return;
  const lookup = error.syscall === 'getaddrinfo' || call(startsWith, error.syscall, 'query');
  if (lookup && name !== '' && refusedBy(error, ...lookups)) ask(error, 'net.connect', name);
}

/** An error of a listener. Ports below 1024 are the kernel's to refuse. */
function binding(error, scope) {
  if (!isOurs(error) || !refusedBy(error, 'EACCES', 'EPERM')) return;
  const { address, port, syscall } = error;
  const bound = syscall === 'listen' || syscall === 'bind';
  if (bound && port >= 1024) ask(error, scope, place(address ?? '0.0.0.0', port));
}

/** An error of a start of another program. */
function starting(error, command, environment) {
  if (!isOurs(error) || typeof command !== 'string' || !refusedBy(error, 'EACCES', 'EPERM')) return;
  if (!call(startsWith, String(error.syscall), 'spawn')) return;
  ask(error, 'child', found(command, environment));
}

/** The program that a command names, as the C library finds it. */
function found(command, environment) {
  if (call(includes, command, '/')) return path.resolve(command);
  const folders = String(environment?.PATH ?? process.env.PATH ?? '').split(':');
  for (const folder of folders) {
    const program = path.resolve(folder, command);
    try {
      if (statSync(program, { throwIfNoEntry: false })?.isFile()) return program;
    } catch {
      // Where nothing may be read, nothing is found.
    }
  }
  return command;
}

/** A function in place of another one, which looks the same from outside. */
function wrap(owner, name, make) {
  const found = getOwnPropertyDescriptor(owner, name);
  if (typeof found?.value !== 'function' || !found.configurable) return;
  const wrapper = make(found.value);
  for (const key of ownKeys(found.value)) {
    const property = getOwnPropertyDescriptor(found.value, key);
    if (key !== 'prototype') defineProperty(wrapper, key, property);
  }
  defineProperty(owner, name, { ...found, value: wrapper });
}

/** Judges the error that a callback or a promise brings. */
const judging = (judge) => (act) =>
  function (...values) {
    const end = values.length - 1;
    const callback = values[end];
    if (typeof callback === 'function') {
      values[end] = function (...results) {
        if (results[0]) judge(results[0], values);
        return apply(callback, this, results);
      };
    }
    const result = apply(act, this, values);
    if (!(result instanceof Promise)) return result;
    return apply(Promise.prototype.then, result, [
      undefined,
      (error) => {
        judge(error, values);
        throw error;
      },
    ]);
  };

const named = judging(quietly((error, [name]) => looking(error, error?.hostname ?? name)));
const names = /^(lookup|resolve.*)$/;
function dns(module) {
  for (const owner of [module, module.Resolver?.prototype]) {
    for (const key of owner === undefined ? [] : ownKeys(owner)) {
      if (typeof key === 'string' && names.test(key)) wrap(owner, key, named);
    }
  }
}

function datagrams({ Socket }) {
  const judge = quietly((error) => {
    connecting(error, undefined, 'net.udp');
    binding(error, 'net.listen');
  });
  builtin('node:diagnostics_channel').subscribe('udp.socket', ({ socket }) => first(socket, judge));
  for (const name of ['connect', 'send']) wrap(Socket.prototype, name, judging(judge));
}

function network({ Socket }) {
  const judge = quietly((error, socket) => connecting(error, socket._host ?? undefined));
  wrap(Socket.prototype, '_destroy', (act) =>
    function _destroy(error, done) {
      if (error) judge(error, this);
      return apply(act, this, [error, done]);
    },
  );
  const bound = quietly(({ error }) => binding(error, 'net.listen'));
  const { subscribe } = builtin('node:diagnostics_channel');
  subscribe('tracing:net.server.listen:error', bound);
  // The first process of a cluster binds; its workers hear of it without that channel.
  if (call(among, process.moduleLoadList, 'NativeModule internal/cluster/child')) {
    const judge = quietly((error) => binding(error, 'net.listen'));
    subscribe('tracing:net.server.listen:asyncStart', ({ server }) => first(server, judge));
  }
  if (MAJOR >= 25 && !truth.flagsAllow('net')) listening();
}

let listens = false;
/** Node throws where a listener is refused by its own permissions; it is an event everywhere else. */
function listening() {
  const { Server } = builtin('node:net');
  if (listens) return;
  listens = true;
  wrap(Server.prototype, '_listen2', (act) =>
    function _listen2(...values) {
      try {
        return apply(act, this, values);
      } catch (error) {
        if (error?.code !== 'ERR_ACCESS_DENIED') throw error;
        const [address, port] = values;
        if (!error.resource) error.resource = port >= 0 ? place(address ?? '0.0.0.0', port) : String(address);
        process.nextTick(() => this.emit('error', error));
        return undefined;
      }
    },
  );
}

const OPTIONS = 'NODE_OPTIONS';
/** What puts `preload.cjs` into a child on Node, as Node itself hands its permissions on. */
const HANDED_ON = typeof __filename === 'string' ? `--require=${require.resolve('./preload.cjs')}` : undefined;
const handedOn = (options) => {
  if (HANDED_ON === undefined || call(includes, options ?? '', HANDED_ON)) return options;
  return options ? `${options} ${HANDED_ON}` : HANDED_ON;
};

/** Adds it to the environment that a child gets. */
function handOn(pairs) {
  if (HANDED_ON === undefined || !Array.isArray(pairs)) return;
  const start = `${OPTIONS}=`;
  const at = pairs.findIndex((pair) => call(startsWith, pair, start));
  if (at < 0) pairs.push(start + HANDED_ON);
  else pairs[at] = start + handedOn(call(slice, pairs[at], start.length));
}

/** The same for arguments that end with options, or have none. */
function handOnInOptions(values) {
  const last = values.at(-1);
  const given = typeof last === 'object' && last !== null && !Array.isArray(last);
  const env = (given ? last.env : undefined) ?? process.env;
  const options = { ...(given ? last : undefined), env: { __proto__: env, [OPTIONS]: handedOn(env[OPTIONS]) } };
  return HANDED_ON === undefined ? values : [...(given ? values.slice(0, -1) : values), options];
}

function children(module) {
  const judge = quietly((error, file, options) => starting(error, file, options?.env));
  builtin('node:diagnostics_channel').subscribe('child_process', ({ process: child }) => {
    if (child !== undefined) first(child, (error) => judge(error, child.spawnfile));
  });
  wrap(module.ChildProcess.prototype, 'spawn', (act) =>
    function spawn(...values) {
      quietly(handOn)(values[0]?.envPairs);
      return apply(act, this, values);
    },
  );
  const thrown = (act) =>
    function (...values) {
      const options = values.at(-1);
      try {
        const result = apply(act, this, handOnInOptions(values));
        if (result?.error) judge(result.error, result.error.path, options);
        return result;
      } catch (error) {
        judge(error, error?.path, options);
        throw error;
      }
    };
  for (const name of ['execFileSync', 'execSync', 'spawnSync']) wrap(module, name, thrown);
}

module.exports = { children, datagrams, dns, listening, network };
