import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { channel } from 'node:diagnostics_channel';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import test from 'node:test';
import { acceptUpload, answer, Root, run, temporaryFolder } from '../guard.mjs';

const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const accept = ['image/png', 'text/plain', 'image/gif'];

function place(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-guard-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  return { folder, into: new Root(folder), names: () => fs.readdirSync(folder) };
}
const refuses = (act, code, rule, statusCode) => assert.rejects(act, { code, name: 'GuardError', rule, statusCode });

test('an upload is kept under its hash and the ending of its kind, whatever it comes from', async (t) => {
  const { folder, into, names } = place(t);
  const sha256 = createHash('sha256').update(PNG).digest('hex');
  const name = `${sha256}.png`;
  const first = await acceptUpload(PNG, { accept, declared: 'image/png', into });
  assert.deepEqual({ ...first }, { bytes: PNG.length, known: false, mediaType: 'image/png', name, notes: [], sha256 });
  async function* pieces() {
    for (const byte of PNG) yield Uint8Array.of(byte);
  }
  const web = () => Readable.toWeb(Readable.from([PNG]));
  for (const source of [Readable.from([PNG]), pieces(), web(), new Uint8Array(PNG)]) {
    const again = await acceptUpload(source, { accept, declared: 'image/png', into });
    assert.deepEqual([again.name, again.known, again.bytes], [name, true, PNG.length]);
  }
  assert.deepEqual(names(), [name]);
  assert.deepEqual(fs.readFileSync(path.join(folder, name)), PNG);
  assert.equal(fs.statSync(path.join(folder, name)).mode & 0o7777, 0o600);
  const large = Buffer.concat([PNG, Buffer.alloc(3 << 20, 1)]);
  const streamed = await acceptUpload(Readable.from([large.subarray(0, 100_000), large.subarray(100_000, 100_001), large.subarray(100_001)]), { accept, declared: 'image/png', into });
  assert.equal(streamed.sha256, createHash('sha256').update(large).digest('hex'));
});

test('what is too long, of another kind, declared otherwise or hides something leaves nothing', async (t) => {
  const { into, names } = place(t);
  const told = [];
  const hear = (refusal) => told.push(refusal);
  channel('ringfence.guard.refused').subscribe(hear);
  const upload = (content, declared, more) => acceptUpload(content, { accept, declared, into, ...more });
  await refuses(upload(PNG, 'image/gif'), 'ERR_RINGFENCE_GUARD_UPLOAD', 'declared-otherwise', 415);
  await refuses(upload(PNG, 'image/png', { accept: ['image/gif'] }), 'ERR_RINGFENCE_GUARD_UPLOAD', 'unwanted-kind', 415);
  const page = Buffer.from('<svg onload=alert(1)>');
  await refuses(upload(page, 'image/svg+xml'), 'ERR_RINGFENCE_GUARD_UPLOAD', 'declared-otherwise', 415);
  await refuses(upload(page, 'image/svg+xml', { accept: ['image/png'] }), 'ERR_RINGFENCE_GUARD_UPLOAD', 'unwanted-kind', 415);
  await refuses(upload(Buffer.concat([PNG, Buffer.from('<script>')]), 'image/png'), 'ERR_RINGFENCE_GUARD_UPLOAD', 'hidden-content', 400);
  await refuses(upload(Buffer.alloc(0), 'image/png'), 'ERR_RINGFENCE_GUARD_UPLOAD', 'empty', 400);
  await refuses(upload(PNG, 'image/png', { maxBytes: PNG.length - 1 }), 'ERR_RINGFENCE_GUARD_TOO_LARGE', 'too-long', 413);
  // It is over as soon as that is known: a sender that never ends is not waited for.
  let sent = 0;
  async function* endless() {
    for (;;) yield Buffer.alloc((sent += 1000, 1000), 0x61);
  }
  await refuses(upload(endless(), 'text/plain', { maxBytes: 100_000 }), 'ERR_RINGFENCE_GUARD_TOO_LARGE', 'too-long', 413);
  assert.ok(sent <= 101_000, `${sent}`);
  sent = 0;
  await refuses(upload(endless(), 'image/png', { maxBytes: 2 ** 30 }), 'ERR_RINGFENCE_GUARD_UPLOAD', 'declared-otherwise', 415);
  assert.ok(sent <= 200_000, `${sent}`);
  channel('ringfence.guard.refused').unsubscribe(hear);
  assert.ok(told.length >= 9 && told.every(({ kind, sample }) => kind === 'upload' && sample === ''));
  assert.deepEqual(names(), []);
  // The controls: the same with what it takes.
  assert.equal((await upload(PNG, 'image/png', { maxBytes: PNG.length })).bytes, PNG.length);
  assert.deepEqual((await upload(Buffer.concat([PNG, Buffer.from('<script>')]), 'image/png', { hidden: 'note' })).notes, ['markup or script']);
});

