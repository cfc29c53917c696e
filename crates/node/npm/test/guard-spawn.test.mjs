import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { run, spawn, userData } from '../guard.mjs';

const refused = (act, rule) => assert.throws(act, { code: 'ERR_RINGFENCE_GUARD_SPAWN', name: 'GuardError', rule });
/** Whether a process is there and is no corpse that waits for somebody to look. */
const runs = (pid) => {
  try {
    return !/^State:\s+[ZX]/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

test('the manual\'s spawn works with the import changed alone', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-guard-'));
  const safeInputPath = path.join(folder, 'in.png');
  fs.writeFileSync(safeInputPath, 'picture');
  // As there, but for the program: `convert` need not be on this machine.
  const child = spawn('cp', [safeInputPath, 'out.png'], {
    cwd: folder,
    shell: false,
    env: {
      PATH: '/usr/bin:/bin',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [code] = await new Promise((resolve) => child.on('close', (...values) => resolve(values)));
  assert.equal(code, 0);
  assert.equal(fs.readFileSync(path.join(folder, 'out.png'), 'utf8'), 'picture');
  fs.rmSync(folder, { recursive: true });
});

test('a child gets its arguments as they are, its own environment and no more descriptors', async () => {
  process.env.RINGFENCE_TEST_SECRET = 'hunter2';
  const { code, stdout } = await run(process.execPath, ['-p', 'JSON.stringify([process.argv.slice(1), process.env])', '--', '$(id)', ';', '*'], { env: { PATH: '/usr/bin', A: '1' } });
  assert.equal(code, 0);
  const [words, env] = JSON.parse(stdout);
  assert.deepEqual(words, ['$(id)', ';', '*']);
  assert.deepEqual(env, { A: '1', PATH: '/usr/bin' });
  const usual = await run(process.execPath, ['-p', 'JSON.stringify(process.env)']);
  assert.deepEqual(JSON.parse(usual.stdout), { LANG: 'C.UTF-8', PATH: '/usr/bin:/bin' });
  const fed = await run('/bin/cat', [], { input: 'given' });
  assert.equal(`${fed.stdout}`, 'given');
  delete process.env.RINGFENCE_TEST_SECRET;
});

test('no shell, no relative program and no loader variable can be asked for', () => {
  refused(() => spawn('/bin/ls', [], { shell: true }), 'shell');
  refused(() => spawn('/bin/ls', [], { shell: '/bin/sh' }), 'shell');
  for (const shell of ['/bin/sh', 'sh', 'bash', '/usr/bin/env']) refused(() => spawn(shell, ['-c', 'id']), 'shell');
  refused(() => spawn('./ls'), 'relative');
  refused(() => spawn('ls', [], { env: { PATH: '.:/bin' } }), 'relative');
  refused(() => spawn('ls', [], { env: { PATH: ':/bin' } }), 'relative');
  for (const name of ['LD_PRELOAD', 'LD_LIBRARY_PATH', 'NODE_OPTIONS', 'BASH_ENV', 'GCONV_PATH']) {
    refused(() => spawn('/bin/ls', [], { env: { [name]: 'x' } }), 'environment');
  }
  for (const options of [{ stdio: 'inherit' }, { stdio: ['pipe', 'pipe', 'pipe', 'ipc'] }, { detached: false }, { env: { 'A=B': '1' } }, { env: { A: 1 } }, { timeout: 0 }, { maxOutput: Infinity }]) {
    assert.throws(() => spawn('/bin/ls', [], options), { code: 'ERR_INVALID_ARG_VALUE' }, JSON.stringify(options));
  }
  for (const command of ['', undefined, 'a\0b', ['/bin/ls']]) assert.throws(() => spawn(command), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.throws(() => spawn('no-such-program-here'), { code: 'ENOENT' });
  for (const argument of [1, null, undefined, {}, ['a']]) assert.throws(() => spawn('/bin/ls', [argument]), { code: 'ERR_INVALID_ARG_VALUE' });
  refused(() => spawn('/bin/ls', ['a\0b']), 'nul');
});

test('what a user names is no option', async () => {
  refused(() => spawn('/bin/cat', [userData('--help')]), 'option');
  refused(() => spawn('/bin/cat', ['-n', userData('-')]), 'option');
  // The controls: the program's own option, and a user's after `--`.
  assert.equal((await run('/bin/echo', ['-n', userData('x')])).stdout.toString(), 'x');
  const after = await run('/bin/cat', ['--', userData('-no-such-file')]);
  assert.equal(after.code, 1);
  assert.throws(() => userData(1), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('output is capped and streamed', async () => {
  await assert.rejects(run('/usr/bin/yes', [], { maxOutput: 10_000 }), { code: 'ERR_RINGFENCE_GUARD_TOO_LARGE' });
  const child = spawn('/usr/bin/yes', [], { maxOutput: 10_000 });
  let seen = 0;
  for await (const chunk of child.stdout) seen += chunk.length;
  assert.equal(seen, 10_000);
  await assert.rejects(child.finished, { code: 'ERR_RINGFENCE_GUARD_TOO_LARGE' });
  assert.equal((await run('/usr/bin/head', ['-c', '10000', '/dev/zero'], { maxOutput: 10_000 })).stdout.length, 10_000);
});

/** A program that starts another, says which, and waits or ends. */
const starts = (then) => ['-e', `const { spawn } = require('node:child_process'); const one = spawn('/bin/sleep', ['100'], { stdio: ['ignore', 'inherit', 'inherit'] }); one.unref(); console.log(one.pid); ${then}`];

test('the deadline ends the whole tree, and so does the end of the child', async () => {
  const child = spawn(process.execPath, starts('setInterval(() => {}, 1000)'), { timeout: 2000 });
  let text = '';
  for await (const chunk of child.stdout) text += chunk;
  await assert.rejects(child.finished, { code: 'ERR_RINGFENCE_GUARD_TIMEOUT' });
  const left = await run(process.execPath, starts('process.exitCode = 7'));
  assert.deepEqual([left.code, left.signal], [7, null]);
  for (const pid of [text, `${left.stdout}`].map(Number)) {
    assert.ok(pid > 1);
    while (runs(pid)) await new Promise((resolve) => setImmediate(resolve));
  }
});

test('a file without a format is not handed to a shell', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-guard-'));
  const file = path.join(folder, 'program');
  fs.writeFileSync(file, 'echo run by a shell\n', { mode: 0o755 });
  refused(() => spawn(file), 'shell');
  // The control: with an interpreter of its own it is a program.
  fs.writeFileSync(file, `#!${process.execPath}\nconsole.log('run')`);
  assert.equal(`${(await run(file)).stdout}`, 'run\n');
  fs.rmSync(folder, { recursive: true });
});

test('a signal of the caller ends it, and what cannot be started says so', async () => {
  const stop = new AbortController();
  const child = spawn('/bin/sleep', ['100'], { signal: stop.signal });
  stop.abort();
  await assert.rejects(child.finished, { code: 'ABORT_ERR' });
  await assert.rejects(run('/bin/sleep', ['100'], { signal: AbortSignal.abort() }), { code: 'ABORT_ERR' });
  await assert.rejects(run('/no/such/program'), { code: 'ENOENT' });
  const failed = await run(process.execPath, ['-e', "console.error('wrong'); process.exit(3)"]);
  assert.deepEqual([failed.code, failed.signal, `${failed.stderr}`], [3, null, 'wrong\n']);
});
