import assert from 'node:assert/strict';
import childProcess from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { Worker } from 'node:worker_threads';
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
  const { code, stdout } = await run(process.execPath, ['-p', 'JSON.stringify([process.argv.slice(1), process.env])', '--', '$(id)', ';', '*'], { code: true, env: { PATH: '/usr/bin', A: '1' } });
  assert.equal(code, 0);
  const [words, env] = JSON.parse(stdout);
  assert.deepEqual(words, ['$(id)', ';', '*']);
  assert.deepEqual(env, { A: '1', PATH: '/usr/bin' });
  const usual = await run(process.execPath, ['-p', 'JSON.stringify(process.env)'], { code: true });
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

test('the deadline ends the whole tree, and so does the end of the child', async (t) => {
  // The deadline is over when the tree is there, however long that takes.
  let late;
  const after = globalThis.setTimeout;
  const held = t.mock.method(globalThis, 'setTimeout', (act, length, ...values) => {
    if (length !== 2000) return after(act, length, ...values);
    late = act;
    return undefined;
  });
  const child = spawn(process.execPath, starts('setInterval(() => {}, 1000)'), { timeout: 2000 });
  held.mock.restore();
  let text = '';
  for await (const chunk of child.stdout) {
    text += chunk;
    if (text.endsWith('\n')) late();
  }
  await assert.rejects(child.finished, { code: 'ERR_RINGFENCE_GUARD_TIMEOUT' });
  const left = await run(process.execPath, starts('process.exitCode = 7'), { code: true });
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
  await assert.rejects(run(file), { code: 'ERR_RINGFENCE_GUARD_START' });
  // The controls: with an interpreter of its own it is a program; `run` wants to hear its name.
  fs.writeFileSync(file, `#!${process.execPath}\nconsole.log('run')`);
  let said = '';
  for await (const chunk of spawn(file).stdout) said += chunk;
  assert.equal(said, 'run\n');
  await assert.rejects(run(file), { code: 'ERR_RINGFENCE_GUARD_SPAWN', rule: 'script' });
  assert.equal(`${(await run(process.execPath, [file])).stdout}`, 'run\n');
  fs.rmSync(folder, { recursive: true });
});

test('a signal of the caller ends it, and what cannot be started says so', async () => {
  const stop = new AbortController();
  const child = spawn('/bin/sleep', ['100'], { signal: stop.signal });
  stop.abort();
  await assert.rejects(child.finished, { code: 'ABORT_ERR' });
  await assert.rejects(run('/bin/sleep', ['100'], { signal: AbortSignal.abort() }), { code: 'ABORT_ERR' });
  await assert.rejects(run('/no/such/program'), { code: 'ENOENT' });
  const failed = await run(process.execPath, ['-e', "console.error('wrong'); process.exit(3)"], { code: true });
  assert.deepEqual([failed.code, failed.signal, `${failed.stderr}`], [3, null, 'wrong\n']);
});

const SLEEPS = `require('node:child_process').spawn('/bin/sleep', ['600'], { detached: true, stdio: 'ignore' })`;
/** A daemon as they are made: started by a child that ends, in a session of its own; its pid goes to a file. */
const daemon = (file, then) => ['-e', `
  const { spawnSync } = require('node:child_process');
  spawnSync(process.execPath, ['-e', ${JSON.stringify(`const one = ${SLEEPS}; one.unref(); require('node:fs').writeFileSync(process.argv[1] + '.new', String(one.pid)); require('node:fs').renameSync(process.argv[1] + '.new', process.argv[1])`)}, ${JSON.stringify(file)}]);
  ${then}`];
const pidIn = async (file) => {
  while (!fs.existsSync(file)) await new Promise((resolve) => setImmediate(resolve));
  const pid = Number(fs.readFileSync(file, 'utf8'));
  assert.ok(pid > 1);
  return pid;
};
const waits = 'setInterval(() => {}, 1000)';
const gone = async (pid) => {
  while (runs(pid)) await new Promise((resolve) => setImmediate(resolve));
};
const scratch = (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringfence-guard-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  return (name) => path.join(folder, name);
};

test('a daemon in a session of its own is dead when the deadline is over, and lives on under child_process', async (t) => {
  const at = scratch(t);
  // The deadline must leave time for the daemon to be started, which is how fast this machine is.
  for (let timeout = 1500; !fs.existsSync(at('run')); timeout *= 2) {
    await assert.rejects(run(process.execPath, daemon(at('run'), waits), { code: true, timeout }), { code: 'ERR_RINGFENCE_GUARD_TIMEOUT', rule: 'timeout' });
  }
  // Not only told to end: it was dead before this answered.
  assert.equal(runs(await pidIn(at('run'))), false);
  const left = await run(process.execPath, daemon(at('ended'), 'process.exitCode = 7'), { code: true });
  assert.equal(left.code, 7);
  assert.equal(runs(await pidIn(at('ended'))), false);
  // The control.
  const bare = childProcess.spawn(process.execPath, daemon(at('control'), waits), { stdio: 'ignore' });
  const pid = await pidIn(at('control'));
  bare.kill('SIGKILL');
  await once(bare, 'exit');
  assert.equal(runs(pid), true);
  process.kill(pid, 'SIGKILL');
});

