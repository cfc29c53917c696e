// When the native half is loaded, and what is said when it may not be.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const { name } = createRequire(import.meta.url)('../native.js');
const file = path.join(folder, name());
const [major] = process.versions.node.split('.').map(Number);
const permission = major >= 24 ? '--permission' : '--experimental-permission';

function run(flags, source) {
  return spawnSync(process.execPath, [...flags, '-e', source], { encoding: 'utf8', cwd: '/' });
}

test('requiring the package or its parts loads no native code', () => {
  const loaded = `process.report.getReport().sharedObjects.some((name) => name.endsWith('.node'))`;
  const { stdout, stderr } = run([], `
    require(${JSON.stringify(path.join(folder, 'index.js'))});
    const crypto = require(${JSON.stringify(path.join(folder, 'crypto.js'))});
    const before = ${loaded};
    crypto.uuidV4();
    console.log(before, ${loaded});
  `);
  assert.equal(stdout.trim(), 'false true', stderr);
});

test('a package with addons for both C libraries loads the one of this machine', (t) => {
  const copy = mkdtempSync(path.join(folder, 'test', 'interop', 'node_modules', '.native-'));
  t.after(() => rmSync(copy, { recursive: true, force: true }));
  for (const one of ['native.js', 'package.json', name()]) cpSync(path.join(folder, one), path.join(copy, one));
  writeFileSync(path.join(copy, name().replace(/gnu|musl/, (own) => (own === 'gnu' ? 'musl' : 'gnu'))), 'no addon');
  const { stdout, stderr } = run([], `
    const { excludeNetwork } = process.report;
    const { version } = require(${JSON.stringify(path.join(copy, 'native.js'))}).native();
    console.log(typeof version, process.report.excludeNetwork === excludeNetwork);
  `);
  assert.equal(stdout.trim(), 'function true', stderr);
});

test('an addon that is not there, broken or of another version is named', (t) => {
  const copy = mkdtempSync(path.join(folder, 'test', 'interop', 'node_modules', '.native-'));
  t.after(() => rmSync(copy, { recursive: true, force: true }));
  cpSync(path.join(folder, 'native.js'), path.join(copy, 'native.js'));
  const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  writeFileSync(path.join(copy, 'package.json'), JSON.stringify({ ...manifest, version: '99.0.0' }));
  const load = () =>
    run([], `try { require(${JSON.stringify(path.join(copy, 'native.js'))}).native() } catch (error) { console.log(error.code, error.message) }`).stdout;
  assert.match(load(), /^ERR_RINGFENCE_ADDON there is no ringfence\.\S+\.node beside this package/);
  writeFileSync(path.join(copy, name()), 'no addon');
  assert.match(load(), /^ERR_RINGFENCE_ADDON cannot load /);
  cpSync(file, path.join(copy, name()));
  assert.match(load(), /^ERR_RINGFENCE_ADDON .* this package of 99\.0\.0: install it again/);
});

test('under --permission it names the grants that are missing and the entry of ringfence.toml', () => {
  const use = `require(${JSON.stringify(path.join(folder, 'crypto.js'))}).uuidV4()`;
  const catching = `try { ${use}; console.log('loaded') } catch (error) { console.log(JSON.stringify([error.code, error.message, error.missing])) }`;
  const read = `--allow-fs-read=${folder}${major >= 24 ? '' : '/*'}`;
  const control = run([permission, read, '--allow-addons'], catching);
  assert.equal(control.stdout.trim(), 'loaded', control.stderr);

  const [code, message, missing] = JSON.parse(run([permission, read], catching).stdout);
  assert.equal(code, 'ERR_RINGFENCE_ADDON_GRANT');
  assert.deepEqual(missing, ['--allow-addons']);
  const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
  assert.ok(message.includes(`[process] addons = [{ package = "ringfence", sha256 = "${sha256}" }]`), message);
});

// Read grants of older Nodes cannot name single files.
if (major >= 24) test('a read grant that is missing is named with its file', () => {
  const files = ['crypto.js', 'native.js', 'package.json', 'crypto/envelope.js', 'crypto/errors.js', 'crypto/keyring.js', 'crypto/mac.js', 'crypto/manual.js', 'crypto/password.js', 'crypto/random.js', 'crypto/shown.js', 'crypto/signature.js', 'crypto/token.js', 'crypto/values.js'];
  const reads = files.map((one) => `--allow-fs-read=${path.join(folder, one)}`);
  const use = `try { require(${JSON.stringify(path.join(folder, 'crypto.js'))}).uuidV4(); console.log('[]') } catch (error) { console.log(JSON.stringify(error.missing)) }`;
  const { stdout, stderr } = run([permission, '--allow-addons', ...reads], use);
  assert.deepEqual(JSON.parse(stdout), [`--allow-fs-read=${file}`], stderr);
});

test('a panic is an error, and the process lives on', () => {
  const addon = createRequire(import.meta.url)('../native.js').native();
  assert.equal(typeof addon.failOnPurpose, 'function', 'only a build for tests has it');
  assert.throws(() => addon.failOnPurpose(), Error);
  assert.match(addon.uuidV4(), /^[0-9a-f-]{36}$/);
});
