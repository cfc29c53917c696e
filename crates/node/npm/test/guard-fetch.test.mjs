import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { dispatcher, outbound, safeFetch, setGlobalDispatcher } from '../guard.mjs';
import { undicis } from './interop/undici.mjs';

/** Names of the tests and what they resolve to; real name service is never asked. */
const names = {
  'good.test': ['127.0.0.1'],
  'mapped.test': ['::ffff:127.0.0.1'],
  'metadata.test': ['169.254.169.254'],
  'mixed.test': ['93.184.216.34', '127.0.0.1'],
  'nat64.test': ['64:ff9b::a9fe:a9fe'],
  'nothing.test': [],
  'outside.test': ['127.0.0.1'],
  'rebound.test': ['::ffff:169.254.169.254'],
};
const lookups = [];
const lookup = (name, _options, callback) => {
  lookups.push(name);
  callback(null, names[name].map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
};

let port;
let base;
let allowed;
const received = [];
// Connections that nobody uses for a while stay: one test counts them.
const server = http.createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
  received.push(request);
  const route = routes[request.url.split('?')[0]] ?? echo;
  route(response, request);
});

function redirect(location, status = 302) {
  return (response) => response.writeHead(status, { location }).end();
}

function echo(response, request) {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => response.end(JSON.stringify({ body: `${Buffer.concat(chunks)}`, headers: request.headers, method: request.method, url: request.url })));
}

const routes = {
  '/again': redirect('/again'),
  '/away': (response) => response.writeHead(307, { location: `http://second.good.test:${port}/landed` }).end(),
  '/chunked': (response) => {
    response.write('x'.repeat(600));
    response.write('x'.repeat(600));
    response.end('x'.repeat(600));
  },
  '/compressed': (response) => response.setHeader('content-encoding', 'gzip').end(gzipSync('0'.repeat(1 << 20))),
  '/credentials': (response) => response.writeHead(302, { location: `http://user:secret@good.test:${port}/` }).end(),
  '/file': redirect('file:///etc/passwd'),
  '/large': (response) => response.end('x'.repeat(5000)),
  '/mapped': (response) => response.writeHead(302, { location: `http://[::ffff:127.0.0.1]:${port}/` }).end(),
  '/metadata': redirect('http://169.254.169.254/latest/meta-data/'),
  '/outside': (response) => response.writeHead(302, { location: `http://unlisted.test:${port}/` }).end(),
  '/post': redirect('/landed', 303),
  '/silent': () => {},
  '/there': redirect('/landed'),
  '/trickle': (response) => {
    const timer = setInterval(() => response.write('x'), 20);
    response.on('close', () => clearInterval(timer));
  },
};

before(async () => {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address());
  base = `http://good.test:${port}`;
  names['second.good.test'] = ['127.0.0.1'];
  const hosts = Object.keys(names).map((name) => `${name}:${port}`);
  // One answer that is public and one that is not: neither is connected to.
  const own = Object.keys(names).filter((name) => name !== 'outside.test' && name !== 'mixed.test');
  allowed = { hosts: [...hosts, `127.0.0.1:${port}`, `[::1]:${port}`], http: true, private: own };
});
after(() => {
  server.close();
  server.closeAllConnections();
});

const make = (options) => dispatcher(allowed, { lookup, ...options });
const code = (promise) => promise.then(() => 'accepted', (error) => error.cause?.code ?? error.code ?? error.message);
const json = async (promise) => (await promise).json();

const HOUR = 3_600_000;
/** Makes deadlines of hours pass when a test says so, and no earlier: this machine may be slow. */
function heldTime(t) {
  const { setTimeout: after } = globalThis;
  const now = performance.now.bind(performance);
  const due = [];
  let passed = 0;
  t.mock.method(globalThis, 'setTimeout', (act, length, ...values) => {
    if (length > HOUR) due.push(act);
    return after(length > HOUR ? () => {} : act, length, ...values);
  });
  t.mock.method(performance, 'now', () => now() + passed);
  return (time) => {
    passed += time;
    for (const act of due.splice(0)) act();
  };
}

