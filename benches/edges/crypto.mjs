// Cryptography: ringfence/crypto beside node:crypto and @node-rs/argon2, doing the same work.

import nodeRs from '@node-rs/argon2';
import * as node from 'node:crypto';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';

const ours = createRequire(import.meta.url)('../../crates/node/npm/crypto.js');
const KIB = 1024;
const MIB = 1024 * KIB;

export async function cases() {
  return [
    ...(await passwords('19 MiB', 19 * KIB, 2)),
    ...(await passwords('64 MiB', 64 * KIB, 3)),
    ...envelopes(),
    ...large(),
    hmac(),
    ...(await signatures('Ed25519', 'EdDSA', 'ed25519', {}, null)),
    ...(await signatures('P-256', 'ES256', 'ec', { namedCurve: 'P-256' }, 'sha256')),
    ...(await information()),
  ];
}

/** One act, many times, one after the other. */
function times(act) {
  return (count) => {
    for (let number = 0; number < count; number++) act();
  };
}

/** The same for what answers later. */
function turns(act) {
  return async (count) => {
    for (let number = 0; number < count; number++) await act();
  };
}

async function passwords(size, memory, passes) {
  const hasher = new ours.Hasher({ policy: { memory, passes, lanes: 1 }, atOnce: 1 });
  const ringfence = turns(() => hasher.hash('correct horse battery'));
  const options = { algorithm: nodeRs.Algorithm.Argon2id, memoryCost: memory, timeCost: passes, parallelism: 1 };
  const peer = turns(() => nodeRs.hash('correct horse battery', options));
  const hash = promisify(node.argon2);
  const own = turns(() =>
    hash('argon2id', {
      message: 'correct horse battery',
      nonce: node.randomBytes(16),
      parallelism: 1,
      tagLength: 32,
      memory,
      passes,
    }));
  // The control: all three make the same hash.
  const stored = await hasher.hash('correct horse battery');
  if (!(await nodeRs.verify(stored, 'correct horse battery'))) throw new Error('the peer disagrees');
  return [
    { name: `Argon2id ${size}, of @node-rs/argon2`, ways: { bare: peer, again: peer, ringfence } },
    { name: `Argon2id ${size}, of node:crypto`, ways: { bare: own, again: own, ringfence } },
  ];
}

/** A JWE as node:crypto makes it by hand, letter for letter of the same form. */
function byHand(key) {
  const header = Buffer.from(JSON.stringify({ alg: 'dir', enc: 'A256GCM', kid: 'k1' })).toString('base64url');
  return {
    seal(data) {
      const iv = node.randomBytes(12);
      const cipher = node.createCipheriv('aes-256-gcm', key, iv);
      cipher.setAAD(Buffer.from(header));
      const sealed = Buffer.concat([cipher.update(data), cipher.final()]);
      const parts = [iv, sealed, cipher.getAuthTag()].map((part) => part.toString('base64url'));
      return `${header}..${parts.join('.')}`;
    },
    open(envelope) {
      const [head, , ...parts] = envelope.split('.');
      const [iv, sealed, tag] = parts.map((part) => Buffer.from(part, 'base64url'));
      const decipher = node.createDecipheriv('aes-256-gcm', key, iv);
      decipher.setAAD(Buffer.from(head));
      decipher.setAuthTag(tag);
      return Buffer.concat([decipher.update(sealed), decipher.final()]);
    },
  };
}

/** The cipher alone, as node:crypto has it: nonce, ciphertext and tag in bytes. */
function bytes(key) {
  return {
    seal(data) {
      const iv = node.randomBytes(12);
      const cipher = node.createCipheriv('aes-256-gcm', key, iv);
      return [iv, cipher.update(data), cipher.final(), cipher.getAuthTag()];
    },
    open([iv, sealed, last, tag]) {
      const decipher = node.createDecipheriv('aes-256-gcm', key, iv);
      decipher.setAuthTag(tag);
      return [decipher.update(sealed), decipher.update(last), decipher.final()];
    },
  };
}

