// Arguments that are wrong on purpose: a typed error that never echoes them, and no crash.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { Worker } from 'node:worker_threads';
import * as crypto from 'ringfence/crypto';

const key = new crypto.SealKey('a', Buffer.alloc(32, 1));
const hmac = new crypto.HmacKey('secret');
const entry = new URL('../crypto.js', import.meta.url).pathname;
const invalid = { code: 'ERR_RINGFENCE_INVALID_ARGUMENT' };

const WRONG = [undefined, null, 0, 17, Number.NaN, 1n, true, Symbol('x'), {}, [], [1, 2], () => 'x', new Date(0), new Map(), Object.create(null)];

test('a value of another type is a typed error everywhere', async () => {
  for (const wrong of WRONG) {
    for (const attempt of [
      () => crypto.secretEquals(wrong, 'x'),
      () => crypto.secretEquals('x', wrong),
      () => new crypto.SealKey(wrong, Buffer.alloc(32)),
      () => new crypto.SealKey('a', wrong),
      () => crypto.seal(wrong, 'x'),
      () => crypto.seal(key, wrong),
      () => crypto.open(wrong, 'x'),
      () => crypto.open([wrong], 'x'),
      () => crypto.open(key, wrong),
      () => crypto.keyId(wrong),
      () => crypto.sealInto(key, 'x', wrong),
      () => crypto.openInto(key, wrong, Buffer.alloc(40), Buffer.alloc(40)),
      () => crypto.openInto(key, 'x', wrong, Buffer.alloc(40)),
      () => crypto.openInto(key, 'x', Buffer.alloc(40), wrong),
      () => crypto.compact(wrong, Buffer.alloc(40)),
      () => crypto.compact('x', wrong),
      () => hmac.sign(wrong),
      () => hmac.verify('x', wrong),
      () => hmac.signInto('x', wrong),
      () => crypto.signJws(wrong, 'x'),
      () => crypto.verifyJws(wrong, 'x'),
      () => crypto.verifyJws(new crypto.KeySet(), wrong),
      () => new crypto.KeySet().add(wrong),
      () => new crypto.Keyring(wrong),
      () => crypto.Keyring.parse(wrong),
      () => crypto.Keyring.create('r', wrong, key),
      () => crypto.decryptJson(wrong, 'x', 'x'),
      () => new crypto.Tokens(wrong === undefined ? null : wrong),
    ]) {
      assert.throws(attempt, invalid, `${attempt} ${String(wrong?.constructor?.name)}`);
    }
    const hasher = new crypto.Hasher();
    await assert.rejects(() => hasher.hash(wrong), invalid);
    await assert.rejects(() => hasher.verify('x', wrong), invalid);
    const tokens = new crypto.Tokens({ key: Buffer.alloc(32), prefix: 'orders', store: new crypto.MemoryTokenStore() });
    await assert.rejects(() => tokens.verify(wrong), invalid);
  }
  for (const options of [null, 17, 'x', { unknown: 1 }, { atOnce: 0 }, { atOnce: 1.5 }, { waiting: -1 }, { policy: 17 }, { policy: { algorithm: 'md5' } }, { policy: { memory: -1 } }, { attempts: true }, { bounds: { memory: 2 ** 40 } }]) {
    assert.throws(() => new crypto.Hasher(options), invalid, JSON.stringify(options));
  }
  assert.throws(() => new crypto.Hasher({ policy: { memory: 1024 } }), { code: 'ERR_RINGFENCE_PASSWORD_POLICY' });
});

test('every kind of bytes is taken for what it is', () => {
  const same = [Buffer.from('abcd'), new Uint8Array([97, 98, 99, 100]), new DataView(Uint8Array.from([97, 98, 99, 100]).buffer), Uint8Array.from([97, 98, 99, 100]).buffer, new Uint16Array([25185, 25699])];
  for (const bytes of same) assert.ok(crypto.secretEquals('abcd', bytes), bytes.constructor.name);
  const part = new DataView(Buffer.from('xxabcdxx').buffer, Buffer.from('').byteOffset);
  assert.ok(part.byteLength >= 0);
});

