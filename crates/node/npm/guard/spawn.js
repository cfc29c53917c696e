'use strict';
// A child process that gets nothing it was not given: an absolute program, a list of arguments, an
// environment of its own, no descriptors but its three; its output is capped and its time ends, for
// all of its process group. There is no shell behind any option.
//
// It is node:child_process beneath and not the Rust crate's Spawn: what comes back is the ChildProcess
// that programs expect, with streams, and libuv alone may reap children of a Node process. The crate's
// is stronger in one thing: a grandchild that leaves its process group (setsid) is not killed here; a
// boundary and `ringfence sandbox` hold it.

const childProcess = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { Transform } = require('node:stream');
const { GuardError, tell } = require('./error.js');
const { needs } = require('./grant.js');

const DEFAULTS = Object.freeze({ maxOutput: 1 << 20, timeout: 30_000 });
const ENVIRONMENT = Object.freeze({ LANG: 'C.UTF-8', PATH: '/usr/bin:/bin' });
const KNOWN = new Set(['cwd', 'env', 'gid', 'maxOutput', 'shell', 'signal', 'stdio', 'timeout', 'uid']);
/** Variables that make a program load or run what is named in them. */
const LOADERS = /^(?:LD_|DYLD_|GCONV_PATH$|GLIBC_TUNABLES$|NODE_OPTIONS$|BASH_ENV$|ENV$|IFS$|PERL5OPT$|PYTHONSTARTUP$|RUBYOPT$)/;
/** Programs that read command lines, or run what their arguments name. */
const SHELLS = new Set([
  'ash', 'bash', 'busybox', 'csh', 'dash', 'doas', 'env', 'fish', 'ksh', 'mksh', 'nohup', 'pwsh', 'rbash', 'script', 'setsid', 'sh', 'sudo',
  'su', 'tcsh', 'timeout', 'toybox', 'watch', 'xargs', 'yash', 'zsh',
]);
const MANY = new Set(['busybox', 'toybox']);
const USER = Symbol('ringfence.guard.user');

/** Marks an argument as a user's: it is refused where a program would take it for an option. */
function userData(value) {
  if (typeof value !== 'string') throw new GuardError('ERR_INVALID_ARG_TYPE', 'an argument must be a string');
  return Object.freeze({ [USER]: value });
}

/**
 * Starts a program: an absolute path, or a name that is looked up in the PATH of `env` alone. What
 * comes back is a ChildProcess; `finished` is a promise of how it ended.
 */
function spawn(command, args = [], options = {}) {
  const settings = check(options);
  const words = args.map((argument, at) => word(argument, args.slice(0, at)));
  needs('child', undefined, '--allow-child-process');
  const program = locate(command, settings.env);
  const child = childProcess.spawn(program, words, {
    argv0: command,
    cwd: settings.cwd,
    // A process group of its own, which is killed as one.
    detached: true,
    env: settings.env,
    gid: settings.gid,
    shell: false,
    stdio: settings.stdio,
    uid: settings.uid,
    windowsHide: true,
  });
  return watch(child, settings);
}

