import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const npm = path.dirname(here);
const [major] = process.versions.node.split('.').map(Number);
// Node 20 and 22.0 to 22.12 know it under its first name.
const flag = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission';

/** Runs a script under the permission model: what it printed, or the message of its error. */
function under(grants, script) {
  const wrapped = `const guard = require(${JSON.stringify(path.join(npm, 'guard.js'))}); (async () => { ${script} })().then(console.log, ({ code, message }) => console.log(code, message))`;
  return new Promise((resolve) => {
    execFile(process.execPath, [flag, '--no-warnings', `--allow-fs-read=${npm}/`, ...grants, '-e', wrapped], (_error, stdout, stderr) => resolve(`${stdout}${stderr}`));
  });
}

test('under --permission each guard says exactly which grant it needs', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-guard-'));
  fs.writeFileSync(path.join(folder, 'a'), 'inside');
  const addons = '--allow-addons';
  const root = `new guard.Root(${JSON.stringify(folder)})`;
  // A folder's grant holds for all of it. (Node 20 aborts when `X` and `X/*` are granted together.)
  const own = `--allow-fs-read=${folder}`;
  const write = `--allow-fs-write=${folder}`;
  assert.match(await under([], "return guard.parseJson('{\"a\":1}').a"), /^1\n/);
  assert.match(await under([own], `return ${root}.resolve('a')`), /--allow-addons/);
  assert.match(await under([addons], `return ${root}.resolve('a')`), new RegExp(`ERR_ACCESS_DENIED.*--allow-fs-read=${folder}`));
  assert.match(await under([addons, own], `return ${root}.readFileSync('a', 'utf8')`), /^inside\n/);
  assert.match(await under([addons, own], `return ${root}.writeFileSync('b', 'x')`), new RegExp(`ERR_ACCESS_DENIED.*--allow-fs-write=${folder}`));
  assert.match(await under([addons, own, write], `${root}.writeFileSync('b', 'x'); return ${root}.readFileSync('b', 'utf8')`), /^x\n/);
  const opened = `const one = await ${root}.open('a'); return one.readFile('utf8')`;
  assert.match(await under([addons, own], opened), /^inside\n/);
  assert.match(await under([addons, own, '--allow-fs-read=/proc/self/fd/'], opened), /^inside\n/);
  const made = `const one = await ${root}.create('c'); await one.writeFile('made'); await one.close(); return ${root}.readFile('c', 'utf8')`;
  assert.match(await under([addons, own], made), new RegExp(`ERR_ACCESS_DENIED.*--allow-fs-write=${folder}`));
  assert.equal(fs.existsSync(path.join(folder, 'c')), false);
  assert.match(await under([addons, own, write], made), /^made\n/);
  const swapped = `const { promises } = require('node:fs'), { open } = promises; promises.open = (name, flags) => { ${root}.removeSync('c'); ${root}.writeFileSync('c', 'other'); return open(name, flags); }; return (await ${root}.open('c')).fd`;
  assert.match(await under([addons, own, write], swapped), /^EAGAIN/);
  assert.match(await under([], "return guard.spawn('/bin/true')"), /ERR_ACCESS_DENIED.*--allow-child-process/);
  const program = fs.realpathSync('/bin/true');
  assert.match(await under(['--allow-child-process'], `return guard.spawn('${program}')`), new RegExp(`ERR_ACCESS_DENIED.*--allow-fs-read=${program}`));
  assert.match(await under(['--allow-child-process', `--allow-fs-read=${program}`], `return (await guard.spawn('${program}').finished).code`), /^0\n/);
  assert.match(await under([addons], `return guard.run('${program}')`), /ERR_ACCESS_DENIED.*--allow-child-process/);
  assert.match(await under(['--allow-child-process'], `return guard.run('${program}')`), major >= 24 ? /--allow-addons/ : /addon/);
  assert.match(await under(['--allow-child-process', addons], `return (await guard.run('${program}')).code`), /^0\n/);
  const temporary = `guard.temporaryFolder({ parent: ${JSON.stringify(folder)} })`;
  assert.match(await under([addons, own], `return ${temporary}`), new RegExp(`ERR_ACCESS_DENIED.*--allow-fs-write=${folder}`));
  assert.match(await under([addons, own, write], `const one = ${temporary}; one.root.writeFileSync('c', 'x'); return one.root.listSync().length`), /^2\n/);
  const upload = `(await guard.acceptUpload(Buffer.from('text'), { accept: ['text/plain'], declared: 'text/plain', into: ${root} })).mediaType`;
  assert.match(await under([addons, own], `return ${upload}`), new RegExp(`ERR_ACCESS_DENIED.*--allow-fs-write=${folder}`));
  assert.match(await under([addons, own, write], `return ${upload}`), /^text\/plain\n/);
  if (process.allowedNodeEnvironmentFlags.has('--allow-net')) {
    assert.match(await under([addons, own, write], `return ${upload.replace('into:', "clamd: '127.0.0.1:9', into:")}`), /ERR_ACCESS_DENIED.*--allow-net/);
  }
  assert.match(await under([], "return guard.outbound(['a.test'])"), major >= 24 ? /--allow-addons/ : /addon/);
  fs.rmSync(folder, { recursive: true });
});