test('detached, shared and variable memory is refused', () => {
  const detached = new Uint8Array(40).fill(1);
  const bare = new ArrayBuffer(40);
  structuredClone([detached, bare], { transfer: [detached.buffer, bare] });
  const shared = new Uint8Array(new SharedArrayBuffer(40));
  const variable = new Uint8Array(new ArrayBuffer(40, { maxByteLength: 80 }));
  for (const bytes of [detached, bare, shared, shared.buffer, new DataView(shared.buffer)]) {
    assert.throws(() => crypto.seal(key, bytes), invalid);
    assert.throws(() => crypto.seal(key, 'x', { context: bytes }), invalid);
    assert.throws(() => crypto.sealInto(key, 'x', bytes), invalid);
    assert.throws(() => hmac.sign(bytes), invalid);
    assert.throws(() => new crypto.SealKey('a', bytes), invalid);
    assert.throws(() => crypto.secretEquals(bytes, ''), invalid);
  }
  if (variable.buffer.resizable === true) {
    variable.buffer.resize(0);
    assert.throws(() => crypto.seal(key, variable), invalid);
  }
});

test('a target that overlaps the data is refused, beside it is not', () => {
  const memory = Buffer.alloc(200);
  assert.throws(() => crypto.sealInto(key, memory.subarray(0, 50), memory.subarray(49)), invalid);
  assert.throws(() => crypto.sealInto(key, memory.subarray(20, 50), memory), invalid);
  assert.throws(() => crypto.sealInto(key, 'x', memory, { context: memory }), invalid);
  assert.throws(() => crypto.sealInto(key, 'hello', Buffer.alloc(32)), invalid);
  const { protected: header, length } = crypto.sealInto(key, memory.subarray(0, 50), memory.subarray(50));
  const sealed = memory.subarray(50, 50 + length);
  assert.throws(() => crypto.openInto(key, header, sealed, memory.subarray(60)), invalid);
  assert.equal(crypto.openInto(key, header, sealed, memory.subarray(0, 50)), 50);
});

test('halves of surrogate pairs are refused: two passwords would be one', async () => {
  const hasher = new crypto.Hasher();
  await assert.rejects(() => hasher.hash('pass\ud800'), invalid);
  await assert.rejects(() => hasher.hash('pass\udc00word'), invalid);
  assert.throws(() => crypto.secretEquals('\ud800', '\udfff'), invalid);
  assert.throws(() => crypto.seal(key, '\ud800'), invalid);
  const stored = await hasher.hash('pass\u{1f40e}');
  assert.ok((await hasher.verify('pass\u{1f40e}', stored)).ok);
});

test('huge texts are refused before they are copied', async () => {
  const huge = 'A'.repeat(2 ** 28);
  const hasher = new crypto.Hasher();
  const before = process.memoryUsage().rss;
  assert.throws(() => crypto.open(key, huge), { code: 'ERR_RINGFENCE_ENVELOPE_TOO_LONG' });
  assert.throws(() => crypto.seal(key, huge), { code: 'ERR_RINGFENCE_ENVELOPE_TOO_LONG' });
  assert.throws(() => crypto.verifyJws(new crypto.KeySet(), huge), { code: 'ERR_RINGFENCE_SIGNATURE_TOO_LONG' });
  await assert.rejects(() => hasher.hash(huge), { code: 'ERR_RINGFENCE_PASSWORD_TOO_LONG' });
  await assert.rejects(() => hasher.hash('ä'.repeat(2049)), { code: 'ERR_RINGFENCE_PASSWORD_TOO_LONG' });
  await assert.rejects(() => hasher.verify('x', huge), { code: 'ERR_RINGFENCE_PASSWORD_MALFORMED' });
  assert.throws(() => crypto.openManual(key, { iv: huge, ciphertext: '', tag: '' }), { code: 'ERR_RINGFENCE_ENVELOPE_TOO_LONG' });
  assert.ok(process.memoryUsage().rss - before < 2 ** 28);
});

