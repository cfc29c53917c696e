// The field manual's own code, word for word from tests/manual/snippets: as it is, with its import
// changed alone, or beside what this package has in its place.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as crypto from 'ringfence/crypto';
import * as guard from 'ringfence/guard';

const here = path.dirname(fileURLToPath(import.meta.url));
const npm = path.dirname(here);
const snippets = path.resolve(here, '../../../../tests/manual/snippets');
const manual = (name) => fs.readFileSync(path.join(snippets, name), 'utf8');
const top = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-manual-'));
after(() => fs.rmSync(top, { recursive: true }));

/** A folder of its own with these files, from which `ringfence` can be imported. */
function project(files) {
  const folder = fs.mkdtempSync(path.join(top, 'project-'));
  fs.mkdirSync(path.join(folder, 'node_modules'));
  fs.symlinkSync(npm, path.join(folder, 'node_modules/ringfence'));
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

/** Runs this Node there: its exit code and what it said. */
function node(folder, ...words) {
  // What else a machine has set makes Node say more.
  const env = { PATH: process.env.PATH };
  return new Promise((resolve) => {
    execFile(process.execPath, words, { cwd: folder, env }, (error, stdout, stderr) => resolve({ code: error ? error.code : 0, said: `${stdout}${stderr}` }));
  });
}

/** What a snippet exports, as the manual has it. */
const exported = (name) => import(path.join(snippets, name));

test("the manual's two upload tests pass as they are over a policy of ours", async () => {
  const ours = (folder) => `import { Root } from 'ringfence/guard';
const root = new Root(${JSON.stringify(folder)});
export const resolveUploadPath = (userPath) => root.resolve(userPath);
`;
  const joined = (folder) => `import path from 'node:path';
export const resolveUploadPath = (userPath) => path.join(${JSON.stringify(folder)}, userPath);
`;
  const uploads = path.join(top, 'uploads');
  fs.mkdirSync(uploads);
  const policies = [[ours(uploads), 0], [manual('path-traversal.mjs'), 0], [joined(uploads), 1]];
  for (const [policy, code] of policies) {
    const folder = project({ 'src/path-policy.mjs': policy, 'test/upload.test.mjs': manual('upload-tests.mjs') });
    const run = await node(folder, '--test', 'test/upload.test.mjs');
    assert.equal(run.code, code, run.said);
    assert.match(run.said, code === 0 ? /pass 2\b/ : /fail 2\b/);
  }
});

test("a path that the manual's guard accepts comes out the same, and a link that leads out does not open", async () => {
  const uploads = path.join(top, 'linked');
  fs.mkdirSync(path.join(uploads, 'a'), { recursive: true });
  fs.writeFileSync(path.join(uploads, 'a/kept.txt'), 'kept');
  fs.writeFileSync(path.join(top, 'secrets.env'), 'hunter2');
  fs.symlinkSync(top, path.join(uploads, 'out'));
  const source = manual('path-traversal.mjs').replace('/srv/app/uploads', uploads);
  const { resolveUploadPath } = await import(path.join(project({ 'policy.mjs': source }), 'policy.mjs'));
  const root = new guard.Root(uploads);
  assert.equal(root.resolve('a/kept.txt'), resolveUploadPath('a/kept.txt'));
  assert.equal(await root.readFile('a/kept.txt', 'utf8'), 'kept');
  for (const leads of ['../secrets.env', `${uploads}2/x`]) {
    assert.throws(() => resolveUploadPath(leads), /escapes/);
    assert.throws(() => root.resolve(leads), /escapes/);
  }
  // The control: the text is in order, and what is there is not.
  assert.equal(fs.readFileSync(resolveUploadPath('out/secrets.env'), 'utf8'), 'hunter2');
  await assert.rejects(() => root.readFile('out/secrets.env'), { name: 'GuardError' });
});

test("the manual's bad exec runs what is in a file name, and run does not", async () => {
  const userFile = 'x.png; touch injected #';
  const begin = `const userFile = ${JSON.stringify(userFile)};\n`;
  const folder = project({ 'bad.mjs': begin + manual('shell-bad.mjs') });
  await node(folder, 'bad.mjs');
  assert.ok(fs.existsSync(path.join(folder, 'injected')), 'the control');
  fs.rmSync(path.join(folder, 'injected'));
  fs.writeFileSync(path.join(folder, userFile), 'picture');
  const { code } = await guard.run('cp', [guard.userData(userFile), 'out.png'], { cwd: folder });
  assert.equal(code, 0);
  assert.equal(fs.readFileSync(path.join(folder, 'out.png'), 'utf8'), 'picture');
  assert.ok(!fs.existsSync(path.join(folder, 'injected')));
});

test("the manual's spawn runs with its import changed alone", async () => {
  // But for the program: `convert` need not be on this machine.
  const begin = "const safeInputPath = new URL('in.png', import.meta.url).pathname;\n";
  const better = manual('spawn-better.mjs').replace("'convert'", "'cp'");
  const changed = better.replace("'node:child_process'", "'ringfence/guard'");
  assert.notEqual(changed, better);
  for (const source of [better, changed]) {
    const folder = project({ 'in.png': 'picture', 'better.mjs': begin + source });
    assert.deepEqual(await node(folder, 'better.mjs'), { code: 0, said: '' });
    assert.equal(fs.readFileSync(path.join(folder, 'out.png'), 'utf8'), 'picture');
  }
});

test("passwords that the manual's code stored are verified by a program that changes its import alone", async () => {
  const theirs = await exported('password-hashing.mjs');
  const stored = await theirs.hashPassword('correct horse');
  assert.equal(await theirs.verifyPassword('correct horse', stored), true);
  const program = `import { hashPassword, verifyPassword } from 'MODULE';
const [password, wrong, stored] = process.argv.slice(2);
const own = await hashPassword(password);
console.log(await verifyPassword(password, stored), await verifyPassword(wrong, stored));
console.log(await verifyPassword(password, own), await verifyPassword(wrong, own));
`;
  for (const module of ['./snippet.mjs', 'ringfence/crypto']) {
    const folder = project({ 'snippet.mjs': manual('password-hashing.mjs'), 'main.mjs': program.replace('MODULE', module) });
    const run = await node(folder, 'main.mjs', 'correct horse', 'correct horsf', stored);
    assert.deepEqual(run, { code: 0, said: 'true false\ntrue false\n' }, module);
  }
  const { ok, rehash } = await new crypto.Hasher().verify('correct horse', stored);
  assert.ok(ok && rehash, 'it asks to be made again');
});

test("envelopes that the manual's code sealed are opened by a program that changes its import alone", async () => {
  const theirs = await exported('aead-encryption.mjs');
  const key = randomBytes(32);
  const sealed = JSON.stringify(theirs.encryptJson(key, { amount: 10 }, 'orders/17'));
  const program = `import { decryptJson, encryptJson } from 'MODULE';
const key = Buffer.from(process.argv[2], 'hex');
const envelopes = [JSON.parse(process.argv[3]), encryptJson(key, { amount: 10 }, 'orders/17')];
for (const envelope of envelopes) {
  console.log(decryptJson(key, envelope, 'orders/17').amount);
  try {
    console.log(decryptJson(key, envelope, 'orders/18'));
  } catch {
    console.log('refused');
  }
}
`;
  for (const module of ['./snippet.mjs', 'ringfence/crypto']) {
    const folder = project({ 'snippet.mjs': manual('aead-encryption.mjs'), 'main.mjs': program.replace('MODULE', module) });
    const run = await node(folder, 'main.mjs', key.toString('hex'), sealed);
    assert.deepEqual(run, { code: 0, said: '10\nrefused\n10\nrefused\n' }, module);
  }
});

test("a tag that the manual's Web Crypto example made is the one that is made here", async () => {
  const theirs = await exported('hmac.mjs');
  for (const [secret, message] of [['s', ''], ['secret', 'message'], ['ключ', 'x'.repeat(5000)]]) {
    const tag = await theirs.hmacSha256(secret, message);
    assert.equal(await crypto.hmacSha256(secret, message), tag);
    assert.ok(new crypto.HmacKey(secret).verify(message, Buffer.from(tag, 'base64url')));
  }
});

test("user ids are those of the manual's pattern, and the rest is its error", async () => {
  const theirs = await exported('user-id.mjs');
  const outcome = (parse, value) => {
    try {
      return parse(value);
    } catch ({ message, statusCode }) {
      return { message, statusCode };
    }
  };
  const values = ['abc', 'user_12-A', 'a'.repeat(64), 'ab', 'a'.repeat(65), '', 'a b', '../a', 'abc\n', 'аbc', 1, null, undefined, ['abc'], { toString: () => 'abc' }];
  for (const value of values) assert.deepEqual(outcome(guard.parseUserId, value), outcome(theirs.parseUserId, value), String(value));
  assert.deepEqual(outcome(guard.parseUserId, 'ab'), { message: 'invalid user id', statusCode: 400 });
});

test("outbound URLs that the manual's function refuses are refused too, and another port", async () => {
  const { parseOutboundUrl } = await exported('outbound-url.mjs');
  const allowed = guard.outbound(new Set(['api.stripe.com', 'api.github.com']));
  for (const raw of ['https://api.stripe.com/v1/charges?limit=3', 'https://API.github.com/', 'https://api.stripe.com:443/#x']) {
    assert.equal(allowed.parse(raw).href, parseOutboundUrl(raw).href);
  }
  for (const [raw, words] of [
    ['http://api.stripe.com/', /https required|https is$/], ['https://evil.example/', /host denied/], ['https://api.stripe.com.evil.example/', /host denied/],
    ['https://user:pass@api.stripe.com/', /embedded credentials/], ['https://169.254.169.254/', /host denied/],
  ]) {
    assert.throws(() => parseOutboundUrl(raw), words);
    assert.throws(() => allowed.parse(raw), words, raw);
  }
  // The manual looks at no port.
  assert.equal(parseOutboundUrl('https://api.stripe.com:8443/').port, '8443');
  assert.throws(() => allowed.parse('https://api.stripe.com:8443/'), { name: 'GuardError' });
});

test('a key that is held by a handle is in no heap snapshot, and one that is held as a text is', async () => {
  const own = "import { createPrivateKey, generateKeyPairSync } from 'node:crypto';\nimport fs from 'node:fs';\n";
  const made = `const { privateKey } = generateKeyPairSync('ed25519');
fs.writeFileSync('key.pem', privateKey.export({ format: 'pem', type: 'pkcs8' }));
`;
  const read = {
    // As lines 92 to 97 of the manual read it.
    text: "globalThis.held = fs.readFileSync('key.pem', 'utf8');\n",
    handle: `import { SigningKey } from 'ringfence/crypto';
const pem = fs.readFileSync('key.pem');
globalThis.held = new SigningKey('EdDSA', 'k1', pem);
pem.fill(0);
`,
  };
  const snapshot = "import v8 from 'node:v8';\nv8.writeHeapSnapshot('heap');\n";
  for (const [how, source] of Object.entries(read)) {
    const folder = project({ 'make.mjs': own + made, 'main.mjs': `import fs from 'node:fs';\n${source}${snapshot}` });
    await node(folder, 'make.mjs');
    const run = await node(folder, 'main.mjs');
    assert.equal(run.code, 0, run.said);
    const [, secret] = fs.readFileSync(path.join(folder, 'key.pem'), 'utf8').split('\n');
    assert.equal(fs.readFileSync(path.join(folder, 'heap'), 'latin1').includes(secret), how === 'text', how);
  }
});
