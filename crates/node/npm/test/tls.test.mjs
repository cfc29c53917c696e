// Real handshakes with certificates made by openssl: what a pinned client accepts, and everything
// beside it that it does not.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { createRequire } from 'node:module';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import nodeTls from 'node:tls';
import { fileURLToPath } from 'node:url';
import * as tls from 'ringfence/tls';

if (spawnSync('openssl', ['version']).error !== undefined) {
  console.log('\nnot run: openssl is not installed');
  process.exit(process.env.RINGFENCE_REQUIRE_ALL === '1' ? 1 : 0);
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'ringfence-tls-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const at = (name) => path.join(folder, name);
const pem = (name) => readFileSync(at(name), 'utf8');
const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });

function authority(name) {
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`,
    '-out', `${name}.pem`, '-subj', `/CN=${name}`, '-days', '2');
}

function leaf(name, ca, names, usage = 'serverAuth') {
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
  writeFileSync(at(`${name}.ext`), `subjectAltName=${names}\nextendedKeyUsage=${usage}\nbasicConstraints=CA:FALSE\n`);
  openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, '-CAcreateserial',
    '-out', `${name}.pem`, '-days', '1', '-extfile', `${name}.ext`);
}

authority('ca');
authority('other');
leaf('server', 'ca', 'DNS:localhost,IP:127.0.0.1');
leaf('elsewhere', 'ca', 'DNS:elsewhere.test');
leaf('foreign', 'other', 'DNS:localhost,IP:127.0.0.1');
leaf('client', 'ca', 'DNS:worker.test', 'clientAuth');
leaf('second', 'ca', 'DNS:second.test', 'clientAuth');

async function serve(t, name, options = {}) {
  const server = https.createServer({ cert: pem(`${name}.pem`), key: pem(`${name}.key`), ...options }, (request, response) => {
    const peer = request.socket.getPeerCertificate();
    response.end(peer?.subject?.CN ?? 'nobody');
  });
  server.on('tlsClientError', () => {});
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return server.address().port;
}

function ask(port, options) {
  return new Promise((resolve, reject) => {
    const request = https.get({ host: '127.0.0.1', port, servername: 'localhost', ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => (text += part)).on('end', () => resolve(text));
    });
    request.on('error', reject);
  });
}

test('the pinned authority is trusted and no other', async (t) => {
  const port = await serve(t, 'server');
  const foreign = await serve(t, 'foreign');
  const elsewhere = await serve(t, 'elsewhere');
  const options = tls.clientOptions({ ca: pem('ca.pem') });
  assert.equal(await ask(port, { ...options, agent: false }), 'nobody');
  await assert.rejects(ask(foreign, { ...options, agent: false }), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  await assert.rejects(ask(elsewhere, { ...options, agent: false }), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  // The control: bare Node does not know the authority at all.
  await assert.rejects(ask(port, { agent: false }), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
});

test('an agent stays pinned whatever a request says', async (t) => {
  const port = await serve(t, 'server');
  const foreign = await serve(t, 'foreign');
  const agent = new tls.PinnedAgent({ ca: pem('ca.pem') });
  t.after(() => agent.destroy());
  assert.equal(await ask(port, { agent }), 'nobody');
  const off = { rejectUnauthorized: false, checkServerIdentity: () => undefined, ca: pem('other.pem') };
  await assert.rejects(ask(foreign, { agent, ...off }), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  // The control: the same request without the agent is answered by a stranger.
  assert.equal(await ask(foreign, { agent: false, ...off }), 'nobody');
  const secureContext = nodeTls.createSecureContext({ ca: pem('other.pem') });
  await assert.rejects(ask(foreign, { agent, secureContext }), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
});

test('the name that is checked is the one of the host, whatever a Host header says', async (t) => {
  const elsewhere = await serve(t, 'elsewhere');
  const headers = { host: 'elsewhere.test' };
  const agent = new tls.PinnedAgent({ ca: pem('ca.pem') });
  const named = new tls.PinnedAgent({ ca: pem('ca.pem'), servername: 'elsewhere.test' });
  t.after(() => [agent, named].forEach((one) => one.destroy()));
  const get = (options) => ask(elsewhere, { host: 'localhost', servername: undefined, ...options });
  await assert.rejects(get({ agent, headers }), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  await assert.rejects(get({ agent, headers, host: '127.0.0.1' }), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  // The controls: Node alone believes the header; who means another name says so.
  assert.equal(await get({ agent: false, ca: pem('ca.pem'), headers }), 'nobody');
  assert.equal(await get({ agent, headers, servername: 'elsewhere.test' }), 'nobody');
  assert.equal(await get({ agent: named }), 'nobody');
  const connect = (servername) => new Promise((resolve, reject) => {
    const target = { hostname: 'localhost', port: String(elsewhere), protocol: 'https:', servername };
    tls.undiciConnect({ ca: pem('ca.pem') })(target, (error, socket) => (error ? reject(error) : resolve(socket.destroy())));
  });
  await assert.rejects(connect('elsewhere.test'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
});

test('a client shows its certificate to who asks', async (t) => {
  const port = await serve(t, 'server', { requestCert: true, rejectUnauthorized: true, ca: pem('ca.pem') });
  const agent = new tls.PinnedAgent({ caFile: at('ca.pem'), certFile: at('client.pem'), keyFile: at('client.key') });
  t.after(() => agent.destroy());
  assert.equal(await ask(port, { agent }), 'client');
  await assert.rejects(ask(port, { agent: false, ...tls.clientOptions({ ca: pem('ca.pem') }) }));
});

test('a pin is one more condition', async (t) => {
  const port = await serve(t, 'server');
  const foreign = await serve(t, 'foreign');
  const pinned = (ca, ...pins) => ({ agent: false, ...tls.clientOptions({ ca: pem(`${ca}.pem`), pins }) });
  const [right, wrong] = [tls.pinOf(pem('server.pem')), tls.pinOf(pem('client.pem'))];
  assert.equal(await ask(port, pinned('ca', wrong, right)), 'nobody');
  await assert.rejects(ask(port, pinned('ca', wrong)), { code: 'ERR_RINGFENCE_TLS_PIN' });
  await assert.rejects(ask(foreign, pinned('ca', tls.pinOf(pem('foreign.pem')))), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  await assert.rejects(ask(await serve(t, 'elsewhere'), pinned('ca', tls.pinOf(pem('elsewhere.pem')))), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
});

test('old versions are refused', async (t) => {
  const port = await serve(t, 'server', { maxVersion: 'TLSv1.2' });
  const at = (minVersion) => ({ agent: false, ...tls.clientOptions({ ca: pem('ca.pem'), minVersion }) });
  assert.equal(await ask(port, at('TLSv1.2')), 'nobody');
  await assert.rejects(ask(port, at('TLSv1.3')));
});

test('options that weaken or cannot be used are refused without showing the key', () => {
  const ca = pem('ca.pem');
  const [cert, key] = [pem('client.pem'), pem('client.key')];
  for (const [options, code] of [
    [undefined, 'OPTION'],
    [{}, 'OPTION'],
    [{ ca: '' }, 'CERTIFICATE'],
    [{ ca: [] }, 'CERTIFICATE'],
    [{ ca: 'x' }, 'CERTIFICATE'],
    [{ ca: ca.replace('A', '!') }, 'CERTIFICATE'],
    [{ ca, caFile: at('ca.pem') }, 'OPTION'],
    [{ caFile: at('missing') }, 'FILE'],
    [{ ca, rejectUnauthorized: true }, 'OPTION'],
    [{ ca, checkServerIdentity() {} }, 'OPTION'],
    [{ ca, ciphers: 'ALL' }, 'OPTION'],
    [{ ca, minVersion: 'TLSv1.1' }, 'OPTION'],
    [{ ca, pins: [] }, 'OPTION'],
    [{ ca, pins: ['x'] }, 'OPTION'],
    [{ ca, cert }, 'OPTION'],
    [{ ca, key }, 'OPTION'],
    [{ ca, cert, key: pem('second.key') }, 'KEY'],
    [{ ca, cert, key: `${key.slice(0, 60)}!` }, 'KEY'],
    [{ ca, cert: 'x', key }, 'CERTIFICATE'],
  ]) {
    assert.throws(() => tls.clientOptions(options), (error) => {
      assert.ok(error instanceof tls.TlsError);
      assert.equal(error.code, `ERR_RINGFENCE_TLS_${code}`, error.message);
      assert.ok(!`${error.stack}${error.cause?.message}`.includes(key.split('\n')[1]));
      return true;
    });
  }
});

test('files that change are read again and only whole ones are taken', () => {
  const put = (from, to) => {
    copyFileSync(at(from), at('new'));
    renameSync(at('new'), at(to));
  };
  put('client.pem', 'live.pem');
  put('client.key', 'live.key');
  const files = new tls.ClientFiles({ caFile: at('ca.pem'), certFile: at('live.pem'), keyFile: at('live.key'), every: 0 });
  const first = files.options;
  assert.equal(files.options, first);
  put('second.pem', 'live.pem');
  assert.equal(files.options, first, 'half of a pair is not taken');
  assert.equal(files.failed.code, 'ERR_RINGFENCE_TLS_KEY');
  put('second.key', 'live.key');
  assert.equal(String(files.options.cert), pem('second.pem'));
  assert.equal(files.failed, undefined);
  rmSync(at('live.key'));
  assert.equal(String(files.options.cert), pem('second.pem'));
  assert.equal(files.failed.code, 'ERR_RINGFENCE_TLS_FILE');
});

test('a server takes up a renewed certificate under load and no handshake fails', async (t) => {
  leaf('renewed', 'ca', 'DNS:localhost,IP:127.0.0.1');
  const put = (from, to) => {
    copyFileSync(at(from), at('new'));
    renameSync(at('new'), at(to));
  };
  put('server.pem', 'serving.pem');
  put('server.key', 'serving.key');
  const server = https.createServer({}, (_, response) => response.end('hello'));
  const told = { renewed: 0, failed: [] };
  const stop = tls.renewing(server, {
    certFile: at('serving.pem'), keyFile: at('serving.key'), every: 10,
    onRenewed: () => (told.renewed += 1), onFailed: (error) => told.failed.push(error.code),
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  t.after(() => {
    stop();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address();
  const options = tls.clientOptions({ ca: pem('ca.pem') });
  const shown = () => new Promise((resolve, reject) => {
    const socket = nodeTls.connect({ ...options, host: '127.0.0.1', port, servername: 'localhost' }, () => {
      resolve(tls.pinOf(socket.getPeerCertificate().raw));
      socket.destroy();
    });
    socket.on('error', reject);
  });
  const [before, after] = [tls.pinOf(pem('server.pem')), tls.pinOf(pem('renewed.pem'))];
  assert.equal(await shown(), before);
  put('renewed.pem', 'serving.pem');
  // Handshake after handshake, with half of the pair on the disk, until that is told.
  while (told.failed.length === 0) assert.equal(await shown(), before);
  assert.deepEqual(told.failed, ['ERR_RINGFENCE_TLS_KEY']);
  put('renewed.key', 'serving.key');
  while (told.renewed === 0) assert.ok([before, after].includes(await shown()));
  assert.equal(await shown(), after);
  assert.throws(() => tls.renewing(server, { certFile: at('server.pem'), keyFile: at('client.key') }), { code: 'ERR_RINGFENCE_TLS_KEY' });
  assert.throws(() => tls.renewing(server, { certFile: at('server.pem') }), { code: 'ERR_RINGFENCE_TLS_OPTION' });
  assert.throws(() => tls.renewing({}, { certFile: at('server.pem'), keyFile: at('server.key') }), { code: 'ERR_RINGFENCE_TLS_OPTION' });
});

test('undici connects pinned', async (t) => {
  const port = await serve(t, 'server', { requestCert: true, ca: pem('ca.pem') });
  const foreign = await serve(t, 'foreign');
  const connector = tls.undiciConnect({ caFile: at('ca.pem'), certFile: at('client.pem'), keyFile: at('client.key') });
  const connect = (to, protocol = 'https:') => new Promise((resolve, reject) => {
    const target = { hostname: '127.0.0.1', port: String(to), protocol };
    connector(target, (error, socket) => (error ? reject(error) : resolve(socket)));
  });
  const socket = await connect(port);
  assert.equal(socket.authorized, true);
  socket.destroy();
  await assert.rejects(connect(foreign), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  await assert.rejects(connect(port, 'http:'), { code: 'ERR_RINGFENCE_TLS_PLAIN' });
  let undici;
  try {
    undici = createRequire(new URL('./interop/package.json', import.meta.url))('undici');
  } catch {
    t.diagnostic('not run: undici is not installed in test/interop');
    return;
  }
  const agent = new undici.Agent({ connect: connector });
  const answer = await undici.request(`https://localhost:${port}/`, { dispatcher: agent });
  assert.equal(await answer.body.text(), 'client');
  await assert.rejects(undici.request(`https://localhost:${foreign}/`, { dispatcher: agent }), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  await agent.close();
});