test('the caller ends a program with all it started, and so does its own end', async (t) => {
  const at = scratch(t);
  const stop = new AbortController();
  const running = run(process.execPath, daemon(at('aborted'), waits), { code: true, signal: stop.signal });
  const aborted = await pidIn(at('aborted'));
  assert.equal(runs(aborted), true);
  stop.abort(new Error('enough'));
  await assert.rejects(running, ({ cause, code }) => code === 'ABORT_ERR' && cause.message === 'enough');
  assert.equal(runs(aborted), false);

  const guard = new URL('../guard.js', import.meta.url).pathname;
  const script = (name) => `require(${JSON.stringify(guard)}).run(process.execPath, ${JSON.stringify(daemon(at(name), waits))}, { code: true, timeout: 600000 })`;
  // A process that is killed says nothing to anybody.
  const caller = childProcess.spawn(process.execPath, ['-e', script('killed')], { stdio: 'ignore' });
  const killed = await pidIn(at('killed'));
  caller.kill('SIGKILL');
  await once(caller, 'exit');
  await gone(killed);
  const worker = new Worker(script('worker'), { eval: true });
  const ended = await pidIn(at('worker'));
  assert.equal(runs(ended), true);
  await worker.terminate();
  await gone(ended);
});

test('an interpreter gets code only where that is said, and a shell is a shell under every name', async (t) => {
  const at = scratch(t);
  const refuses = (act, rule) => assert.rejects(act, { code: 'ERR_RINGFENCE_GUARD_SPAWN', name: 'GuardError', rule, statusCode: 400 });
  await refuses(run(process.execPath, ['-p', '1']), 'code');
  await refuses(run(process.execPath, []), 'code');
  assert.equal(`${(await run(process.execPath, ['-p', '1'], { code: true })).stdout}`, '1\n');
  fs.symlinkSync('/bin/sh', at('harmless'));
  for (const command of ['/bin/sh', 'sh', at('harmless'), '/usr/bin/env', 'xargs']) {
    await refuses(run(command, ['-c', 'id']), 'shell');
    await refuses(run(command, ['-c', 'id'], { code: true }), 'shell');
  }
  await refuses(run('./ls'), 'relative');
  await refuses(run('ls', [], { env: { PATH: '.:/bin' } }), 'relative');
  await refuses(run('/bin/ls', [], { env: { LD_PRELOAD: '/x' } }), 'environment');
  await refuses(run('/bin/ls', [], { env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } }), 'environment');
  await refuses(run('/bin/cat', [userData('--help')]), 'option');
  fs.copyFileSync('/bin/true', at('true'));
  fs.chmodSync(at('true'), 0o777);
  await refuses(run(at('true')), 'writable');
  fs.chmodSync(at('true'), 0o755);
  assert.equal((await run(at('true'))).code, 0);
});

test('limits of a process hold, a working directory is its own, and wrong options are told at once', async (t) => {
  const at = scratch(t);
  assert.equal(`${(await run('/bin/pwd', [], { cwd: path.dirname(at('x')) })).stdout}`, `${fs.realpathSync(path.dirname(at('x')))}\n`);
  assert.equal(`${(await run('/bin/pwd')).stdout}`, `${process.cwd()}\n`);
  const copy = (limits) => run('/bin/dd', ['if=/dev/zero', 'of=big', 'bs=1k', 'count=8'], { cwd: path.dirname(at('x')), limits });
  assert.equal((await copy({})).code, 0);
  assert.equal(fs.statSync(at('big')).size, 8192);
  const cut = await copy({ fileSize: 2048 });
  assert.notDeepEqual([cut.code, cut.signal], [0, null]);
  assert.equal(fs.statSync(at('big')).size, 2048);
  const killed = await run(process.execPath, ['-e', 'process.kill(process.pid, 15)'], { code: true });
  assert.deepEqual([killed.code, killed.signal], [null, 'SIGTERM']);
  for (const options of [{ uid: 1 }, { stdio: 'pipe' }, { limits: { cpu: 0 } }, { limits: { other: 1 } }, { cwd: 7 }, { input: 7 }, { timeout: 0 }, { unknown: 1 }]) {
    await assert.rejects(run('/bin/true', [], options), { code: 'ERR_INVALID_ARG_VALUE' }, JSON.stringify(options));
  }
  await assert.rejects(run('/bin/true', [], { cwd: '/no/such/folder' }), { code: 'ENOENT' });
  await assert.rejects(run('/etc'), { name: 'GuardError' });
});

test('many programs at once keep files and names of the process free', async () => {
  const stop = new AbortController();
  let ended = 0;
  const many = Array.from({ length: 16 }, () => run('/bin/sleep', ['300'], { signal: stop.signal, timeout: 600_000 }).finally(() => (ended += 1)));
  const outcomes = Promise.allSettled(many);
  // libuv has four threads: were they taken, this would wait for a program to end.
  for (let round = 0; round < 20; round++) await fs.promises.stat('/');
  assert.equal(ended, 0);
  stop.abort();
  assert.deepEqual((await outcomes).map(({ reason }) => reason?.code), many.map(() => 'ABORT_ERR'));
});
