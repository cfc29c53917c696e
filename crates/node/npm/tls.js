'use strict';
// TLS between services: one pinned authority, a certificate of its own, and verification that nobody
// switches off. Plain JavaScript on node:tls; Node's own check of names is added to and never replaced.
// Not seen: sockets that other code makes with `new tls.TLSSocket`, and TLS of native addons.

const { X509Certificate, createHash, createPrivateKey, timingSafeEqual } = require('node:crypto');
const { readFileSync, statSync } = require('node:fs');
const https = require('node:https');
const { syncBuiltinESMExports } = require('node:module');
const net = require('node:net');
const tls = require('node:tls');

/** Node's own, as they were when this was loaded: what is put in their place later is not called. */
const nodeConnect = tls.connect;
const nodeCheck = tls.checkServerIdentity;

const VERSIONS = ['TLSv1.2', 'TLSv1.3'];
const SWITCH = 'NODE_TLS_REJECT_UNAUTHORIZED';
/** Options of Node that do for every connection what is refused for one. */
const WEAKENING = [
  ['--tls-min-v1.0', 'accepts TLS 1.0, which RFC 8996 forbids'],
  ['--tls-min-v1.1', 'accepts TLS 1.1, which RFC 8996 forbids'],
  ['--tls-keylog', 'writes the keys of every connection to a file'],
];
const SERVER_OPTIONS = new Set(['caFile', 'certFile', 'keyFile', 'passphrase', 'every', 'onRenewed', 'onFailed']);
const OPTIONS = new Set(['ca', 'caFile', 'cert', 'certFile', 'key', 'keyFile', 'passphrase', 'pins', 'minVersion', 'servername', 'every']);

/** Why no client was made or a start was refused; `code` is stable. No message holds a key. */
class TlsError extends Error {
  constructor(code, message, options) {
    super(message, options);
    this.code = `ERR_RINGFENCE_TLS_${code}`;
  }
}
Object.defineProperty(TlsError.prototype, 'name', { value: 'TlsError', configurable: true, writable: true });

function fail(code, message, cause) {
  throw new TlsError(code, message, cause === undefined ? undefined : { cause });
}

/** The one of `name` and `nameFile` that was given, as bytes. */
function source(options, name) {
  const [value, file] = [options[name], options[`${name}File`]];
  if (value !== undefined && file !== undefined) fail('OPTION', `${name} and ${name}File are given: one is enough`);
  if (file !== undefined) {
    try {
      return readFileSync(file);
    } catch (error) {
      fail('FILE', `${name}File cannot be read: ${error.code}`, error);
    }
  }
  if (value === undefined || typeof value === 'string' || value instanceof Uint8Array) return value;
  if (name === 'ca' && Array.isArray(value)) return value.map((one) => Buffer.from(one)).join('\n');
  return fail('OPTION', `${name} is text or bytes in PEM`);
}

/** Every certificate of a text; an authority that Node would skip silently is an error here. */
function certificates(pem, name) {
  const parts = Buffer.from(pem).toString('latin1').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  // An empty `ca` means to Node: trust everybody that Mozilla trusts.
  if (parts === null) fail('CERTIFICATE', `${name} holds no certificate`);
  try {
    return parts.map((part) => new X509Certificate(part));
  } catch (error) {
    return fail('CERTIFICATE', `${name} holds a certificate that cannot be read`, error);
  }
}

function pinned(pins) {
  if (pins === undefined) return [];
  if (!Array.isArray(pins) || pins.length === 0) fail('OPTION', 'pins is a list of at least one pin');
  return pins.map((pin) => {
    const found = /^(?:sha256\/)?([A-Za-z0-9+/]{43}=)$/.exec(pin);
    if (found === null) fail('OPTION', 'a pin is sha256/ and the base64 of a SHA-256');
    return Buffer.from(found[1], 'base64');
  });
}