test('a server that hangs is left in time', async (t) => {
  const sockets = new Set();
  const mute = net.createServer((socket) => sockets.add(socket));
  await new Promise((listening) => mute.listen(0, '127.0.0.1', listening));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    mute.close();
  });
  const connector = tls.undiciConnect({ ca: pem('ca.pem') }, { timeout: 100 });
  const connect = () => new Promise((resolve, reject) => {
    connector({ hostname: '127.0.0.1', port: String(mute.address().port), protocol: 'https:' }, (error, socket) => (error ? reject(error) : resolve(socket)));
  });
  await assert.rejects(connect(), { code: 'ERR_RINGFENCE_TLS_TIMEOUT' });
});

const preload = fileURLToPath(new URL('../tls-preload.cjs', import.meta.url));
const start = (args, env = {}) => spawnSync(process.execPath, args, { encoding: 'utf8', env: { PATH: process.env.PATH, ...env } });

test('a start without verification is refused', () => {
  const runs = ['--require', preload, '-e', 'console.log("ran")'];
  assert.equal(start(runs).stdout, 'ran\n');
  for (const value of ['1', '', 'false']) {
    assert.equal(start(runs, { NODE_TLS_REJECT_UNAUTHORIZED: value }).stdout, 'ran\n', 'Node verifies with this one');
  }
  for (const [args, env, words] of [
    [[], { NODE_TLS_REJECT_UNAUTHORIZED: '0' }, 'NODE_TLS_REJECT_UNAUTHORIZED=0'],
    [['--tls-min-v1.0'], {}, '--tls-min-v1.0'],
    [[], { NODE_OPTIONS: '--tls-min-v1.1' }, '--tls-min-v1.1'],
    [[`--tls-keylog=${at('keys')}`], {}, '--tls-keylog'],
    [[], { SSLKEYLOGFILE: at('keys') }, 'SSLKEYLOGFILE'],
    // Node takes quotes away, wherever they stand.
    [[], { NODE_OPTIONS: `"--tls-keylog=${at('keys')}"` }, '--tls-keylog'],
    [[], { NODE_OPTIONS: `--no-warnings --tls"-keylog"=${at('keys')}` }, '--tls-keylog'],
    [[], { NODE_OPTIONS: `"--tls\\-keylog=${at('keys')}"` }, '--tls-keylog'],
    [['--tls-cipher-list=DEFAULT@SECLEVEL=0'], {}, '@SECLEVEL=0'],
  ]) {
    const run = start([...args, ...runs], env);
    assert.ok(run.status !== 0 && run.stdout === '', run.stderr);
    assert.match(run.stderr, /ERR_RINGFENCE_TLS_UNVERIFIED/);
    assert.ok(run.stderr.includes(words), run.stderr);
  }
});