for (const [name, undici] of Object.entries({ 'the undici of Node': undefined, ...undicis })) {
  test(`fetch is guarded by a dispatcher of ${name}`, async () => {
    const agent = make({ maxBytes: 1500, undici });
    const get = (path) => fetch(`${base}${path}`, { dispatcher: agent });
    // The controls: what is allowed arrives, also over a redirect, also with a body.
    assert.equal((await json(get('/there'))).url, '/landed');
    const posted = await json(fetch(`${base}/`, { body: 'hello', dispatcher: agent, method: 'POST' }));
    assert.deepEqual([posted.body, posted.method, posted.headers.host], ['hello', 'POST', `good.test:${port}`]);
    for (const path of ['/metadata', '/outside', '/mapped']) assert.equal(await code(get(path)), 'ERR_RINGFENCE_GUARD_HOST', path);
    for (const path of ['/large', '/chunked']) {
      assert.equal(await code(get(path).then((response) => response.text())), 'ERR_RINGFENCE_GUARD_TOO_LARGE', path);
    }
    assert.equal(await code(get('/compressed')), 'ERR_RINGFENCE_GUARD_ENCODING');
    for (const path of ['/file', '/credentials']) assert.notEqual(await code(get(path)), 'accepted');
    for (const host of ['outside.test', 'metadata.test', 'rebound.test', 'nat64.test', 'mixed.test', 'nothing.test']) {
      assert.equal(await code(fetch(`http://${host}:${port}/`, { dispatcher: agent })), 'ERR_RINGFENCE_GUARD_ADDRESS', host);
    }
    await agent.close();
  });

  test(`an answer has one deadline, however slowly it comes (${name})`, async (t) => {
    const timeout = 8 * HOUR;
    const pass = heldTime(t);
    const agent = make({ timeout, undici });
    const asked = once(server, 'request');
    const silent = code(fetch(`${base}/silent`, { dispatcher: agent }));
    await asked;
    pass(timeout);
    assert.equal(await silent, 'ERR_RINGFENCE_GUARD_TIMEOUT');
    const reader = (await fetch(`${base}/trickle`, { dispatcher: agent })).body.getReader();
    // What comes meanwhile gives it no more time.
    for (let half = 0; half < 2; half++) {
      assert.equal((await reader.read()).done, false);
      pass(timeout / 2);
    }
    const rest = async () => {
      while (!(await reader.read()).done);
    };
    assert.equal(await code(rest()), 'ERR_RINGFENCE_GUARD_TIMEOUT');
    assert.equal((await fetch(`${base}/`, { dispatcher: agent })).status, 200);
    await agent.destroy();
  });

  for (const [other, { fetch: theirs, request }] of Object.entries(undicis)) {
    test(`requests of ${other} are guarded by a dispatcher of ${name}`, async () => {
      const agent = make({ undici });
      const answer = await request(`${base}/a?b=1`, { dispatcher: agent, headers: { 'x-own': '1' } });
      const seen = await answer.body.json();
      assert.deepEqual([answer.statusCode, seen.url, seen.headers['x-own'], seen.headers['accept-encoding']], [200, '/a?b=1', '1', 'identity']);
      assert.equal((await json(theirs(`${base}/there`, { dispatcher: agent }))).url, '/landed');
      assert.equal(await code(request(`http://unlisted.test:${port}/`, { dispatcher: agent })), 'ERR_RINGFENCE_GUARD_HOST');
      assert.equal(await code(theirs(`${base}/metadata`, { dispatcher: agent })), 'ERR_RINGFENCE_GUARD_HOST');
      const evil = { dispatcher: agent, headers: { Host: 'evil.example' } };
      assert.equal(await code(request(`${base}/`, evil)), 'ERR_RINGFENCE_GUARD_HOST');
      assert.equal(await code(request(`${base}/`, { ...evil, headers: ['host', 'evil.example'] })), 'ERR_RINGFENCE_GUARD_HOST');
      assert.equal((await request(`${base}/`, { dispatcher: agent, headers: { Host: `good.test:${port}` } })).statusCode, 200);
      const absolute = { dispatcher: agent, method: 'GET', origin: base, path: 'http://evil.example/' };
      assert.equal(await code(new Promise((resolve, reject) => {
        const handler = { onComplete: resolve, onConnect() {}, onData: () => true, onError: reject, onHeaders: () => true };
        const newer = { onRequestStart() {}, onResponseData() {}, onResponseEnd: resolve, onResponseError: (_, error) => reject(error), onResponseStart() {} };
        agent.dispatch({ ...absolute, dispatcher: undefined }, other === 'undici6' ? handler : newer);
      })), 'ERR_RINGFENCE_GUARD_URL');
      await agent.close();
    });
  }

  test(`the dispatcher of ${name} becomes that of every fetch`, async () => {
    const keys = [1, 2].map((version) => Symbol.for(`undici.globalDispatcher.${version}`));
    new Headers(); // eslint-disable-line no-new
    const saved = keys.map((key) => globalThis[key]);
    const agent = make({ undici });
    assert.equal(await code(fetch(`http://127.0.0.1:${port}/`)), 'accepted');
    setGlobalDispatcher(agent);
    try {
      assert.equal((await json(fetch(`${base}/there`))).url, '/landed');
      assert.equal(await code(fetch(`http://127.0.0.1:${port}/`)), 'ERR_RINGFENCE_GUARD_ADDRESS');
      for (const { fetch: theirs } of Object.values(undicis)) {
        assert.equal(await code(theirs(`http://127.0.0.1:${port}/`)), 'ERR_RINGFENCE_GUARD_ADDRESS');
      }
    } finally {
      keys.forEach((key, at) => saved[at] !== undefined && (globalThis[key] = saved[at]));
      if (saved[1] === undefined) globalThis[keys[1]] = saved[0];
    }
    await agent.close();
  });
}