test('no error repeats what it was given', async () => {
  const secret = 'hunter2';
  const attempts = [
    () => crypto.open(key, `${secret}.${secret}.${secret}.${secret}.${secret}`),
    () => crypto.openManual(key, { iv: secret, ciphertext: secret, tag: secret }),
    () => crypto.openManual(key, secret),
    () => crypto.keyId(secret),
    () => new crypto.SealKey(`${secret} `, Buffer.alloc(32)),
    () => new crypto.SealKey('a', Buffer.from(secret)),
    () => new crypto.SigningKey('EdDSA', 'k', Buffer.from(secret)),
    () => new crypto.SigningKey('EdDSA', 'k', secret),
    () => new crypto.SigningKey(secret, 'k', Buffer.from(secret)),
    () => new crypto.VerifyingKey({ kty: secret, kid: 'a', x: secret }),
    () => new crypto.VerifyingKey(secret),
    () => new crypto.KeySet(secret),
    () => crypto.verifyJws(new crypto.KeySet(), `${secret}.${secret}.${secret}`),
    () => crypto.Keyring.parse(`{"schema":1,"name":"${secret}","${secret}":1}`),
    () => crypto.decryptJson(Buffer.alloc(32), crypto.seal(new crypto.SealKey('x', Buffer.alloc(32)), secret), ''),
    () => new crypto.Tokens({ key: Buffer.from(secret), prefix: secret, store: new crypto.MemoryTokenStore() }),
    () => new crypto.Hasher().verify(secret, `$argon2id$v=19$m=19456,t=2,p=1$${secret}$${secret}`),
  ];
  for (const attempt of attempts) {
    const failed = await (async () => attempt())().then(() => undefined, (error) => error);
    assert.ok(failed instanceof crypto.CryptoError, `${attempt}: ${failed?.stack}`);
    assert.ok(!`${failed.message}${JSON.stringify(failed)}`.includes(secret), `${attempt}: ${failed.message}`);
  }
});

test('ten thousand calls at once: a few are computed, the rest hear at once that it is busy', async () => {
  const hasher = new crypto.Hasher({ atOnce: 2, waiting: 4 });
  const outcomes = await Promise.allSettled(Array.from({ length: 10_000 }, () => hasher.hash('x')));
  const refused = outcomes.filter(({ status }) => status === 'rejected').map(({ reason }) => reason);
  for (const { code, waiting } of refused) assert.deepEqual([code, waiting], ['ERR_RINGFENCE_PASSWORD_BUSY', 4]);
  // Some places become free while the rest is asked for.
  assert.ok(refused.length > 9_000 && refused.length <= 10_000 - 6, `${refused.length} refused`);
  assert.equal(hasher.pending, 0);
  assert.match(await hasher.hash('x'), /^\$argon2id\$/);
});

test('attempts are counted by key, and the right password forgives them', async () => {
  const hasher = new crypto.Hasher({ attempts: { burst: 2, refill: 86_400_000 } });
  const stored = await hasher.hash('right');
  const alice = { key: 'alice' };
  assert.equal((await hasher.verify('wrong', stored, alice)).ok, false);
  assert.equal((await hasher.verify('right', stored, alice)).ok, true);
  assert.deepEqual(await hasher.verifyNobody('x', alice), { ok: false, rehash: false });
  assert.equal((await hasher.verify('wrong', stored, alice)).ok, false);
  await assert.rejects(() => hasher.verify('right', stored, alice), (error) => error.code === 'ERR_RINGFENCE_PASSWORD_LIMITED' && error.retryAfter > 0);
  assert.equal((await hasher.verify('right', stored, { key: 'bob' })).ok, true);
  assert.equal((await hasher.verify('right', stored)).ok, true);
});

test('the event loop runs on while passwords are hashed', async () => {
  const hasher = new crypto.Hasher({ atOnce: 1 });
  let turns = 0;
  // However slowly this thread runs beside the other: were a password hashed on it, there would be no turn at all.
  for (let hashed = 0; hashed < 200 && turns <= 10; hashed += 1) {
    let hashing = true;
    const one = hasher.hash(`${hashed}`).finally(() => (hashing = false));
    await new Promise(setImmediate);
    while (hashing) {
      turns += 1;
      await new Promise(setImmediate);
    }
    await one;
  }
  assert.ok(turns > 10, `${turns} turns`);
});

