'use strict';
// Makes the connection that a judge allowed: the host is resolved once, its addresses are judged, and
// the socket is given those and nothing to resolve. The name for TLS and the name that was judged are
// one and the same.

const dns = require('node:dns');
const net = require('node:net');
const tls = require('node:tls');
const { GuardError } = require('./error.js');

/** What of TLS is the caller's: whom to trust and who one is. Verification is not up for choice. */
const TLS_OPTIONS = new Set(['ca', 'cert', 'ciphers', 'crl', 'key', 'maxVersion', 'minVersion', 'passphrase', 'pfx', 'sigalgs']);
/** Most TLS sessions that are kept to be resumed. */
const SESSIONS = 100;

/** The `connect` of an Agent. */
function connector(outbound, { connectTimeout, lookup = dns.lookup, tls: trust = {} }) {
  const unknown = Object.keys(trust).find((name) => !TLS_OPTIONS.has(name));
  if (unknown !== undefined) throw new GuardError('ERR_INVALID_ARG_VALUE', `tls.${unknown} cannot be set`);
  const context = { lookup, outbound, sessions: new Map(), timeout: connectTimeout, trust };
  return (asked, callback) => connect(context, asked, once(callback));
}

function connect(context, asked, callback) {
  let judged;
  try {
    judged = judge(context.outbound, asked);
  } catch (error) {
    process.nextTick(callback, error);
    return;
  }
  const state = { socket: undefined };
  const timer = setTimeout(() => {
    const error = new GuardError('ERR_RINGFENCE_GUARD_TIMEOUT', `connecting took longer than ${context.timeout} ms`);
    callback(error);
    state.socket?.destroy();
  }, context.timeout);
  const done = (error, socket) => {
    clearTimeout(timer);
    // After the deadline nobody waits for the socket any more.
    if (!callback(error, socket)) socket?.destroy();
  };
  resolve(context, judged, (error, addresses) => {
    if (error !== null) return done(error);
    if (callback.called()) return undefined;
    state.socket = open(context, judged, addresses, done);
    return undefined;
  });
}

/** The URL's origin once more, from what undici made of it: it must be what was judged. */
function judge(outbound, { hostname, host, protocol, port, servername, httpSocket }) {
  if (httpSocket) throw new GuardError('ERR_RINGFENCE_GUARD_URL', 'a proxy cannot be judged');
  const judged = outbound.judge(`${protocol}//${host}`);
  const bare = bareHost(judged.host);
  const differs = bareHost(hostname).replace(/\.$/, '') !== bare
    || Number(port || (protocol === 'https:' ? 443 : 80)) !== judged.port
    || (servername && servername.replace(/\.$/, '') !== bare);
  if (differs) throw new GuardError('ERR_RINGFENCE_GUARD_HOST', 'host denied: it is read in two ways');
  return { ...judged, bare };
}

function bareHost(host) {
  return host.startsWith('[') ? host.slice(1, -1) : host;
}

/** Resolves once, and gives the addresses when all of them may be connected to. */
function resolve({ lookup, outbound }, { href, bare }, callback) {
  const judged = (error, found) => {
    if (error) return callback(error);
    try {
      const addresses = outbound.admit(href, found.map(({ address }) => String(address)));
      return callback(null, addresses.map((address) => ({ address, family: net.isIP(address) })));
    } catch (refused) {
      return callback(refused);
    }
  };
  if (net.isIP(bare) !== 0) return judged(null, [{ address: bare }]);
  return lookup(bare, { all: true, verbatim: true }, (error, found) => {
    judged(error, Array.isArray(found) ? found : [{ address: found }]);
  });
}

function open({ sessions, trust }, { bare, protocol, port }, addresses, done) {
  const options = {
    autoSelectFamily: addresses.length > 1,
    host: bare,
    // Called by node:net for a name: with what was judged. For a literal address it is not called.
    lookup: (_name, { all }, answer) => {
      if (all) answer(null, addresses);
      else answer(null, addresses[0].address, addresses[0].family);
    },
    port,
  };
  const isTls = protocol === 'https:';
  const socket = isTls ? tls.connect({ ...trust, ...options, ...verified(bare, sessions) }) : net.connect({ ...options, highWaterMark: 65_536 });
  socket.setKeepAlive(true, 60_000);
  socket.setNoDelay(true);
  socket.on('error', (error) => done(error));
  if (isTls) socket.on('session', (session) => keep(sessions, bare, session));
  socket.once(isTls ? 'secureConnect' : 'connect', () => done(null, socket));
  return socket;
}

function verified(bare, sessions) {
  return {
    ALPNProtocols: ['http/1.1'],
    highWaterMark: 16_384,
    // Whatever NODE_TLS_REJECT_UNAUTHORIZED says.
    rejectUnauthorized: true,
    servername: net.isIP(bare) === 0 ? bare : '',
    session: sessions.get(bare),
  };
}

function keep(sessions, name, session) {
  sessions.delete(name);
  sessions.set(name, session);
  if (sessions.size > SESSIONS) sessions.delete(sessions.keys().next().value);
}

/** Calls back the first time and says whether it was. */
function once(callback) {
  let called = false;
  const first = (...values) => {
    if (called) return false;
    called = true;
    callback(...values);
    return true;
  };
  first.called = () => called;
  return first;
}

module.exports = { connector };
