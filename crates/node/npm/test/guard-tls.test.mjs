// TLS through the guarded dispatcher: real handshakes on the loopback, with certificates of an
// authority of our own.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { dispatcher, safeFetch } from '../guard.mjs';
import { undicis } from './interop/undici.mjs';

if (spawnSync('openssl', ['version']).error !== undefined) {
  console.log('\nnot run: openssl is not installed');
  process.exit(process.env.RINGFENCE_REQUIRE_ALL === '1' ? 1 : 0);
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-guard-tls-'));
after(() => fs.rmSync(folder, { recursive: true }));
const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
const pem = (name) => fs.readFileSync(path.join(folder, name), 'utf8');
const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

for (const ca of ['ca', 'other']) openssl('req', '-x509', ...key, '-keyout', `${ca}.key`, '-out', `${ca}.pem`, '-subj', `/CN=${ca}`, '-days', '2');
function leaf(name, ca, names, days = '1') {
  openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
  fs.writeFileSync(path.join(folder, `${name}.ext`), `subjectAltName=${names}\nbasicConstraints=CA:FALSE\n`);
  openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, '-CAcreateserial', '-out', `${name}.pem`, '-days', days, '-extfile', `${name}.ext`);
}
leaf('good', 'ca', 'DNS:good.test,IP:127.0.0.1');
leaf('elsewhere', 'ca', 'DNS:elsewhere.test');
leaf('foreign', 'other', 'DNS:good.test,IP:127.0.0.1');
leaf('client', 'ca', 'DNS:client.test');

const lookup = (_name, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]);
const code = (promise) => promise.then(() => 'accepted', (error) => error.cause?.code ?? error.code);

async function serve(t, name, options = {}) {
  const seen = [];
  const server = https.createServer({ cert: pem(`${name}.pem`), key: pem(`${name}.key`), ...options }, (request, response) => {
    seen.push({ host: request.headers.host, port: request.socket.remotePort, resumed: request.socket.isSessionReused(), servername: request.socket.servername });
    response.end(request.socket.getPeerCertificate()?.subject?.CN ?? 'nobody');
  });
  server.on('tlsClientError', () => {});
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: server.address().port, seen };
}

/** A dispatcher for these hosts on that port, which trusts our authority. */
function agentFor(t, port, { hosts = ['good.test', 'elsewhere.test', '127.0.0.1'], tls = { ca: pem('ca.pem') }, ...options } = {}) {
  const agent = dispatcher({ hosts: hosts.map((host) => `${host}:${port}`), private: hosts }, { lookup, tls, ...options });
  t.after(() => agent.destroy());
  return agent;
}

for (const [name, undici] of Object.entries({ 'the undici of Node': undefined, ...undicis })) {
  test(`the name in a certificate is checked against the URL's (${name})`, async (t) => {
    const [good, elsewhere] = [await serve(t, 'good'), await serve(t, 'elsewhere')];
    const right = agentFor(t, good.port, { undici });
    const other = agentFor(t, elsewhere.port, { undici });
    const get = (host, port, agent) => fetch(`https://${host}:${port}/`, { dispatcher: agent });
    // The controls: by name and by address, each with the certificate that says so.
    for (const host of ['good.test', '127.0.0.1']) assert.equal((await get(host, good.port, right)).status, 200, host);
    assert.equal((await get('elsewhere.test', elsewhere.port, other)).status, 200);
    assert.deepEqual(good.seen.map(({ host, servername }) => [host, servername]), [[`good.test:${good.port}`, 'good.test'], [`127.0.0.1:${good.port}`, false]]);
    assert.equal(await code(get('elsewhere.test', good.port, right)), 'ERR_TLS_CERT_ALTNAME_INVALID');
    for (const host of ['good.test', '127.0.0.1']) assert.equal(await code(get(host, elsewhere.port, other)), 'ERR_TLS_CERT_ALTNAME_INVALID', host);
    assert.deepEqual([good.seen.length, elsewhere.seen.length], [2, 1]);
    // A header does not make another name of it.
    assert.equal(await code(fetch(`https://good.test:${elsewhere.port}/`, { dispatcher: other, headers: { host: 'elsewhere.test' } })), 'ERR_TLS_CERT_ALTNAME_INVALID');
  });
}

test('only an authority that is trusted counts, whatever the environment says', async (t) => {
  const [good, foreign] = [await serve(t, 'good'), await serve(t, 'foreign')];
  const get = (port, tls) => fetch(`https://good.test:${port}/`, { dispatcher: agentFor(t, port, { tls }) });
  const ours = { ca: pem('ca.pem') };
  assert.equal((await get(good.port, ours)).status, 200);
  assert.equal((await get(foreign.port, { ca: pem('other.pem') })).status, 200);
  assert.match(await code(get(foreign.port, ours)), /^(?:UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT_LOCALLY)$/);
  assert.match(await code(get(good.port, {})), /^(?:UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT_LOCALLY)$/);
  const saved = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  t.after(() => (saved === undefined ? delete process.env.NODE_TLS_REJECT_UNAUTHORIZED : (process.env.NODE_TLS_REJECT_UNAUTHORIZED = saved)));
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  // The control: everybody else's requests are open to anybody now.
  const bare = await new Promise((resolve, reject) => https.get({ host: '127.0.0.1', port: foreign.port, servername: 'elsewhere.test' }, resolve).on('error', reject));
  assert.equal(bare.statusCode, 200);
  bare.resume();
  assert.notEqual(await code(get(foreign.port, ours)), 'accepted');
});

test('a session that is resumed is for the name it was made with', async (t) => {
  const good = await serve(t, 'good');
  const agent = agentFor(t, good.port, { connections: 1 });
  const get = (host) => safeFetch(`https://${host}:${good.port}/`, { dispatcher: agent, headers: { connection: 'close' } }).then((response) => response.text());
  await get('good.test');
  // The ticket comes after the handshake; a later connection has it.
  for (let round = 0; round < 50 && !good.seen.at(-1).resumed; round++) await get('good.test');
  assert.equal(good.seen.at(-1).resumed, true);
  assert.equal(await code(get('elsewhere.test')), 'ERR_TLS_CERT_ALTNAME_INVALID');
});

test('a client says who it is, and protocols have a floor', async (t) => {
  const both = await serve(t, 'good', { ca: pem('ca.pem'), rejectUnauthorized: true, requestCert: true });
  const get = (server, tls) => safeFetch(`https://good.test:${server.port}/`, { dispatcher: agentFor(t, server.port, { tls }) }).then((response) => response.text());
  const ca = pem('ca.pem');
  assert.equal(await get(both, { ca, cert: pem('client.pem'), key: pem('client.key') }), 'client');
  assert.notEqual(await code(get(both, { ca })), 'accepted');
  const old = await serve(t, 'good', { maxVersion: 'TLSv1.2' });
  assert.equal(await get(old, { ca }), 'nobody');
  assert.notEqual(await code(get(old, { ca, minVersion: 'TLSv1.3' })), 'accepted');
});
