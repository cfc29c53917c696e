'use strict';
// A child process that gets nothing it was not given: an absolute program, a list of arguments, an
// environment of its own, no descriptors but its three; its output is capped and its time ends. There
// is no shell behind any option.
//
// `run` is the Rust crate's Spawn: a keeper process kills and reaps all that the program started, also
// what left its session (setsid, a double fork), and when this process dies too. `spawn` gives the
// ChildProcess that programs expect, with streams, which node:child_process alone can make: at its end
// its process group is killed, and what left that group is not.

const childProcess = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Transform } = require('node:stream');
const { native } = require('../native.js');
const { GuardError, tell, typed } = require('./error.js');
const { needs, own } = require('./grant.js');

const DEFAULTS = Object.freeze({ maxOutput: 1 << 20, timeout: 30_000 });
const ENVIRONMENT = Object.freeze({ LANG: 'C.UTF-8', PATH: '/usr/bin:/bin' });
const KNOWN = new Set(['cwd', 'env', 'gid', 'maxOutput', 'shell', 'signal', 'stdio', 'timeout', 'uid']);
/** Variables that make a program load or run what is named in them. */
const LOADERS = /^(?:LD_|DYLD_|GCONV_PATH$|GLIBC_TUNABLES$|NODE_OPTIONS$|BASH_ENV$|ENV$|IFS$|PERL5OPT$|PYTHONSTARTUP$|RUBYOPT$)/;
/** Programs that read command lines, or run what their arguments name. */
const SHELLS = new Set([
  'ash', 'awk', 'bash', 'busybox', 'chroot', 'csh', 'dash', 'doas', 'elvish', 'env', 'expect', 'find', 'fish', 'flock', 'gawk', 'gdb',
  'hush', 'ionice', 'ksh', 'make', 'mawk', 'mksh', 'nawk', 'nice', 'nohup', 'npx', 'nsenter', 'nu', 'oksh', 'osh', 'parallel', 'pkexec',
  'pwsh', 'rbash', 'runuser', 'script', 'setarch', 'setpriv', 'setsid', 'sh', 'ssh', 'stdbuf', 'strace', 'su', 'sudo', 'systemd-run',
  'taskset', 'tcsh', 'time', 'timeout', 'toybox', 'unshare', 'vi', 'vim', 'watch', 'xargs', 'yash', 'zsh',
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
    __proto__: null,
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

/** Limits of one process that `run` sets (setrlimit(2)), with the most of each. */
const LIMITS = { cpu: 2 ** 31, fileSize: 2 ** 53 - 1, memory: 2 ** 53 - 1, openFiles: 2 ** 20, processes: 2 ** 22 };

/**
 * Runs a program to its end: `{ code, signal, stdout, stderr }`. When its time is over, its output too
 * long or the caller's signal is given, it throws, and nothing that it started is left.
 */
async function run(command, args = [], given) {
  const { code = false, input, limits = {}, ...options } = own(given);
  const unknown = ['gid', 'stdio', 'uid'].find((name) => Object.hasOwn(options, name) && options[name] !== undefined);
  if (unknown !== undefined) throw wrong(`run has no option ${unknown}: spawn has`);
  const { cwd, env, maxOutput, signal, timeout } = check(options);
  const words = args.map((argument, at) => word(argument, args.slice(0, at)));
  needs('child', undefined, '--allow-child-process');
  const program = {
    __proto__: null,
    ...bounds(limits),
    code: code === true,
    command: named(command),
    environment: Object.entries(env).flat(),
    folder: folder(cwd),
    folders: command.startsWith('/') ? [] : searched(env),
    input: typeof input === 'string' ? Buffer.from(input) : input,
    mostOutput: maxOutput,
    timeout,
    words,
  };
  if (input !== undefined && !(program.input instanceof Uint8Array)) throw wrong('input must be a string, a Buffer or a Uint8Array');
  const { GuardStop, guardRun } = native();
  if (signal?.aborted) throw aborted(signal);
  const stop = new GuardStop();
  const abort = () => stop.stop();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const ended = await guardRun(program, stop);
    return { code: ended.code ?? null, signal: signalName(ended.signal), stderr: ended.stderr, stdout: ended.stdout };
  } catch (cause) {
    throw failure(cause, signal);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

function bounds(limits) {
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(LIMITS, name)) throw wrong(`there is no limit ${name}`);
    if (!Number.isSafeInteger(value) || value < 1 || value > LIMITS[name]) throw wrong(`limits.${name} must be a whole number from 1`);
  }
  return limits;
}

function folder(cwd = process.cwd()) {
  const text = cwd instanceof URL ? require('node:url').fileURLToPath(cwd) : cwd;
  if (typeof text !== 'string' || text.includes('\0')) throw wrong('cwd must be a path');
  return path.resolve(text);
}

function signalName(number) {
  if (number === undefined || number === null) return null;
  return Object.keys(os.constants.signals).find((name) => os.constants.signals[name] === number) ?? `SIG${number}`;
}

function aborted(signal) {
  return new GuardError('ABORT_ERR', 'the child was aborted', { cause: signal?.reason });
}

/** Where JavaScript has another way than Rust. */
const SAID = {
  code: 'an argument of an interpreter is code: say { code: true } when it is the application\'s own',
  shell: 'a shell, or a program that runs others, is not started',
};

/** What the crate refused is an event; that the caller ended it is none. */
function failure(cause, signal) {
  const error = typed(cause);
  if (!(error instanceof GuardError)) return error;
  if (error.code === 'ABORT_ERR') return aborted(signal);
  const [, rule, message] = /^([a-z-]+): (.*)$/s.exec(error.message);
  const statusCode = error.code === 'ERR_RINGFENCE_GUARD_SPAWN' ? 400 : undefined;
  const told = new GuardError(error.code, SAID[rule] ?? message, { rule, statusCode });
  return error.code.startsWith('ERR_RINGFENCE_') ? tell('spawn', told, '', 0) : told;
}

function check(given) {
  const options = own(given);
  const unknown = Object.keys(options).find((name) => !KNOWN.has(name));
  if (unknown !== undefined) throw wrong(`there is no option ${unknown}`);
  if (options.shell) throw refuse('shell', 'a shell is not started');
  const { cwd, env = ENVIRONMENT, gid, signal, stdio = ['ignore', 'pipe', 'pipe'], uid } = options;
  const { maxOutput, timeout } = { __proto__: null, ...DEFAULTS, ...options };
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

/** A program as it may be named. */
function named(command) {
  if (typeof command !== 'string' || command === '' || command.includes('\0')) throw wrong('the program must be a path or a name');
  if (command.includes('/') && !path.isAbsolute(command)) throw refuse('relative', 'the program must be an absolute path, or a name', command);
  return command;
}

/** The folders in which a name is looked for. */
function searched({ PATH = '' }) {
  const folders = PATH.split(':');
  // An empty or relative entry is the working directory's.
  const relative = folders.find((one) => !path.isAbsolute(one));
  if (relative !== undefined) throw refuse('relative', 'PATH must hold absolute folders', relative);
  return folders;
}

/** The absolute path of a program. */
function locate(command, env) {
  if (path.isAbsolute(named(command))) return real(command);
  const found = searched(env).map((one) => path.join(one, command)).find(isProgram);
  if (found !== undefined) return real(found);
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

function wrong(message) {
  return new GuardError('ERR_INVALID_ARG_VALUE', message);
}

function refuse(rule, message, input = '') {
  return tell('spawn', new GuardError('ERR_RINGFENCE_GUARD_SPAWN', message, { rule, statusCode: 400 }), input);
}

module.exports = { run, spawn, userData };