test('a worker may load it, hash, and be terminated while it does', async () => {
  const source = `
    const { parentPort } = require('node:worker_threads');
    const crypto = require(${JSON.stringify(entry)});
    const hasher = new crypto.Hasher({ atOnce: 2, waiting: 64 });
    for (let i = 0; i < 40; i += 1) hasher.hash('x').catch(() => {});
    hasher.hash('y').catch(() => {});
    crypto.SigningKey.generate('PS256', 'k').catch(() => {});
    parentPort.postMessage('hashing');
  `;
  for (let round = 0; round < 4; round += 1) {
    const worker = new Worker(source, { eval: true });
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    await worker.terminate();
  }
  assert.match(await crypto.hashPassword('still here'), /^\$argon2id\$/);
});

test('workers use keys of their own at the same time', async () => {
  const source = `
    const { parentPort } = require('node:worker_threads');
    const crypto = require(${JSON.stringify(entry)});
    const key = new crypto.SealKey('a', Buffer.alloc(32, 1));
    for (let i = 0; i < 500; i += 1) crypto.open(key, crypto.seal(key, 'x'.repeat(i)));
    parentPort.postMessage(crypto.seal(key, 'from a worker'));
  `;
  const sealed = await Promise.all(
    [1, 2, 3].map(() => new Promise((resolve, reject) => new Worker(source, { eval: true }).once('message', resolve).once('error', reject))),
  );
  for (const envelope of sealed) assert.equal(crypto.open(key, envelope).toString(), 'from a worker');
});

for (const [how, end] of [
  ['process.exit', 'process.exit(7)'],
  ['an uncaught error', "process.exitCode = 7; throw Object.assign(new Error('on purpose'))"],
  ['abandoned promises', 'process.exitCode = 7'],
]) {
  test(`a process ends cleanly by ${how} while work is queued`, () => {
    const source = `
      const crypto = require(${JSON.stringify(entry)});
      const hasher = new crypto.Hasher({ atOnce: 2, waiting: 8 });
      for (let i = 0; i < 8; i += 1) hasher.hash('x').catch(() => {});
      crypto.SigningKey.generate('EdDSA', 'k').catch(() => {});
      setImmediate(() => { ${end} });
    `;
    const { status, signal, stderr } = spawnSync(process.execPath, ['-e', source], { encoding: 'utf8' });
    assert.equal(signal, null, stderr);
    assert.ok([7, 1].includes(status), `${status} ${stderr}`);
  });
}

test('a hasher that is let go while it hashes still answers', async () => {
  const source = `
    const crypto = require(${JSON.stringify(entry)});
    const all = [];
    for (let i = 0; i < 4; i += 1) all.push(new crypto.Hasher({ atOnce: 1 }).hash('x'));
    setImmediate(() => { gc(); gc(); });
    Promise.all(all).then((hashes) => console.log(hashes.length));
  `;
  const { stdout, signal } = spawnSync(process.execPath, ['--expose-gc', '-e', source], { encoding: 'utf8' });
  assert.equal(signal, null);
  assert.equal(stdout.trim(), '4');
});

test('options that are read cannot take the data away, and a context is never lost on the way', () => {
  const taking = (view) => ({
    get context() {
      structuredClone(view.buffer, { transfer: [view.buffer] });
      return 'orders/17';
    },
  });
  const fresh = () => new Uint8Array(64).fill(65);
  for (const attempt of [
    (view) => crypto.seal(key, view, taking(view)),
    (view) => crypto.sealInto(key, view, Buffer.alloc(200), taking(view)),
    (view) => crypto.sealInto(key, Buffer.alloc(8), view, taking(view)),
    (view) => crypto.openInto(key, 'x', view, Buffer.alloc(64), taking(view)),
  ]) assert.throws(() => attempt(fresh()), invalid);
  // `open(keys, envelope, 'orders/17')` is how a browser says it: here it would bind nothing.
  for (const options of ['orders/17', { contxt: 'orders/17' }, Buffer.from('orders/17'), null]) {
    assert.throws(() => crypto.seal(key, 'x', options), invalid);
    assert.throws(() => crypto.open(key, crypto.seal(key, 'x'), options), invalid);
    assert.throws(() => crypto.sealInto(key, 'x', Buffer.alloc(64), options), invalid);
  }
  const sealed = crypto.seal(key, fresh(), { context: 'orders/17' });
  assert.equal(crypto.open(key, sealed, { context: 'orders/17' }).length, 64);
});

