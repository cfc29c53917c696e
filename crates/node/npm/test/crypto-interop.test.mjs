// What others make opens and verifies here, and what is made here with them: Web Crypto of each
// Node, and npm `jose`.
import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import test from 'node:test';
import * as crypto from 'ringfence/crypto';
import * as jose from './interop/jose.mjs';

const { subtle } = webcrypto;
const encoded = (bytes) => Buffer.from(bytes).toString('base64url');
const decoded = (text) => Buffer.from(text, 'base64url');
const text = (value) => new TextEncoder().encode(value);

const WEB = {
  EdDSA: { key: { name: 'Ed25519' }, sign: { name: 'Ed25519' } },
  ES256: { key: { name: 'ECDSA', namedCurve: 'P-256' }, sign: { name: 'ECDSA', hash: 'SHA-256' } },
  PS256: {
    key: { name: 'RSA-PSS', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
    sign: { name: 'RSA-PSS', saltLength: 32 },
  },
};

/** Opens a JWE with Web Crypto's own functions only. */
async function openByWeb(raw, jwe, additional) {
  const [header, , iv, ciphertext, tag] = jwe.split('.');
  const key = await subtle.importKey('raw', raw, 'AES-GCM', false, ['decrypt']);
  const params = { name: 'AES-GCM', iv: decoded(iv), additionalData: text(additional ?? header), tagLength: 128 };
  return Buffer.from(await subtle.decrypt(params, key, Buffer.concat([decoded(ciphertext), decoded(tag)])));
}

/** Seals a JWE with Web Crypto's own functions only. */
async function sealByWeb(raw, header, data) {
  const key = await subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt']);
  const iv = webcrypto.getRandomValues(new Uint8Array(12));
  const protectedHeader = encoded(JSON.stringify(header));
  const params = { name: 'AES-GCM', iv, additionalData: text(protectedHeader), tagLength: 128 };
  const sealed = Buffer.from(await subtle.encrypt(params, key, data));
  return [protectedHeader, '', encoded(iv), encoded(sealed.subarray(0, -16)), encoded(sealed.subarray(-16))].join('.');
}

test('Web Crypto opens what is sealed here, and not what was changed', async () => {
  const raw = webcrypto.getRandomValues(new Uint8Array(32));
  const key = new crypto.SealKey('orders-1', raw);
  for (const length of [0, 1, 15, 16, 1000]) {
    const data = Buffer.alloc(length, 7);
    const jwe = crypto.seal(key, data, { context: 'orders/17' });
    assert.ok((await openByWeb(raw, jwe)).equals(data));
    const target = Buffer.alloc(crypto.sealedLength(length));
    const { protected: header } = crypto.sealInto(key, data, target);
    assert.ok((await openByWeb(raw, crypto.compact(header, target))).equals(data));
  }
  const parts = crypto.seal(key, 'data').split('.');
  const changed = [...parts.slice(0, 4), encoded(decoded(parts[4]).map((byte, at) => (at === 0 ? byte ^ 1 : byte)))];
  await assert.rejects(() => openByWeb(raw, changed.join('.')), { name: 'OperationError' });
});

test('what Web Crypto seals opens here', async () => {
  const raw = webcrypto.getRandomValues(new Uint8Array(32));
  const key = new crypto.SealKey('orders-1', raw);
  for (const data of ['', 'x', 'y'.repeat(1000)]) {
    const jwe = await sealByWeb(raw, { alg: 'dir', enc: 'A256GCM', kid: 'orders-1' }, text(data));
    assert.equal(crypto.open(key, jwe).toString(), data);
  }
  const ctx = encoded(await subtle.digest('SHA-256', text('orders/17')));
  const bound = await sealByWeb(raw, { alg: 'dir', enc: 'A256GCM', kid: 'orders-1', ctx }, text('data'));
  assert.equal(crypto.open(key, bound, { context: 'orders/17' }).toString(), 'data');
  assert.throws(() => crypto.open(key, bound), crypto.EnvelopeError);
});

for (const [algorithm, { key: params, sign }] of Object.entries(WEB)) {
  test(`Web Crypto verifies ${algorithm} made here`, async () => {
    const own = await crypto.SigningKey.generate(algorithm, 'k1');
    const key = await subtle.importKey('jwk', own.verifyingKey.toJWK(), params, false, ['verify']);
    const [header, payload, signature] = crypto.signJws(own, 'payload').split('.');
    assert.ok(await subtle.verify(sign, key, decoded(signature), text(`${header}.${payload}`)));
    assert.ok(!(await subtle.verify(sign, key, decoded(signature), text(`${header}.${payload}x`))));
    assert.ok(await subtle.verify(sign, key, own.sign('message'), text('message')));
  });

  test(`${algorithm} made by Web Crypto verifies here`, async () => {
    const pair = await subtle.generateKey(params, true, ['sign', 'verify']);
    const { kty, crv, x, y, n, e } = await subtle.exportKey('jwk', pair.publicKey);
    const jwk = JSON.parse(JSON.stringify({ kty, crv, x, y, n, e, kid: 'k1', alg: algorithm, use: 'sig' }));
    const keys = new crypto.KeySet({ keys: [jwk] });
    const signed = `${encoded(JSON.stringify({ alg: algorithm, kid: 'k1' }))}.${encoded('payload')}`;
    const signature = new Uint8Array(await subtle.sign(sign, pair.privateKey, text(signed)));
    assert.equal(crypto.verifyJws(keys, `${signed}.${encoded(signature)}`).payload.toString(), 'payload');
    signature[9] ^= 1;
    assert.throws(() => crypto.verifyJws(keys, `${signed}.${encoded(signature)}`), crypto.SignatureError);
    const pkcs8 = new Uint8Array(await subtle.exportKey('pkcs8', pair.privateKey));
    const own = new crypto.SigningKey(algorithm, 'k1', pkcs8);
    assert.equal(crypto.verifyJws(keys, crypto.signJws(own, 'again')).payload.toString(), 'again');
  });

  test(`jose verifies ${algorithm} made here, and back`, async () => {
    const own = await crypto.SigningKey.generate(algorithm, 'k1');
    const keys = new crypto.KeySet().add(own.verifyingKey);
    const jwks = jose.createLocalJWKSet(keys.toJWKS());
    const expected = { issuer: 'orders', audience: 'shop' };
    const made = crypto.signJwt(own, { sub: 'alice' }, { ...expected, lifetime: 60_000 });
    const { payload, protectedHeader } = await jose.jwtVerify(made, jwks, expected);
    assert.deepEqual([payload.sub, protectedHeader.kid, protectedHeader.alg], ['alice', 'k1', algorithm]);

    const pem = `-----BEGIN PRIVATE KEY-----\n${own.toPkcs8().toString('base64')}\n-----END PRIVATE KEY-----`;
    const theirs = await jose.importPKCS8(pem, algorithm);
    const back = await new jose.SignJWT({ sub: 'bob' })
      .setProtectedHeader({ alg: algorithm, kid: 'k1', typ: 'JWT' })
      .setIssuer('orders')
      .setAudience('shop')
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(theirs);
    assert.equal(crypto.verifyJwt(keys, back, expected).claims.sub, 'bob');
    const late = { ...expected, now: new Date(Date.now() + 600_000) };
    assert.throws(() => crypto.verifyJwt(keys, back, late), { code: 'ERR_RINGFENCE_SIGNATURE_CLAIM' });
  });
}

test('jose opens what is sealed here, and back', async () => {
  const raw = webcrypto.getRandomValues(new Uint8Array(32));
  const key = new crypto.SealKey('orders-1', raw);
  const { plaintext, protectedHeader } = await jose.compactDecrypt(crypto.seal(key, 'data'), raw);
  assert.equal(Buffer.from(plaintext).toString(), 'data');
  assert.equal(protectedHeader.kid, 'orders-1');
  const back = await new jose.CompactEncrypt(text('back'))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: 'orders-1' })
    .encrypt(raw);
  assert.equal(crypto.open(key, back).toString(), 'back');
  const other = await new jose.CompactEncrypt(text('back'))
    .setProtectedHeader({ alg: 'dir', enc: 'A128CBC-HS256', kid: 'orders-1' })
    .encrypt(raw);
  assert.throws(() => crypto.open(key, other), { code: 'ERR_RINGFENCE_ENVELOPE_ALGORITHM' });
});

test("the manual's HMAC example makes the same tags here and by Web Crypto", async () => {
  const enc = new TextEncoder();
  async function hmacSha256(secret, message) {
    const key = await subtle.importKey('raw', enc.encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    const signature = await subtle.sign('HMAC', key, enc.encode(message));
    return Buffer.from(signature).toString('base64url');
  }
  for (const [secret, message] of [['s', ''], ['secret', 'message'], ['ключ', 'x'.repeat(5000)]]) {
    const theirs = await hmacSha256(secret, message);
    assert.equal(await crypto.hmacSha256(secret, message), theirs);
    assert.ok(new crypto.HmacKey(secret).verify(message, decoded(theirs)));
    const key = await subtle.importKey('raw', enc.encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
    assert.ok(await subtle.verify('HMAC', key, new crypto.HmacKey(secret).sign(message), enc.encode(message)));
  }
});
