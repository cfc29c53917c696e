// When the native half is loaded, and what is said when it may not be.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
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

test('the C library is found out without a trace in the report', () => {
  const { stdout } = run([], `
    const { excludeNetwork } = process.report;
    require(${JSON.stringify(path.join(folder, 'native.js'))}).name();
    console.log(process.report.excludeNetwork === excludeNetwork);
  `);
  assert.equal(stdout.trim(), 'true');
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