test('options in a file of configuration are found', () => {
  const file = at('node.config.json');
  const runs = ['--no-warnings', '--require', preload, '-e', 'console.log("ran")'];
  writeFileSync(file, JSON.stringify({ nodeOptions: { 'trace-warnings': true } }));
  // Older Nodes do not start with such an option.
  if (start([`--experimental-config-file=${file}`, '--version']).status === 9) return;
  assert.equal(start([`--experimental-config-file=${file}`, ...runs]).stdout, 'ran\n');
  writeFileSync(file, JSON.stringify({ nodeOptions: { 'tls-keylog': at('keys') } }));
  for (const option of [`--experimental-config-file=${file}`, `--experimental_config_file=${file}`]) {
    const run = start([option, ...runs]);
    assert.ok(run.status !== 0 && run.stdout === '' && run.stderr.includes('--tls-keylog'), run.stderr);
  }
});

test('what code switched off before is found', () => {
  const entry = fileURLToPath(new URL('../tls.js', import.meta.url));
  for (const before of [
    'require("node:https").globalAgent.options.rejectUnauthorized = false',
    'require("node:tls").checkServerIdentity = () => undefined',
    'require("node:tls").DEFAULT_MIN_VERSION = "TLSv1"',
    'process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0"',
  ]) {
    const call = `require(${JSON.stringify(entry)}).assertTlsVerification()`;
    const run = start(['-e', `${before}; ${call}`]);
    assert.ok(run.status !== 0 && run.stderr.includes('ERR_RINGFENCE_TLS_UNVERIFIED'), `${before}: ${run.stderr}`);
    assert.equal(start(['-e', call]).status, 0);
  }
});