test('a name is resolved once for a connection, and what it answers later is never asked', async () => {
  const answers = [['127.0.0.1'], ['169.254.169.254']];
  let asked = 0;
  const rebinding = (_name, _options, callback) => {
    const [address] = answers[Math.min(asked++, 1)];
    callback(null, [{ address, family: 4 }]);
  };
  const agent = dispatcher(allowed, { connections: 1, lookup: rebinding });
  assert.equal((await fetch(`${base}/`, { dispatcher: agent })).status, 200);
  assert.equal(asked, 1);
  assert.equal(server.listening, true);
  await agent.destroy();
  const fresh = dispatcher(allowed, { lookup: rebinding });
  assert.equal(await code(fetch(`${base}/`, { dispatcher: fresh })), 'ERR_RINGFENCE_GUARD_ADDRESS');
});

test('connections are kept and used again', async () => {
  const agent = make({ connections: 1 });
  const ports = new Set();
  for (let round = 0; round < 5; round++) {
    await (await fetch(`${base}/`, { dispatcher: agent })).text();
    ports.add(received.at(-1).socket.remotePort);
  }
  assert.equal(ports.size, 1);
  await agent.close();
});

test('a literal address is judged in every form it is written in', async () => {
  const agent = make();
  for (const host of ['127.0.0.1', '127.1', '2130706433', '0x7f.1', '0177.0.0.1', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::1]', '[::127.0.0.1]']) {
    assert.match(await code(fetch(`http://${host}:${port}/`, { dispatcher: agent })), /^ERR_RINGFENCE_GUARD_(?:HOST|ADDRESS)$/, host);
  }
  // The control: the same address, where it may be private.
  const own = dispatcher({ hosts: [`127.0.0.1:${port}`], http: true, private: ['127.0.0.1'] });
  assert.equal((await fetch(`http://2130706433:${port}/`, { dispatcher: own })).status, 200);
  await Promise.all([agent.close(), own.close()]);
});

test('safeFetch judges the whole URL and follows redirects one by one', async () => {
  const agent = make();
  const get = (path, init) => safeFetch(`${base}${path}`, { dispatcher: agent, ...init });
  assert.equal((await json(get('/there'))).url, '/landed');
  assert.equal((await get('/there', { redirect: 'manual' })).status, 302);
  for (const [path, expected] of [
    ['/metadata', 'HOST'], ['/outside', 'HOST'], ['/mapped', 'HOST'], ['/file', 'SCHEME'], ['/credentials', 'CREDENTIALS'], ['/again', 'REDIRECTS'],
  ]) assert.equal(await code(get(path)), `ERR_RINGFENCE_GUARD_${expected}`, path);
  assert.equal(await code(get('/there', { redirect: 'error' })), 'ERR_RINGFENCE_GUARD_REDIRECTS');
  const headers = { authorization: 'Bearer secret', cookie: 'a=b', 'x-own': '1' };
  const away = await json(get('/away', { body: 'again', headers, method: 'POST' }));
  assert.deepEqual([away.method, away.body, away.headers.authorization, away.headers.cookie, away.headers['x-own']], ['POST', 'again', undefined, undefined, '1']);
  assert.equal((await json(get('/there', { headers }))).headers.authorization, 'Bearer secret');
  const got = await json(get('/post', { body: 'x', headers: { 'content-type': 'text/plain' }, method: 'POST' }));
  assert.deepEqual([got.method, got.body, got.headers['content-type']], ['GET', '', undefined]);
  for (const [url, expected] of [
    [`http://user:pass@good.test:${port}/`, 'CREDENTIALS'], [`ftp://good.test:${port}/`, 'SCHEME'], ['good.test', 'URL'], [`${base}/${'a'.repeat(3000)}`, 'URL_TOO_LONG'],
    [`http://good.test@evil.example:${port}/`, 'CREDENTIALS'], [`http://good.test.evil.example:${port}/`, 'HOST'], [`http://evil.example\\@good.test:${port}/`, 'HOST'],
  ]) assert.equal(await code(safeFetch(url, { dispatcher: agent })), `ERR_RINGFENCE_GUARD_${expected}`, url);
  assert.equal(await code(safeFetch(`${base}/`, {})), 'ERR_INVALID_ARG_TYPE');
  assert.equal(await code(safeFetch(`${base}/`, { allowed: { hosts: ['api.stripe.com'] } })), 'ERR_RINGFENCE_GUARD_SCHEME');
  await agent.close();
});

