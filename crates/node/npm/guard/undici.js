'use strict';
// The undici that a dispatcher is made of. Measured, and why nothing simpler works:
//
// Node  undici in it  its fetch reads          handlers it hands to a dispatcher
// 20    6.24          globalDispatcher.1       onConnect, onHeaders, ... (old)
// 22    6.28          globalDispatcher.1       old
// 24    7.29          globalDispatcher.1       old (it also sets .2, and does not read it)
// 25    7.24          globalDispatcher.1       old
// 26    8.10          globalDispatcher.2       onRequestStart, onResponseStart, ... (new)
//
// - An Agent of undici 8 refuses the handlers of fetch in Node 20 to 25 ("invalid onRequestStart
//   method"); an Agent of undici 6 those of fetch in Node 26 ("invalid onError method").
// - `setGlobalDispatcher` of undici 6 in Node 26 sets .1, which fetch does not read: everything goes
//   on working, unguarded. `setGlobalDispatcher` here sets both.
// - undici 8 does not load in Node 20.
//
// So the Agent is by default that of Node itself, reached through its global dispatcher, and handlers
// of both kinds are taken and given (handler.js).

const { GuardError } = require('./error.js');

const FIRST = Symbol.for('undici.globalDispatcher.1');
const SECOND = Symbol.for('undici.globalDispatcher.2');
let own;

/** The class Agent of the undici that is given, or of the one inside Node. */
function agentOf(undici) {
  if (undici !== undefined) {
    if (typeof undici?.Agent !== 'function') {
      throw new GuardError('ERR_INVALID_ARG_TYPE', 'undici must be the module undici');
    }
    return undici.Agent;
  }
  own ??= find();
  return own;
}

function find() {
  load();
  for (const dispatcher of [globalThis[SECOND], globalThis[FIRST]]) {
    const agent = within(dispatcher);
    if (agent !== undefined) return agent;
  }
  throw new GuardError(
    'ERR_RINGFENCE_GUARD_UNDICI',
    'the global dispatcher was replaced by one that is no undici: give the module undici, { undici: require("undici") }',
  );
}

/** The class Agent behind a dispatcher: its own, or that of one it is made of (proxies, mocks). */
function within(dispatcher) {
  if (dispatcher === undefined || dispatcher === null) return undefined;
  const parts = Object.getOwnPropertySymbols(dispatcher).map((symbol) => dispatcher[symbol]);
  return [dispatcher, ...parts].map(nearest).find((agent) => agent !== undefined);
}

/** In a chain of classes the one that is called Agent. */
function nearest(value) {
  for (let type = value?.constructor; typeof type === 'function'; type = Object.getPrototypeOf(type)) {
    if (type.name === 'Agent' && typeof type.prototype?.dispatch === 'function') return type;
  }
  return undefined;
}

/** Node loads its undici when something of it is first used. */
function load() {
  return new Headers();
}

/** Puts a dispatcher where `fetch` of every Node and every undici looks for it. */
function setGlobalDispatcher(dispatcher) {
  if (typeof dispatcher?.dispatch !== 'function') {
    throw new GuardError('ERR_INVALID_ARG_TYPE', 'a dispatcher has a method dispatch');
  }
  load();
  for (const symbol of [FIRST, SECOND]) {
    if (globalThis[symbol] !== undefined) globalThis[symbol] = dispatcher;
    else Object.defineProperty(globalThis, symbol, { value: dispatcher, writable: true });
  }
}

module.exports = { agentOf, setGlobalDispatcher };