test('a sender that fails, and a caller that gives up, leave nothing', async (t) => {
  const { into, names } = place(t);
  async function* fails() {
    yield PNG;
    throw new TypeError('the line is cut');
  }
  await assert.rejects(acceptUpload(fails(), { accept, declared: 'image/png', into }), { message: 'the line is cut', name: 'TypeError' });
  const stop = new AbortController();
  const slow = new Readable({ read() {} });
  slow.push(PNG);
  const pending = acceptUpload(slow, { accept, declared: 'image/png', into, signal: stop.signal });
  stop.abort();
  await assert.rejects(pending, { code: 'ABORT_ERR' });
  await assert.rejects(acceptUpload(Readable.from(['text']), { accept, declared: 'text/plain', into }), { code: 'ERR_INVALID_ARG_TYPE' });
  for (const source of [undefined, 'text', 7, {}]) await assert.rejects(acceptUpload(source, { accept, declared: 'text/plain', into }), { code: 'ERR_INVALID_ARG_TYPE' });
  const shared = new Uint8Array(new SharedArrayBuffer(1 << 17));
  await assert.rejects(acceptUpload(shared, { accept, declared: 'text/plain', into }), { code: 'ERR_INVALID_ARG_TYPE' });
  await assert.rejects(acceptUpload(PNG, { accept, declared: 'image/png', into: '/tmp' }), { code: 'ERR_INVALID_ARG_TYPE' });
  for (const wrong of [{ accept: [] }, { accept: ['text/html'] }, { accept: 'image/png' }, { maxBytes: 0 }, { hidden: 'yes' }, { clamd: 'no port' }, { other: 1 }, { declared: undefined }]) {
    await assert.rejects(acceptUpload(PNG, { accept, declared: 'image/png', into, ...wrong }), { code: 'ERR_INVALID_ARG_VALUE' }, JSON.stringify(wrong));
  }
  assert.deepEqual(names(), []);
});

/** Speaks clamd's INSTREAM, and finds what its test wants found. */
async function scanner(t, says) {
  const seen = [];
  const server = net.createServer((socket) => {
    let all = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      all = Buffer.concat([all, chunk]);
      if (!all.subarray(-4).equals(Buffer.alloc(4))) return;
      seen.push(all);
      socket.end(says);
    });
  });
  t.after(() => server.close());
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { clamd: `127.0.0.1:${server.address().port}`, seen };
}

test('a scanner sees a file before it is kept, and none that answers means refused', async (t) => {
  const { into, names } = place(t);
  const upload = (clamd) => acceptUpload(PNG, { accept, clamd, clamdTimeout: 60_000, declared: 'image/png', into });
  const infected = await scanner(t, 'stream: Eicar-Test-Signature FOUND\0');
  await refuses(upload(infected.clamd), 'ERR_RINGFENCE_GUARD_UPLOAD', 'infected', 422);
  assert.ok(infected.seen[0].includes(PNG));
  for (const says of ['stream: size limit ERROR\0', 'what?', '']) {
    await refuses(upload((await scanner(t, says)).clamd), 'ERR_RINGFENCE_GUARD_UPLOAD', 'not-scanned', 503);
  }
  await refuses(upload('/no/such/socket'), 'ERR_RINGFENCE_GUARD_UPLOAD', 'not-scanned', 503);
  assert.deepEqual(names(), []);
  // The control.
  assert.equal((await upload((await scanner(t, 'stream: OK\0')).clamd)).known, false);
});

test('a refused request gets its answer', async (t) => {
  const { into } = place(t);
  const server = http.createServer((request, response) => {
    acceptUpload(request, { accept, declared: request.headers['content-type'], into, maxBytes: 200_000 })
      .then(({ name }) => response.end(name), (error) => answer(response, error));
  });
  t.after(() => server.close());
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const send = async (body, type) => {
    const response = await fetch(`http://127.0.0.1:${server.address().port}/`, { body, headers: { connection: 'close', 'content-type': type }, method: 'POST' });
    return [response.status, await response.text()];
  };
  const [status, text] = await send(PNG, 'image/png');
  assert.deepEqual([status, text.endsWith('.png')], [200, true]);
  const [refused, body] = await send(Buffer.alloc(100_000, 0x61), 'image/png');
  assert.deepEqual([refused, JSON.parse(body).rule], [415, 'declared-otherwise']);
});