test('redirects end, whatever their number is said to be, and no body that can be read once is sent again', async () => {
  const agent = make();
  for (const redirects of [-1, Number.NaN, Infinity, '5', 1.5, null]) {
    assert.equal(await code(safeFetch(`${base}/again`, { dispatcher: agent, redirects })), 'ERR_INVALID_ARG_VALUE', String(redirects));
  }
  assert.equal(await code(safeFetch(`${base}/there`, { dispatcher: agent, redirects: 0 })), 'ERR_RINGFENCE_GUARD_REDIRECTS');
  assert.equal((await safeFetch(`${base}/there`, { dispatcher: agent, redirects: 1 })).status, 200);
  const once = () => (async function* parts() {
    yield Buffer.from('again');
  })();
  const post = (path, body) => safeFetch(`${base}${path}`, { body, dispatcher: agent, duplex: 'half', method: 'POST' });
  assert.equal((await json(post('/', once()))).body, 'again');
  for (const body of [once(), new Response('again').body]) assert.equal(await code(post('/away', body)), 'ERR_RINGFENCE_GUARD_REDIRECTS');
  await agent.close();
});

test('what a dispatcher judged is what it sends, of options that answer otherwise when asked again', async () => {
  for (const undici of [undefined, ...Object.values(undicis)]) {
    const agent = make({ undici });
    const turning = (name, first, then) => {
      let asked = 0;
      return Object.defineProperty({ method: 'GET', origin: base, path: '/once' }, name, { enumerable: true, get: () => (asked++ === 0 ? first : then) });
    };
    let asked = 0;
    const name = { toString: () => (asked++ === 0 ? 'x-own' : 'host') };
    for (const options of [turning('origin', base, 'http://evil.example'), turning('path', '/once', 'http://evil.example/'), turning('method', 'GET', 'CONNECT'), {
      headers: [name, 'evil.example'], method: 'GET', origin: base, path: '/once',
    }]) {
      const { request } = undici ?? undicis[Object.keys(undicis)[0]];
      received.length = 0;
      // `request` reads its options itself: the lie is put right before the guard.
      const liar = { dispatch: (_, handler) => agent.dispatch(options, handler) };
      const through = await code(request(`${base}/`, { dispatcher: Object.setPrototypeOf(liar, agent) }));
      const [{ headers, method, url } = {}] = received;
      assert.deepEqual([through, method, url, headers?.host], ['accepted', 'GET', '/once', `good.test:${port}`]);
    }
    await agent.close();
  }
});

test('the manual\'s outbound URLs are read as it reads them', () => {
  const allowedHosts = outbound(new Set(['api.stripe.com', 'api.github.com']));
  const url = allowedHosts.parse('https://api.stripe.com/v1/charges?limit=3');
  assert.ok(url instanceof URL);
  assert.equal(url.href, 'https://api.stripe.com/v1/charges?limit=3');
  assert.throws(() => allowedHosts.parse('http://api.stripe.com/'), /https/);
  assert.throws(() => allowedHosts.parse('https://evil.example/'), /host denied/);
  assert.throws(() => allowedHosts.parse('https://user:pass@api.stripe.com/'), /embedded credentials/);
});

test('options that would weaken the guard do not exist', () => {
  for (const options of [
    { tls: { rejectUnauthorized: false } }, { tls: { checkServerIdentity: () => undefined } }, { tls: { servername: 'evil.example' } },
    { connect: {} }, { socketPath: '/run/docker.sock' }, { timeout: 0 }, { maxBytes: Infinity }, { undici: {} },
  ]) assert.throws(() => dispatcher({ hosts: ['a.test'] }, options), { name: 'GuardError' }, JSON.stringify(options));
  for (const nothing of [undefined, null, 'a.test', { hosts: 'a.test' }, { hosts: [1] }, { hosts: ['a.test'], anything: 1 }, { hosts: ['a.test:0'] }, { hosts: ['a b'] }]) {
    assert.throws(() => dispatcher(nothing), { name: 'GuardError' }, JSON.stringify(nothing));
  }
});