test('a view that lies about its memory is taken for what it is', () => {
  class Liar extends Uint8Array {
    get buffer() {
      return new ArrayBuffer(1000);
    }

    get length() {
      return 1000;
    }
  }
  const memory = new ArrayBuffer(400);
  assert.throws(() => crypto.sealInto(key, new Uint8Array(memory, 0, 300), new Liar(memory, 10, 380)), invalid);
  assert.throws(() => crypto.sealInto(key, new Uint8Array(64), new Liar(4)), invalid);
  assert.throws(() => hmac.signInto('x', new Liar(4)), invalid);
  assert.throws(() => new crypto.SealKey('a', new Liar(new SharedArrayBuffer(32))), invalid);
  const shared = Object.defineProperty(new Uint8Array(new SharedArrayBuffer(32)), 'buffer', { value: new ArrayBuffer(32) });
  assert.throws(() => new crypto.SealKey('a', shared), invalid);
  const gone = new Liar(32);
  const { get } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'buffer');
  const buffer = Reflect.apply(get, gone, []);
  structuredClone(buffer, { transfer: [buffer] });
  assert.throws(() => crypto.seal(key, gone), invalid);
  // The control: what it holds counts, and nothing of what it says.
  assert.ok(crypto.secretEquals(new Liar([1, 2]), Uint8Array.of(1, 2)));
});

test('a store that answers with what is no entry lets no token through', async () => {
  const server = Buffer.alloc(32, 7);
  const past = Math.floor(Date.now() / 1000) - 60;
  const asked = (answer) => new crypto.Tokens({ key: server, prefix: 'orders', store: { find: () => answer, insert() {}, revoke() {} } });
  const { token, entry: issued } = await asked().issue({ expires: new Date(Date.now() + 60_000) });
  // The controls: an entry counts, an entry that is over does not, and no entry is none.
  assert.equal((await asked(issued).verify(token)).standing, 'valid');
  assert.equal((await asked({ ...issued, expires: null }).verify(token)).standing, 'valid');
  assert.equal((await asked({ ...issued, expires: past }).verify(token)).standing, 'expired');
  assert.equal((await asked(undefined).verify(token)).standing, 'unknown');
  const wrong = [
    // Rows of a table, or whether there is one.
    [], [issued], { rows: [] }, false, true, 0, 'x', {},
    // Times as databases give them: a Date is in milliseconds and would count for ever.
    { ...issued, expires: new Date(past * 1000) }, { ...issued, expires: past * 1000 }, { ...issued, expires: `${past}` }, { ...issued, expires: Number.NaN },
  ];
  for (const answer of wrong) {
    await assert.rejects(asked(answer).verify(token), { code: 'ERR_RINGFENCE_TOKEN_STORE', name: 'TokenError' });
  }
});

test('nothing is signed in the place of the claims, and no token is for nobody', async () => {
  const signing = await crypto.SigningKey.generate('EdDSA', 'a');
  const options = { audience: 'orders', issuer: 'login', lifetime: 60_000 };
  assert.throws(() => crypto.signJwt(signing, { toJSON: () => ({ sub: 'anybody' }) }, options), invalid);
  assert.throws(() => crypto.signJwt(signing, {}, { ...options, audience: [] }), invalid);
  const keys = new crypto.KeySet().add(signing.verifyingKey);
  const { claims } = crypto.verifyJwt(keys, crypto.signJwt(signing, { toJSON: 'a text' }, options), { audience: 'orders', issuer: 'login' });
  assert.equal(claims.toJSON, 'a text');
});
