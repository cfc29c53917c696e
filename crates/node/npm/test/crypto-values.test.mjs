// What the functions promise, without other libraries.
import assert from 'node:assert/strict';
import { createCipheriv, randomBytes, scryptSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import test from 'node:test';
import { inspect } from 'node:util';
import * as crypto from 'ringfence/crypto';

const require = createRequire(import.meta.url);
const key = (id = 'a', byte = 1) => new crypto.SealKey(id, Buffer.alloc(32, byte));
const code = (suffix) => ({ code: `ERR_RINGFENCE_${suffix}` });

test('the ES module exports what CommonJS exports', () => {
  const common = require('ringfence/crypto');
  const names = Object.keys(crypto).filter((name) => !['default', 'module.exports'].includes(name));
  assert.deepEqual(names.sort(), Object.keys(common).sort());
  for (const name of names) assert.equal(crypto[name], common[name], name);
});

test('identifiers are of their form and differ', () => {
  assert.match(crypto.uuidV4(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const [first, second] = [crypto.uuidV7(), crypto.uuidV7()];
  assert.ok(first.slice(0, 13) <= second.slice(0, 13) && first !== second);
  assert.equal(crypto.randomToken(128).length, 22);
  assert.equal(crypto.randomToken().length, 43);
  for (const bits of [0, 127, 4097, 1.5, '256', Number.NaN, null]) {
    assert.throws(() => crypto.randomToken(bits), code('INVALID_ARGUMENT'));
  }
});

test('secrets of any lengths are compared', () => {
  assert.ok(crypto.secretEquals('abc', Buffer.from('abc')));
  for (const other of ['', 'ab', 'abcd', 'abd', 'abc\0']) assert.ok(!crypto.secretEquals('abc', other));
});

test('what was sealed opens with its key and context only', () => {
  const [a, b] = [key('a', 1), key('b', 2)];
  const envelope = crypto.seal(a, 'card 4242', { context: 'orders/17' });
  assert.equal(crypto.open([b, a], envelope, { context: 'orders/17' }).toString(), 'card 4242');
  assert.equal(crypto.keyId(envelope), 'a');
  assert.throws(() => crypto.open(b, envelope, { context: 'orders/17' }), code('ENVELOPE_UNKNOWN_KEY'));
  assert.throws(() => crypto.open(a, envelope), code('ENVELOPE_AUTHENTICATION'));
  assert.throws(() => crypto.open(a, envelope, { context: 'orders/18' }), crypto.EnvelopeError);
  const moved = crypto.reseal([b, a], b, envelope, { context: 'orders/17' });
  assert.equal(crypto.keyId(moved), 'b');
  assert.equal(crypto.open(b, moved, { context: 'orders/17' }).toString(), 'card 4242');
  assert.equal(a.sealed, 1);
  const used = new crypto.SealKey('a', Buffer.alloc(32), { sealed: 2 ** 32 });
  assert.throws(() => crypto.seal(used, 'x'), code('ENVELOPE_EXHAUSTED'));
});

test('sealing into a buffer is an envelope, opens again and leaves nothing where it does not', () => {
  const a = key();
  for (const length of [0, 1, 1000, 1 << 20]) {
    const data = randomBytes(length);
    const target = Buffer.alloc(crypto.sealedLength(length) + 5);
    const parts = crypto.sealInto(a, data, target, { context: 'c' });
    assert.equal(parts.length, length + 28);
    const sealed = target.subarray(0, parts.length);
    const opened = new Uint8Array(length);
    assert.equal(crypto.openInto(a, parts.protected, sealed, opened, { context: 'c' }), length);
    assert.ok(data.equals(opened));
    const text = crypto.compact(parts.protected, sealed);
    assert.ok(crypto.open(a, text, { context: 'c' }).equals(data));
    sealed[sealed.length - 1] ^= 1;
    opened.fill(7);
    assert.throws(() => crypto.openInto(a, parts.protected, sealed, opened, { context: 'c' }), code('ENVELOPE_AUTHENTICATION'));
    assert.ok(opened.every((byte) => byte === 0));
  }
});

test("the manual's envelopes open and are sealed again", () => {
  const raw = randomBytes(32);
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', raw, iv);
  cipher.setAAD(Buffer.from('orders/17'));
  const ciphertext = Buffer.concat([cipher.update('{"card":"4242"}'), cipher.final()]);
  const older = { iv, ciphertext, tag: cipher.getAuthTag() };
  for (const name of Object.keys(older)) older[name] = older[name].toString('base64');
  const own = new crypto.SealKey('a', raw);
  assert.equal(crypto.openManual(own, older, { context: 'orders/17' }).toString(), '{"card":"4242"}');
  assert.equal(crypto.openManual(own, JSON.stringify(older), { context: 'orders/17' }).length, 15);
  const newer = crypto.resealManual(own, older, { context: 'orders/17' });
  assert.equal(crypto.open(own, newer, { context: 'orders/17' }).length, 15);
  assert.deepEqual(crypto.decryptJson(raw, older, 'orders/17'), { card: '4242' });
  assert.throws(() => crypto.openManual(own, older, { context: 'orders/18' }), code('ENVELOPE_AUTHENTICATION'));
  const short = { ...older, tag: older.tag.slice(0, 6) };
  assert.throws(() => crypto.openManual(own, short), code('ENVELOPE_MALFORMED'));
});

test("the manual's functions work by their own names", async () => {
  const raw = randomBytes(32);
  const value = { card: '4242', amount: 17 };
  assert.deepEqual(crypto.decryptJson(raw, crypto.encryptJson(raw, value, 'orders/17'), 'orders/17'), value);
  assert.throws(() => crypto.decryptJson(raw, crypto.encryptJson(raw, value, 'orders/17'), 'orders/18'), crypto.EnvelopeError);
  const encoded = await crypto.hashPassword('correct horse');
  assert.equal(await crypto.verifyPassword('correct horse', encoded), true);
  assert.equal(await crypto.verifyPassword('correct horsf', encoded), false);
  const salt = randomBytes(16);
  const manual = `scrypt$32768$8$1$${salt.toString('base64')}$${scryptSync('correct horse', salt, 64, { N: 32768, r: 8, p: 1, maxmem: 64 << 20 }).toString('base64')}`;
  assert.equal(await crypto.verifyPassword('correct horse', manual), true);
  assert.deepEqual(await new crypto.Hasher().verify('correct horse', manual), { ok: true, rehash: true });
});

test('a token is valid until it expires or is revoked, and the store never sees it', async () => {
  const seen = [];
  const memory = new crypto.MemoryTokenStore();
  const store = {
    insert: async (...values) => (seen.push(values), memory.insert(...values)),
    find: async (locator) => memory.find(locator),
    revoke: async (id, at) => memory.revoke(id, at),
  };
  const tokens = new crypto.Tokens({ key: Buffer.alloc(32, 7), prefix: 'orders', store });
  const now = new Date(1_000_000);
  const { token, entry } = await tokens.issue({ note: 'the shop', expires: new Date(2_000_000), now });
  assert.match(token, /^orders_[0-9A-Za-z]{36}$/);
  assert.ok(!JSON.stringify(seen).includes(token.slice(7)));
  assert.deepEqual(await tokens.verify(token, { now }), { ok: true, standing: 'valid', entry });
  const admins = new crypto.Tokens({ key: Buffer.alloc(32, 7), prefix: 'admin', store });
  assert.equal((await admins.verify(token, { now })).standing, 'unknown');
  assert.equal((await tokens.verify(token, { now: new Date(2_000_000) })).standing, 'expired');
  assert.equal((await tokens.revoke(entry.id, { now })).revoked, 1000);
  assert.equal((await tokens.verify(token, { now })).standing, 'revoked');
  assert.equal(await tokens.revoke('nobody'), undefined);
  const other = new crypto.Tokens({ key: Buffer.alloc(32, 8), prefix: 'orders', store });
  assert.equal((await other.verify(token)).standing, 'unknown');
  for (const text of ['', 'orders_', token.slice(0, -1), `${token}x`, 'x'.repeat(10_000), 'ö_x']) {
    assert.equal((await tokens.verify(text)).standing, 'malformed');
  }
  assert.throws(() => new crypto.Tokens({ key: Buffer.alloc(31), prefix: 'orders', store }), code('TOKEN_KEY'));
  await assert.rejects(() => new crypto.Tokens({ key: Buffer.alloc(32), prefix: 'X', store }).issue(), code('TOKEN_PREFIX'));
});

test('a signature fits its key, its algorithm and its window only', async () => {
  for (const algorithm of ['EdDSA', 'ES256', 'PS256']) {
    const signing = await crypto.SigningKey.generate(algorithm, 'k1');
    const keys = new crypto.KeySet().add(signing.verifyingKey, { until: new Date(5000) });
    const now = new Date(1000);
    const jws = await crypto.signJwsAsync(signing, 'payload', { typ: 'x' });
    const verified = crypto.verifyJws(keys, jws, { now });
    assert.deepEqual([verified.kid, verified.typ, verified.payload.toString()], ['k1', 'x', 'payload']);
    assert.throws(() => crypto.verifyJws(keys, jws), code('SIGNATURE_OUTSIDE_WINDOW'));
    const none = `${Buffer.from('{"alg":"none","kid":"k1"}').toString('base64url')}.${jws.split('.')[1]}.`;
    assert.throws(() => crypto.verifyJws(keys, none, { now }), code('SIGNATURE_ALGORITHM'));
    const again = new crypto.SigningKey(algorithm, 'k2', signing.toPkcs8());
    assert.throws(() => crypto.verifyJws(keys, crypto.signJws(again, 'x'), { now }), code('SIGNATURE_UNKNOWN_KEY'));
    const bare = again.sign('message');
    assert.ok(signing.verifyingKey.verify('message', bare));
    assert.ok(!signing.verifyingKey.verify('messagf', bare));
    const pem = `-----BEGIN PRIVATE KEY-----\n${signing.toPkcs8().toString('base64')}\n-----END PRIVATE KEY-----\n`;
    assert.equal(new crypto.SigningKey(algorithm, 'k1', pem).verifyingKey.toJWK().kid, 'k1');
    assert.equal(new crypto.VerifyingKey(signing.verifyingKey.toJWK()).algorithm, algorithm);
  }
  assert.throws(() => new crypto.VerifyingKey({ kty: 'oct', k: 'AAAA', kid: 'x' }), code('SIGNATURE_KEY'));
  assert.throws(() => new crypto.KeySet({ keys: [] }), code('SIGNATURE_MALFORMED'));
});

test('claims say for whom and until when a token counts', async () => {
  const signing = await crypto.SigningKey.generate('EdDSA', 'k1');
  const keys = new crypto.KeySet().add(signing.verifyingKey);
  const jwt = crypto.signJwt(signing, { sub: 'alice' }, { issuer: 'i', audience: 'a', lifetime: 60_000 });
  assert.equal(crypto.verifyJwt(keys, jwt, { issuer: 'i', audience: 'a' }).claims.sub, 'alice');
  for (const wrong of [
    { issuer: 'j', audience: 'a' },
    { issuer: 'i', audience: 'b' },
    { issuer: 'i', audience: 'a', now: new Date(Date.now() + 200_000) },
    { issuer: 'i', audience: 'a', lifetime: 30_000 },
  ]) {
    assert.throws(() => crypto.verifyJwt(keys, jwt, wrong), code('SIGNATURE_CLAIM'));
  }
});

test('a keyring refuses the step that would break verification, and says from when it is possible', () => {
  const wrap = key('kek', 9);
  const start = new Date(1_000_000_000);
  const ring = crypto.Keyring.create('orders', 'es256', wrap, { now: start, policy: { cache: 60_000, skew: 1000, tokenLife: 10_000 } });
  const before = crypto.signJws(ring.signingKey(wrap), 'x');
  const step = ring.rotate(wrap, { now: start });
  assert.equal(step.takesOverFrom.getTime(), start.getTime() + 61_000);
  assert.throws(() => ring.rotate(wrap, { now: start }), (error) => error.code === 'ERR_RINGFENCE_KEYRING_REFUSED' && error.possibleFrom.getTime() === step.takesOverFrom.getTime());
  const over = ring.rotate(wrap, { now: step.takesOverFrom });
  assert.deepEqual([over.step, over.before.kid], ['took-over', 'orders-1']);
  assert.equal(crypto.verifyJws(ring.verifyingKeys(), before, { now: step.takesOverFrom }).kid, 'orders-1');
  assert.throws(() => ring.retire('orders-1', { now: step.takesOverFrom }), code('KEYRING_REFUSED'));
  ring.retire('orders-1', { now: over.before.retiresFrom });
  assert.deepEqual(ring.keys().map(({ state }) => state), ['retired', 'active']);
  assert.deepEqual(ring.jwks().keys.map(({ kid }) => kid), ['orders-2']);
  const read = crypto.Keyring.parse(ring.text(wrap), wrap);
  assert.throws(() => crypto.Keyring.parse(ring.text(wrap), key('kek', 8)), code('KEYRING_SEALED'));
  assert.throws(() => crypto.Keyring.parse(ring.text(wrap).replace('"retired"', '"retiring"'), wrap), crypto.KeyringError);
  assert.throws(() => read.signingKey(key('kek', 8)), code('KEYRING_SEALED'));
  read.rewrap(wrap, key('kek-2', 8));
  assert.equal(read.signingKey(key('kek-2', 8)).kid, 'orders-2');
  const seals = crypto.Keyring.create('boxes', 'a256gcm', wrap);
  const envelope = crypto.seal(seals.sealingKey(wrap), 'data');
  assert.equal(crypto.open(seals.openingKeys(wrap), envelope).toString(), 'data');
  assert.throws(() => seals.signingKey(wrap), code('KEYRING_REFUSED'));
  assert.throws(() => crypto.Keyring.parse('{}'), code('KEYRING_MALFORMED'));
});

test('a tag fits its message and its secret only', () => {
  const secret = new crypto.HmacKey('secret');
  const tag = secret.sign('message');
  assert.equal(tag.length, 32);
  const target = new Uint8Array(40);
  assert.equal(secret.signInto('message', target), 32);
  assert.ok(tag.equals(target.subarray(0, 32)));
  assert.ok(secret.verify('message', tag));
  assert.ok(!secret.verify('message', tag.subarray(0, 31)));
  assert.ok(!secret.verify('messagf', tag));
  assert.ok(!new crypto.HmacKey('secreu').verify('message', tag));
  assert.throws(() => new crypto.HmacKey(''), code('INVALID_ARGUMENT'));
});

test('keys show a placeholder, wherever they are printed', async () => {
  const raw = Buffer.from('hunter2-hunter2-hunter2-hunter2-');
  const signing = await crypto.SigningKey.generate('EdDSA', 'k1');
  const things = [
    new crypto.SealKey('a', raw),
    new crypto.HmacKey(raw),
    new crypto.Tokens({ key: raw, prefix: 'orders', store: new crypto.MemoryTokenStore() }),
    signing,
    crypto.Keyring.create('r', 'eddsa', new crypto.SealKey('a', raw)),
    new crypto.Hasher(),
  ];
  for (const thing of things) {
    const name = `[${thing.constructor.name}`;
    for (const shown of [inspect(thing), inspect({ thing }, { showHidden: true, depth: 9 }), JSON.stringify({ thing }), `${thing}`]) {
      assert.ok(shown.includes(name), shown);
      assert.ok(!/hunter2|68756e74|aHVudG/.test(shown), shown);
    }
    assert.deepEqual(Object.keys(thing), []);
  }
});

test('refusals are published, and what is published holds no secret', async (t) => {
  const heard = [];
  const listen = (message) => heard.push(message);
  subscribe('ringfence.crypto.refused', listen);
  t.after(() => unsubscribe('ringfence.crypto.refused', listen));
  assert.throws(() => crypto.open(key(), 'hunter2.hunter2'));
  const tokens = new crypto.Tokens({ key: Buffer.alloc(32), prefix: 'orders', store: new crypto.MemoryTokenStore() });
  await tokens.verify('hunter2');
  new crypto.HmacKey('hunter2').verify('hunter2', Buffer.alloc(32));
  await assert.rejects(() => new crypto.Hasher().verify('hunter2', 'hunter2'));
  assert.throws(() => crypto.open(key(), 17), code('INVALID_ARGUMENT'));
  assert.deepEqual(
    heard.map(({ operation, code }) => [operation, code.slice(14)]),
    [
      ['envelope.open', 'ENVELOPE_MALFORMED'],
      ['token.verify', 'TOKEN_MALFORMED'],
      ['hmac.verify', 'HMAC_AUTHENTICATION'],
      ['password.verify', 'PASSWORD_MALFORMED'],
    ],
  );
  assert.ok(!JSON.stringify(heard).includes('hunter2'));
});