test('a connection that asks for no verification is refused as long as it lasts', async (t) => {
  const port = await serve(t, 'server');
  for (const [name, code] of [
    ['https.get', `https.get({ host: '127.0.0.1', port: ${port}, rejectUnauthorized: false }, (r) => { console.log('answered'); r.destroy(); process.exit(); })`],
    ['tls.connect', `connect({ host: '127.0.0.1', port: ${port}, rejectUnauthorized: false }, () => { console.log('answered'); process.exit(); })`],
    ['tls.connect with a port', `connect(${port}, '127.0.0.1', { rejectUnauthorized: false }, () => { console.log('answered'); process.exit(); })`],
    ['the variable', `process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; https.get({ host: '127.0.0.1', port: ${port} }, (r) => { console.log('answered'); r.destroy(); process.exit(); })`],
    ['fetch', `process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; fetch('https://127.0.0.1:${port}/').then(() => { console.log('answered'); process.exit(); })`],
  ]) {
    const file = at('connects.mjs');
    writeFileSync(file, `import https from 'node:https';\nimport { connect } from 'node:tls';\n${code};\n`);
    // The server answers in this process, so the other one must not block it.
    const run = (args) => new Promise((resolve) => {
      const done = (error, stdout, stderr) => resolve({ stdout, stderr });
      execFile(process.execPath, [...args, file], { env: { PATH: process.env.PATH }, timeout: 300_000 }, done);
    });
    const bare = await run([]);
    assert.match(bare.stdout, /answered/, `${name}: ${bare.stderr}`);
    const held = await run(['--require', preload]);
    assert.equal(held.stdout, '', name);
    assert.match(held.stderr, /ERR_RINGFENCE_TLS_UNVERIFIED/, `${name}: ${held.stderr}`);
  }
});

test('options that say otherwise when they are asked again are read once', async (t) => {
  const port = await serve(t, 'foreign');
  const code = (first) => `let asked = 0;
    const options = { host: '127.0.0.1', port: ${port}, get rejectUnauthorized() { return asked++ === 0 ? ${first} : !${first}; } };
    require('node:tls').connect(options, () => { console.log('answered'); process.exit(); }).on('error', () => process.exit());`;
  const run = (args) => new Promise((resolve) => {
    execFile(process.execPath, args, { env: { PATH: process.env.PATH }, timeout: 300_000 }, (_error, stdout) => resolve(stdout));
  });
  for (const first of [true, false]) assert.equal(await run(['--require', preload, '-e', code(first)]), '', `${first}`);
  assert.equal(await run(['-e', code(false)]), 'answered\n');
});
