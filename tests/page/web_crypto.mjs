// Runs in a browser and in Node alike: what Rust sealed and signed goes through the module under
// test, and what Web Crypto seals and signs comes back for Rust.

const encoder = new TextEncoder();

const text = (bytes) =>
  btoa(Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join(''))
    .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const bytes = (base64url) =>
  Uint8Array.from(atob(base64url.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));

/** What came out, or the code of the error; anything else is a fault. */
async function outcome(ringfence, act) {
  try {
    return { payload: text(await act()) };
  } catch (error) {
    return { code: error instanceof ringfence.CryptoError ? error.code : `untyped: ${error}` };
  }
}

async function seal(kid, raw, context, data) {
  const header = { alg: 'dir', enc: 'A256GCM', kid };
  if (context !== '') header.ctx = text(await crypto.subtle.digest('SHA-256', encoder.encode(context)));
  const front = text(encoder.encode(JSON.stringify(header)));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const key = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt']);
  const additionalData = encoder.encode(front);
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, key, encoder.encode(data)));
  const end = sealed.length - 16;
  return `${front}..${text(iv)}.${text(sealed.slice(0, end))}.${text(sealed.slice(end))}`;
}

async function sign(alg, make, use, data) {
  const pair = await crypto.subtle.generateKey(make, true, ['sign', 'verify']);
  const { kty, crv, x, y, n, e } = await crypto.subtle.exportKey('jwk', pair.publicKey);
  const front = text(encoder.encode(JSON.stringify({ alg, kid: `web-${alg}` })));
  const signed = `${front}.${text(encoder.encode(data))}`;
  const signature = await crypto.subtle.sign(use, pair.privateKey, encoder.encode(signed));
  return { jwk: { kty, crv, x, y, n, e, alg, kid: `web-${alg}` }, jws: `${signed}.${text(signature)}` };
}

export async function run(ringfence, vectors) {
  const keys = await Promise.all(vectors.keys.map(({ kid, raw }) => ringfence.OpenKey.import(kid, bytes(raw))));
  const set = await ringfence.KeySet.fromJwks(JSON.stringify(vectors.jwks));
  const results = {};
  for (const { name, envelope, context } of vectors.envelopes) {
    results[name] = await outcome(ringfence, () => ringfence.open(keys, envelope, context));
  }
  for (const { name, jws } of vectors.signed) {
    results[name] = await outcome(ringfence, async () => (await ringfence.verifyJws(set, jws)).payload);
  }
  for (const { name, jwks } of vectors.sets) {
    results[name] = await outcome(ringfence, async () => new Uint8Array([(await ringfence.KeySet.fromJwks(jwks)).size]));
  }
  results['a key that is no bytes'] = await outcome(ringfence, () => ringfence.OpenKey.import('a', 'text'));
  results['a short key'] = await outcome(ringfence, () => ringfence.OpenKey.import('a', new Uint8Array(16)));
  results['keys that are none'] = await outcome(ringfence, () => ringfence.open([{}], 'x'));
  const [{ kid, raw }] = vectors.keys;
  const sealed = await Promise.all(['', 'orders/17'].map(async (context) => (
    { context, envelope: await seal(kid, bytes(raw), context, `sealed for ${context}`) })));
  const rsa = { name: 'RSA-PSS', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' };
  const signed = [
    await sign('EdDSA', { name: 'Ed25519' }, { name: 'Ed25519' }, 'signed'),
    await sign('ES256', { name: 'ECDSA', namedCurve: 'P-256' }, { name: 'ECDSA', hash: 'SHA-256' }, 'signed'),
    await sign('PS256', rsa, { name: 'RSA-PSS', saltLength: 32 }, 'signed'),
  ];
  return { results, sealed, signed };
}