test('a temporary folder is private, and gone when it is closed or the process ends', async (t) => {
  const { folder, names } = place(t);
  const temporary = temporaryFolder({ parent: folder });
  assert.equal(fs.statSync(temporary.path).mode & 0o7777, 0o700);
  await temporary.root.mkdir('a');
  await temporary.root.writeFile('a/b', 'x');
  assert.equal(await temporary.root.readFile('a/b', 'utf8'), 'x');
  assert.deepEqual(names(), [path.basename(temporary.path)]);
  temporary.close();
  temporary.close();
  assert.deepEqual(names(), []);
  if (Symbol.dispose !== undefined) {
    temporaryFolder({ parent: folder })[Symbol.dispose]();
    assert.deepEqual(names(), []);
  }
  const script = (then) => `const one = require(${JSON.stringify(new URL('../guard.js', import.meta.url).pathname)}).temporaryFolder({ parent: ${JSON.stringify(folder)} }); one.root.writeFileSync('x', 'y'); ${then}`;
  const node = (then) => new Promise((resolve) => execFile(process.execPath, ['-e', script(then)], (error) => resolve(error?.signal ?? error?.code ?? 0)));
  assert.equal(await node(''), 0);
  assert.equal(await node('process.exit(3)'), 3);
  assert.equal(await node('throw new Error()'), 1);
  assert.deepEqual(names(), []);
  // The control, and what a crash leaves: the next one sweeps it.
  assert.equal(await node("process.kill(process.pid, 'SIGKILL')"), 'SIGKILL');
  assert.equal(names().length, 1);
  const next = temporaryFolder({ parent: folder });
  assert.deepEqual(names(), [path.basename(next.path)]);
  next.close();
  for (const parent of ['relative', '', 7, '/a\0b']) assert.throws(() => temporaryFolder({ parent }), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.throws(() => temporaryFolder({ parent: '/no/such' }), { code: 'ENOENT' });
});

test('a file is replaced whole, and never half to be read', async (t) => {
  const { folder, into, names } = place(t);
  await into.mkdir('in');
  await into.writeFile('in/file', 'old');
  await assert.rejects(into.writeFile('in/file', 'new'), { code: 'EEXIST' });
  await into.writeFile('in/file', 'new', { replace: true });
  into.writeFileSync('other', 'first', { replace: true });
  into.writeFileSync('other', 'second', { replace: true });
  assert.deepEqual(['in/file', 'other'].map((name) => into.readFileSync(name, 'utf8')), ['new', 'second']);
  const texts = ['a'.repeat(100_000), 'b'.repeat(50_000)];
  await into.writeFile('raced', texts[0], { replace: true });
  let done = false;
  const reading = (async () => {
    while (!done) assert.ok(texts.includes(await into.readFile('raced', 'utf8')));
  })();
  for (let round = 0; round < 50; round++) await into.writeFile('raced', texts[round % 2], { replace: true });
  done = true;
  await reading;
  // A link is replaced itself; a folder is not, and no path leads out.
  fs.writeFileSync(path.join(folder, 'target'), 'untouched');
  fs.symlinkSync(path.join(folder, 'target'), path.join(folder, 'link'));
  await into.writeFile('link', 'mine', { replace: true });
  assert.deepEqual([fs.readFileSync(path.join(folder, 'target'), 'utf8'), fs.lstatSync(path.join(folder, 'link')).isFile()], ['untouched', true]);
  fs.symlinkSync(os.tmpdir(), path.join(folder, 'away'));
  for (const name of ['in', '../x', '/etc/x', 'away/x', 'a\0']) {
    await assert.rejects(into.writeFile(name, 'x', { replace: true }), { name: 'GuardError' }, name);
    assert.throws(() => into.writeFileSync(name, 'x', { replace: true }), { name: 'GuardError' }, name);
  }
  await assert.rejects(into.writeFile('x', 'x', { replace: 1 }), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.ok(!names().some((name) => name.startsWith('.ringfence-')));
});

test('a folder is listed, and no other', async (t) => {
  const { folder, into } = place(t);
  into.mkdirSync('in');
  into.writeFileSync('in/b', '');
  into.writeFileSync('in/a', '');
  fs.symlinkSync('/etc', path.join(folder, 'link'));
  assert.deepEqual(await into.list(), [{ kind: 'folder', name: 'in' }, { kind: 'link', name: 'link' }]);
  assert.deepEqual(into.listSync('in'), [{ kind: 'file', name: 'a' }, { kind: 'file', name: 'b' }]);
  for (const name of ['..', '/etc', 'link', 'in/..', 'in/a', 'a\0']) {
    await assert.rejects(into.list(name), { name: 'GuardError' }, name);
    assert.throws(() => into.listSync(name), { name: 'GuardError' }, name);
  }
  await assert.rejects(into.list('in', { most: 1 }), { code: 'ERR_RINGFENCE_GUARD_TOO_LARGE' });
  assert.equal((await into.list('in', { most: 2 })).length, 2);
  await assert.rejects(into.list('nothing'), { code: 'ENOENT' });
});

test('what somebody put on Object.prototype is no option', async (t) => {
  const { into } = place(t);
  const polluted = { accept: ['text/html'], clamd: '/no/such/socket', code: true, hidden: 'note', memory: 1, parent: '/no/such', replace: true, timeout: 1, uid: 1 };
  await into.writeFile('there', 'x');
  Object.assign(Object.prototype, polluted);
  let outcomes;
  try {
    outcomes = await Promise.allSettled([
      acceptUpload(PNG, { accept, declared: 'image/png', into }),
      acceptUpload(PNG, { declared: 'image/png', into }),
      run('/bin/echo', ['x']),
      run(process.execPath, ['-p', '1']),
      into.writeFile('there', 'y'),
    ]);
    temporaryFolder().close();
  } finally {
    for (const name of Object.keys(polluted)) delete Object.prototype[name];
  }
  assert.deepEqual(outcomes.map(({ reason, status }) => reason?.code ?? status), ['fulfilled', 'ERR_INVALID_ARG_VALUE', 'fulfilled', 'ERR_RINGFENCE_GUARD_SPAWN', 'EEXIST']);
});