/** The pin of a certificate, in PEM or DER: SHA-256 of its public key (RFC 7469). */
function pinOf(certificate) {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256/${createHash('sha256').update(key).digest('base64')}`;
}

/** Node's check of the name, and then the key. Only the server's own key counts. */
function checked(pins) {
  return function checkServerIdentity(host, certificate) {
    const wrong = nodeCheck(host, certificate);
    if (wrong !== undefined) return wrong;
    const own = Buffer.from(pinOf(certificate.raw).slice('sha256/'.length), 'base64');
    if (pins.some((pin) => timingSafeEqual(pin, own))) return undefined;
    return new TlsError('PIN', `the key of ${host} is not a pinned one`);
  };
}

/**
 * Options for `https.Agent`, `tls.connect`, `https.request` and undici's `connect`: the given
 * authorities and no others, TLS 1.2 at least, and a client's certificate where one is given.
 */
function clientOptions(options) {
  if (options === null || typeof options !== 'object') fail('OPTION', 'the options are an object');
  for (const name of Object.keys(options)) {
    // `rejectUnauthorized` and `checkServerIdentity` are among what is not known here, on purpose.
    if (!OPTIONS.has(name)) fail('OPTION', `${name} is no option of a pinned client`);
  }
  const [ca, cert, key] = ['ca', 'cert', 'key'].map((name) => source(options, name));
  if (ca === undefined) fail('OPTION', 'ca or caFile is needed: the authority that is trusted');
  certificates(ca, 'ca');
  const minVersion = options.minVersion ?? 'TLSv1.2';
  if (!VERSIONS.includes(minVersion)) fail('OPTION', 'minVersion is TLSv1.2 or TLSv1.3');
  const made = { ca, minVersion, maxVersion: 'TLSv1.3', rejectUnauthorized: true };
  if (options.servername !== undefined) made.servername = options.servername;
  const pins = pinned(options.pins);
  made.checkServerIdentity = pins.length > 0 ? checked(pins) : nodeCheck;
  if ((cert === undefined) !== (key === undefined)) fail('OPTION', 'cert and key are given together or not at all');
  if (cert === undefined) return made;
  return Object.assign(made, identity(cert, key, options.passphrase));
}

/** A certificate with the key that is its own. */
function identity(cert, key, passphrase) {
  const [own] = certificates(cert, 'cert');
  let matches;
  try {
    matches = own.checkPrivateKey(createPrivateKey({ key: Buffer.from(key), passphrase }));
  } catch {
    // What OpenSSL has to say may hold parts of it.
    fail('KEY', 'the private key cannot be read');
  }
  if (!matches) fail('KEY', 'the private key is not that of the certificate');
  return passphrase === undefined ? { cert, key } : { cert, key, passphrase };
}

/** What tells one state of the files from another; a file that is missing is a state too. */
function stamp(options) {
  return ['caFile', 'certFile', 'keyFile'].map((name) => {
    if (options[name] === undefined) return '';
    const found = statSync(options[name], { bigint: true, throwIfNoEntry: false });
    return found === undefined ? 'none' : `${found.dev}:${found.ino}:${found.size}:${found.mtimeNs}`;
  }).join(' ');
}

/**
 * Options that follow their files: read again when they change, at most every `every` milliseconds.
 * New ones are taken when they are whole; until then, and when they are no good, the old ones stay and
 * `failed` says why.
 */
class ClientFiles {
  #options;
  #every;
  #made;
  #stamp;
  #looked;
  failed = undefined;

  constructor(options) {
    const { every = 1000, ...rest } = options ?? {};
    if (!Number.isFinite(every) || every < 0) fail('OPTION', 'every is a number of milliseconds');
    this.#options = rest;
    this.#every = every;
    this.#stamp = stamp(rest);
    this.#made = clientOptions(rest);
    this.#looked = performance.now();
  }

  get options() {
    if (performance.now() - this.#looked < this.#every) return this.#made;
    this.#looked = performance.now();
    const now = stamp(this.#options);
    if (now !== this.#stamp) {
      try {
        this.#made = clientOptions(this.#options);
        this.#stamp = now;
        this.failed = undefined;
      } catch (error) {
        this.failed = error;
      }
    }
    return this.#made;
  }
}

/**
 * An agent of node:https whose connections are pinned. What a single request says about trust does
 * not count, not even `rejectUnauthorized: false`.
 */
class PinnedAgent extends https.Agent {
  #files;

  constructor(options, agentOptions = {}) {
    const files = new ClientFiles(options);
    // A session that is taken up again is not verified again: authorities may have changed meanwhile.
    super({ keepAlive: true, ...agentOptions, maxCachedSessions: 0 });
    this.#files = files;
  }

  /** Why the files as they are now are not in use. */
  get failed() {
    return this.#files.failed;
  }

  addRequest(request, options, ...rest) {
    // Node would check the name in the request's `Host` header, which may be a client's that is passed on.
    const name = options?.servername === undefined ? { servername: nameOf(String(options?.host ?? '')) } : {};
    return super.addRequest(request, { ...options, ...name }, ...rest);
  }

  createConnection(options, callback) {
    return super.createConnection({ ...withoutTrust(options), ...this.#files.options }, callback);
  }
}

/** The name to ask for and to check; an address has none to ask for, and is checked as it is. */
function nameOf(host) {
  const bare = host.replace(/^\[|\]$/g, '');
  return net.isIP(bare) === 0 ? bare : '';
}

/** What a request must not say for a pinned agent. */
function withoutTrust(options) {
  const rest = { ...options };
  for (const name of ['pfx', 'secureContext', 'secureOptions', 'secureProtocol', 'session', 'ciphers', 'pskCallback', 'ALPNCallback']) delete rest[name];
  return rest;
}

/** A connector for undici: `new Agent({ connect: undiciConnect({ caFile, certFile, keyFile }) })`. */
function undiciConnect(options, { timeout = 10_000 } = {}) {
  const files = new ClientFiles(options);
  return function connect({ hostname, port, protocol, localAddress, httpSocket }, callback) {
    if (protocol !== 'https:') {
      callback(new TlsError('PLAIN', 'a pinned client speaks https: alone'), null);
      return undefined;
    }
    // undici's `servername` is from the `Host` header.
    const name = nameOf(hostname);
    const socket = nodeConnect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port || 443,
      localAddress,
      socket: httpSocket,
      ALPNProtocols: ['http/1.1'],
      ...(name === '' ? {} : { servername: name }),
      ...files.options,
    });
    socket.setNoDelay(true);
    const late = setTimeout(() => socket.destroy(new TlsError('TIMEOUT', `no connection in ${timeout} ms`)), timeout);
    const done = (error) => {
      clearTimeout(late);
      socket.off('error', done).off('secureConnect', ready);
      callback(error, null);
    };
    const ready = () => {
      clearTimeout(late);
      socket.off('error', done);
      callback(null, socket);
    };
    return socket.once('error', done).once('secureConnect', ready);
  };
}

/** What a server shows, from its files. */
function serverIdentity(options) {
  const [ca, cert, key] = ['ca', 'cert', 'key'].map((name) => source(options, name));
  if (cert === undefined || key === undefined) fail('OPTION', 'certFile and keyFile are needed');
  if (ca !== undefined) certificates(ca, 'ca');
  return { ...identity(cert, key, options.passphrase), ...(ca === undefined ? {} : { ca }), minVersion: 'TLSv1.2' };
}

/**
 * Lets a server of node:tls, node:https or node:http2 take up its certificate again when it is renewed
 * on the disk. Connections that are open keep theirs. Answers a function that ends it.
 */
function renewing(server, options) {
  for (const name of Object.keys(options ?? {})) {
    if (!SERVER_OPTIONS.has(name)) fail('OPTION', `${name} is no option of a server that renews`);
  }
  const { every = 1000, onRenewed = () => {}, onFailed = () => {}, ...files } = options ?? {};
  if (typeof server?.setSecureContext !== 'function') fail('OPTION', 'the server speaks no TLS');
  if (!Number.isFinite(every) || every < 10) fail('OPTION', 'every is a number of milliseconds, 10 at least');
  let before = stamp(files);
  server.setSecureContext(serverIdentity(files));
  let told;
  const timer = setInterval(() => {
    const now = stamp(files);
    if (now === before) return;
    try {
      server.setSecureContext(serverIdentity(files));
      [before, told] = [now, undefined];
    } catch (error) {
      // Half of a pair is on the disk for a moment; each state is told once.
      if (told !== now) onFailed(error);
      told = now;
      return;
    }
    onRenewed();
  }, every).unref();
  const end = () => clearInterval(timer);
  server.once('close', end);
  return end;
}

/** The options of NODE_OPTIONS as Node reads them: quotes may stand anywhere and hold spaces. */
function wordsOf(text) {
  const words = text.match(/(?:"(?:[^"\\]|\\[^])*"?|[^" ])+/g) ?? [];
  return words.map((word) => word.replace(/"((?:[^"\\]|\\[^])*)"?/g, (_, inner) => inner.replace(/\\([^])/g, '$1')));
}

/** The options that files of configuration name (Node 23.10 and later). */
function configured(given) {
  const files = given.flatMap((word) => {
    const [name, file = 'node.config.json'] = word.split(/=(.*)/s, 2);
    return /^--experimental[-_](?:default[-_])?config[-_]file$/.test(name) ? [file] : [];
  });
  return files.flatMap((file) => {
    try {
      return Object.keys(JSON.parse(readFileSync(file, 'utf8')).nodeOptions ?? {}).map((name) => `--${name}`);
    } catch {
      // Node itself does not start with a file that it cannot read.
      return [];
    }
  });
}

/** Everything that switches verification off or weakens it in this process, in sentences. */
function weaknesses({ env = process.env, execArgv = process.execArgv } = {}) {
  const found = [];
  if (env[SWITCH] === '0') found.push(`${SWITCH}=0 accepts every certificate of everybody`);
  const given = [...execArgv, ...wordsOf(env.NODE_OPTIONS ?? '')];
  const words = [...given, ...configured(given)].map((word) => word.split('=')[0].replaceAll('_', '-'));
  for (const [option, why] of WEAKENING) {
    if (words.includes(option)) found.push(`${option} ${why}`);
  }
  if (/@SECLEVEL=0/i.test(tls.DEFAULT_CIPHERS)) found.push('the ciphers accept keys and signatures of any strength (@SECLEVEL=0)');
  if (env.SSLKEYLOGFILE) found.push('SSLKEYLOGFILE writes the keys of connections to a file');
  if (https.globalAgent.options.rejectUnauthorized === false) found.push('https.globalAgent accepts every certificate');
  if (!['TLSv1.2', 'TLSv1.3'].includes(tls.DEFAULT_MIN_VERSION)) found.push(`tls.DEFAULT_MIN_VERSION is ${tls.DEFAULT_MIN_VERSION}, which RFC 8996 forbids`);
  const other = { subject: { CN: 'other.invalid' }, subjectaltname: 'DNS:other.invalid' };
  let answer;
  try {
    answer = tls.checkServerIdentity('name.invalid', other);
  } catch (error) {
    answer = error;
  }
  if (!(answer instanceof Error)) found.push('tls.checkServerIdentity was replaced and accepts other names');
  return found;
}

/** Throws when this process would start with verification switched off or weakened. Call it first. */
function assertTlsVerification(options) {
  const found = weaknesses(options);
  if (found.length > 0) fail('UNVERIFIED', `verification of certificates is weakened: ${found.join('; ')}`);
}

let enforced = false;

/**
 * Refuses at start what `assertTlsVerification` refuses, and from then on every connection that is
 * asked to go without verification: `rejectUnauthorized: false` and the variable, whenever it is set.
 */
function enforceTlsVerification() {
  assertTlsVerification();
  if (enforced) return;
  enforced = true;
  tls.connect = function connect(...args) {
    // Read once: what is judged here is what Node reads.
    const read = args.map((given) => (given !== null && typeof given === 'object' ? { ...given } : given));
    if (read.some((given) => given?.rejectUnauthorized === false) || args.some((given) => given?.rejectUnauthorized === false)) {
      fail('UNVERIFIED', 'a connection with rejectUnauthorized: false is refused');
    }
    if (process.env[SWITCH] === '0') fail('UNVERIFIED', `${SWITCH}=0 was set: no connection is made`);
    return Reflect.apply(nodeConnect, this, read);
  };
  // `import { connect } from 'node:tls'` is this one, too.
  syncBuiltinESMExports();
}

module.exports = {
  ClientFiles,
  PinnedAgent,
  TlsError,
  assertTlsVerification,
  clientOptions,
  enforceTlsVerification,
  pinOf,
  renewing,
  undiciConnect,
};