/** The same, collected: `{ code, signal, stdout, stderr }`; throws when a limit ended it. */
async function run(command, args, { input, ...options } = {}) {
  const child = spawn(command, args, { ...options, stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
  if (input !== undefined) {
    // A program need not read all of it.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  }
  const output = [child.stdout, child.stderr].map(collect);
  const ended = await child.finished;
  const [stdout, stderr] = await Promise.all(output);
  return { ...ended, stderr, stdout };
}

function check(options) {
  const unknown = Object.keys(options).find((name) => !KNOWN.has(name));
  if (unknown !== undefined) throw wrong(`there is no option ${unknown}`);
  if (options.shell) throw refuse('shell', 'a shell is not started');
  const { cwd, env = ENVIRONMENT, gid, signal, stdio = ['ignore', 'pipe', 'pipe'], uid } = options;
  const { maxOutput, timeout } = { ...DEFAULTS, ...options };
  for (const [name, value] of Object.entries({ maxOutput, timeout })) {
    if (!Number.isSafeInteger(value) || value < 1 || value >= 2 ** 31) throw wrong(`${name} must be a whole number from 1`);
  }
  const how = typeof stdio === 'string' ? [stdio, stdio, stdio] : stdio;
  if (!Array.isArray(how) || how.length !== 3 || !how.every((one) => one === 'ignore' || one === 'pipe')) {
    throw wrong("stdio is 'ignore' or 'pipe' for each of three");
  }
  return { cwd, env: environment(env), gid, maxOutput, signal, stdio: how, timeout, uid };
}

function environment(env) {
  const own = Object.create(null);
  for (const [name, value] of Object.entries(env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || typeof value !== 'string' || value.includes('\0')) {
      throw wrong('the environment holds what is no variable');
    }
    if (LOADERS.test(name)) throw refuse('environment', `the variable ${name} would run other code`);
    own[name] = value;
  }
  return own;
}

function word(argument, before) {
  const value = typeof argument === 'string' ? argument : argument?.[USER];
  if (typeof value !== 'string') throw wrong('an argument must be a string, or userData of one');
  if (value.includes('\0')) throw refuse('nul', 'an argument holds a NUL', value);
  const isOption = argument !== value && value.startsWith('-') && !before.includes('--');
  if (isOption) throw refuse('option', 'an argument of a user begins with a hyphen', value);
  return value;
}

/** The absolute path of a program. */
function locate(command, env) {
  if (typeof command !== 'string' || command === '' || command.includes('\0')) throw wrong('the program must be a path or a name');
  if (path.isAbsolute(command)) return real(command);
  if (command.includes('/')) throw refuse('relative', 'the program must be an absolute path, or a name', command);
  const folders = (env.PATH ?? '').split(':');
  for (const folder of folders) {
    // An empty or relative entry is the working directory's.
    if (!path.isAbsolute(folder)) throw refuse('relative', 'PATH must hold absolute folders', folder);
    const file = path.join(folder, command);
    if (isProgram(file)) return real(file);
  }
  throw new GuardError('ENOENT', 'there is no such program in the PATH that was given', { statusCode: undefined });
}

/** The program, when it is one: what has no format of its own libuv would give to a shell (execvp). */
function real(file) {
  let target;
  let start;
  try {
    needs('fs.read', file, `--allow-fs-read=${file}`);
    target = fs.realpathSync.native(file);
    needs('fs.read', target, `--allow-fs-read=${target}`);
    start = head(target);
  } catch (cause) {
    if (cause instanceof GuardError) throw cause;
    throw new GuardError(cause.code ?? 'EIO', 'the program cannot be looked at', { cause });
  }
  // One file may be many programs: which of them, its name says.
  const isMany = MANY.has(path.basename(target)) && file !== target;
  const isShell = SHELLS.has(path.basename(file)) || (!isMany && SHELLS.has(path.basename(target)));
  const interpreter = /^#!\s*(\S+)/.exec(start)?.[1];
  if (isShell || (interpreter === undefined && !start.startsWith('\x7fELF'))) {
    throw refuse('shell', 'a shell, or a program that runs others, is not started');
  }
  // As it was asked for: programs such as busybox or uutils look at their name.
  return file;
}

function head(file) {
  const fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  try {
    const start = Buffer.alloc(128);
    return start.latin1Slice(0, fs.readSync(fd, start, 0, start.length, 0));
  } finally {
    fs.closeSync(fd);
  }
}

function isProgram(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch (error) {
    if (error.code === 'ERR_ACCESS_DENIED') throw error;
    return false;
  }
}

function watch(child, { maxOutput, signal, timeout }) {
  const state = { ended: undefined };
  const stop = (error) => {
    state.ended ??= error;
    kill(child);
  };
  for (const name of ['stdout', 'stderr']) {
    if (child[name] !== null && child[name] !== undefined) child[name] = capped(child[name], name, maxOutput, stop);
  }
  const late = () => stop(tell('spawn', new GuardError('ERR_RINGFENCE_GUARD_TIMEOUT', `it took longer than ${timeout} ms`), '', 0));
  const timer = setTimeout(late, timeout);
  const abort = () => stop(new GuardError('ABORT_ERR', 'the child was aborted', { cause: signal.reason }));
  if (signal?.aborted) abort();
  else signal?.addEventListener('abort', abort, { once: true });
  child.finished = new Promise((resolve, reject) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    child.once('error', (error) => {
      done();
      reject(new GuardError(error.code ?? 'ERR_RINGFENCE_GUARD_SPAWN', 'the program cannot be started', { cause: error }));
    });
    // What it started and left behind goes with it, or its pipes would stay open.
    child.once('exit', () => kill(child));
    child.once('close', (code, by) => {
      done();
      if (state.ended !== undefined) reject(state.ended);
      else resolve({ code, signal: by });
    });
  });
  // Whoever waits for `exit` alone need not handle it.
  child.finished.catch(() => {});
  return child;
}

/** The whole process group; its number is not given away while anybody is in it. */
function kill(child) {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}

/** The output, counted. Whoever reads slowly slows the child down. */
function capped(source, name, most, stop) {
  let seen = 0;
  const limited = new Transform({
    transform(chunk, _encoding, callback) {
      seen += chunk.length;
      if (seen <= most) return callback(null, chunk);
      const error = new GuardError('ERR_RINGFENCE_GUARD_TOO_LARGE', `its ${name} is longer than ${most} bytes`);
      stop(tell('spawn', error, '', seen));
      // What fits is kept; the rest is let go.
      source.unpipe(limited);
      source.resume();
      limited.push(chunk.subarray(0, chunk.length - (seen - most)));
      limited.end();
      return callback();
    },
  });
  source.on('error', () => limited.end());
  return source.pipe(limited);
}

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function wrong(message) {
  return new GuardError('ERR_INVALID_ARG_VALUE', message);
}

function refuse(rule, message, input = '') {
  return tell('spawn', new GuardError('ERR_RINGFENCE_GUARD_SPAWN', message, { rule, statusCode: 400 }), input);
}

module.exports = { run, spawn, userData };