function envelopes() {
  const [key, data] = [node.randomBytes(32), node.randomBytes(KIB)];
  const [own, text] = [new ours.SealKey('k1', key), byHand(key)];
  const [bare, target, back] = [bytes(key), Buffer.alloc(KIB + 64), Buffer.alloc(KIB)];
  const envelope = ours.seal(own, data);
  const [written, raw] = [text.seal(data), bare.seal(data)];
  const { protected: header, length } = ours.sealInto(own, data, target);
  const sealed = Buffer.from(target.subarray(0, length));
  if (!text.open(envelope).equals(data)) throw new Error('node:crypto does not open our envelope');
  return [
    case3('AES-256-GCM seal 1 KiB, a JWE, of node:crypto', () => text.seal(data), () => ours.seal(own, data)),
    case3('AES-256-GCM open 1 KiB, a JWE, of node:crypto', () => text.open(written), () => ours.open(own, envelope)),
    case3('AES-256-GCM seal 1 KiB, bytes, of node:crypto', () => bare.seal(data), () => ours.sealInto(own, data, target)),
    case3('AES-256-GCM open 1 KiB, bytes, of node:crypto', () => bare.open(raw), () => ours.openInto(own, header, sealed, back)),
  ];
}

function large() {
  const [key, data] = [node.randomBytes(32), node.randomBytes(MIB)];
  const [own, bare] = [new ours.SealKey('k1', key), bytes(key)];
  const [target, back] = [Buffer.alloc(MIB + 64), Buffer.alloc(MIB)];
  const raw = bare.seal(data);
  const { protected: header, length } = ours.sealInto(own, data, target);
  const sealed = Buffer.from(target.subarray(0, length));
  return [
    case3('AES-256-GCM seal 1 MiB, into a buffer, of node:crypto', () => bare.seal(data), () => ours.sealInto(own, data, target)),
    case3('AES-256-GCM open 1 MiB, into a buffer, of node:crypto', () => bare.open(raw), () => ours.openInto(own, header, sealed, back)),
  ];
}

function hmac() {
  const [secret, data] = [node.randomBytes(32), node.randomBytes(KIB)];
  const key = new ours.HmacKey(secret);
  const object = node.createSecretKey(secret);
  const theirs = () => node.createHmac('sha256', object).update(data).digest();
  if (!key.sign(data).equals(theirs())) throw new Error('the tags differ');
  return case3('HMAC-SHA256 1 KiB, of node:crypto', theirs, () => key.sign(data));
}

async function signatures(title, algorithm, type, options, digest) {
  const { privateKey, publicKey } = node.generateKeyPairSync(type, options);
  const own = new ours.SigningKey(algorithm, 'k1', privateKey.export({ format: 'der', type: 'pkcs8' }));
  const verifying = own.verifyingKey;
  const message = node.randomBytes(256);
  const encoding = 'ieee-p1363';
  const theirs = () => node.sign(digest, message, { key: privateKey, dsaEncoding: encoding });
  const checks = (signature) => node.verify(digest, message, { key: publicKey, dsaEncoding: encoding }, signature);
  const signature = own.sign(message);
  if (!checks(signature) || !verifying.verify(message, theirs())) throw new Error('the signatures differ');
  return [
    case3(`${title} sign, of node:crypto`, theirs, () => own.sign(message)),
    case3(`${title} verify, of node:crypto`, () => checks(signature), () => verifying.verify(message, signature)),
  ];
}

/** Without a limit: what there is no like of. */
async function information() {
  const [left, right] = [node.randomBytes(32), node.randomBytes(32)];
  const store = new ours.MemoryTokenStore();
  const tokens = new ours.Tokens({ key: node.randomBytes(32), prefix: 'orders', store });
  const { token } = await tokens.issue({});
  const table = new Map([[node.createHash('sha256').update(token).digest('hex'), {}]]);
  const hashed = async () => table.get(node.createHash('sha256').update(token).digest('hex'));
  const [look, known] = [turns(hashed), turns(() => tokens.verify(token))];
  return [
    case3('secretEquals, of timingSafeEqual', () => node.timingSafeEqual(left, right), () => ours.secretEquals(left, right)),
    { name: 'token verification, of a SHA-256 and a Map', ways: { bare: look, again: look, ringfence: known } },
  ];
}

function case3(name, theirs, act) {
  return { name, ways: { bare: times(theirs), again: times(theirs), ringfence: times(act) } };
}
