// Prints what a program can see of what Node gives it: run bare and recorded, it prints the same.
//
// Left out is what a recording does show: `util.types.isProxy`, what `util.inspect` of Node 26 says of
// proxies, the text of `Object.freeze(process.env)`'s error, a frame `at set` in the errors of variables
// that are set to what is no text, and the name that V8 finds for a lookup's callback without one.
import cp from 'node:child_process';
import dgram from 'node:dgram';
import dns from 'node:dns';
import fs, { promises, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import inspector from 'node:inspector';
import { createRequire } from 'node:module';
import net from 'node:net';
import process, { env } from 'node:process';
import util from 'node:util';
import v8 from 'node:v8';
import vm from 'node:vm';
import threads from 'node:worker_threads';

const require = createRequire(import.meta.url);
const show = (label, value) => console.log(label, value);
// Whether the loader goes on in a tick or in a callback is a matter of time.
const stackOf = (error) =>
  `${error.stack}`.replace(/:\d+:\d+/g, '').replace(/\n *at process\.processTicksAndRejections.*/, '');

function functions(label, owner) {
  for (const key of Reflect.ownKeys(owner)) {
    const { get, set, value, ...flags } = Object.getOwnPropertyDescriptor(owner, key);
    const about = [flags, typeof get, typeof set, typeof value];
    if (typeof value === 'function') {
      about.push(value.name, value.length, Reflect.ownKeys(value).map(String).join(), String(Object.prototype.toString.call(value)));
      about.push(Object.getPrototypeOf(value)?.name, value.prototype && Reflect.ownKeys(value.prototype).map(String).join());
      about.push(value.prototype?.constructor === value);
    }
    show(`${label}.${String(key)}`, JSON.stringify(about));
  }
}

function attempt(label, act) {
  try {
    show(label, act());
  } catch (error) {
    show(label, stackOf(error));
    show(`${label}, properties`, Reflect.ownKeys(error).map(String).join());
  }
}

const owners = { fs, promises, dns, 'dns.promises': dns.promises, cp, threads, http, https, inspector };
for (const label in owners) functions(label, owners[label]);
const classes = [net.Socket, net.Server, dgram.Socket, cp.ChildProcess, dns.Resolver, threads.Worker, threads.MessagePort];
for (const { name, prototype } of classes) functions(name, prototype);
functions('realpath', fs.realpath);
functions('process', { dlopen: process.dlopen, fetch, structuredClone });

show('imports', [readFileSync === fs.readFileSync, promises.readFile === readFile, env === process.env, require('fs') === fs]);
show('modules', [Object.keys(require.cache).length, Object.keys(require('module')._cache).length]);
show('process', [process.eventNames().map(String).join(), process.execArgv.length, Object.getOwnPropertyNames(globalThis).length]);
show('Error', [Error.stackTraceLimit, JSON.stringify(Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace'))]);

// The environment.

show('env', Object.keys(process.env).join());
show('env as JSON', JSON.stringify(process.env));
show('env itself', JSON.stringify(Object.getOwnPropertyDescriptor(process, 'env')).length);
show('env object', [Object.getPrototypeOf(process.env) === Object.prototype, String(process.env), Object.isExtensible(process.env)]);
const variables = {
  set: () => [(process.env.ONE = 1), process.env.ONE, 'ONE' in process.env, delete process.env.ONE, 'ONE' in process.env],
  absent: () => [process.env.ABSENT, delete process.env.ABSENT, Object.hasOwn(process.env, 'ABSENT')],
  define: () => Object.defineProperty(process.env, 'TWO', { value: '1' }),
  'define wholly': () => Object.defineProperty(process.env, 'TWO', { value: '1', writable: true, enumerable: true, configurable: true }).TWO,
  'define a getter': () => Object.defineProperty(process.env, 'TWO', { get() {}, enumerable: true, configurable: true }),
  object: () => ((process.env.THREE = { toString: () => 'text' }), process.env.THREE),
  inherit: () => {
    const child = Object.create(process.env);
    child.FOUR = 'own';
    return [child.FOUR, process.env.FOUR, Object.keys(child).join(), child.HOME === process.env.HOME];
  },
  'for another': () => {
    const other = {};
    return [Reflect.set(process.env, 'FIVE', 'v', other), JSON.stringify(other), process.env.FIVE];
  },
  prevent: () => Object.preventExtensions(process.env),
  copy: () => Object.keys({ ...process.env }).length === Object.keys(Object.assign({}, process.env)).length,
  descriptor: () => JSON.stringify(Object.getOwnPropertyDescriptor(process.env, 'HOME')),
  clone: () => JSON.stringify(structuredClone({ deep: [process.env] })) === JSON.stringify({ deep: [process.env] }),
  'clone what cannot be': () => structuredClone({ env: process.env, act() {} }),
  serialize: () => v8.serialize(process.env),
  'in a context': () => vm.runInNewContext('Object.keys(env).length + typeof env.HOME', { env: process.env }),
};
for (const label in variables) attempt(`env: ${label}`, variables[label]);
show('env of a child', cp.execFileSync(process.execPath, ['-p', 'Object.keys(process.env).sort().join()'], { encoding: 'utf8' }));
const own = { env: { ONE: '1' }, encoding: 'utf8' };
show('env of a child of its own', cp.execFileSync(process.execPath, ['-p', 'JSON.stringify(process.env)'], own));
show('env of a thread', await message(`postMessage(Object.keys(process.env).join())`, {}));
show('env of a thread of its own', await message(`postMessage(JSON.stringify([process.env, process.execArgv]))`, { env: { ONE: '1' }, execArgv: [] }));
show('env as data', await message(`postMessage(workerData.env.HOME === process.env.HOME)`, { workerData: { env: process.env } }));

function message(code, options) {
  const text = `const { parentPort, workerData } = require('worker_threads'); const postMessage = (m) => parentPort.postMessage(m); ${code}`;
  return new Promise((resolve, reject) => {
    new threads.Worker(text, { eval: true, ...options }).on('message', resolve).on('error', reject);
  });
}

// Errors of calls, with their stacks.

const calls = {
  stat: () => fs.statSync('/nope'),
  'stat nothing': () => fs.statSync(),
  open: () => fs.openSync({}),
  read: () => fs.readFileSync('/nope', 'latin99'),
  new: () => new fs.existsSync('/etc'),
  call: () => fs.existsSync.call(null, '/etc'),
  bind: () => fs.existsSync.bind(fs)('/etc'),
  native: () => fs.realpathSync.native('/nope'),
  exec: () => cp.execSync('exit 3', { stdio: 'pipe' }),
  execFile: () => cp.execFileSync('/nope'),
  spawn: () => cp.spawn(),
  spawnSync: () => cp.spawnSync('a', 3),
  'spawnSync with options only': () => cp.spawnSync('true', { stdio: 'ignore' }).status,
  Worker: () => threads.Worker('x'),
  'new Worker': () => new threads.Worker(3),
  connect: () => net.connect({ port: 'x' }),
  'connect nowhere': () => net.connect({}),
  listen: () => net.createServer().listen({}),
  lookup: () => dns.lookup(3, () => {}),
  'lookup without callback': () => dns.lookup('localhost'),
  'lookup of promises': () => dns.promises.lookup(3),
  resolve: () => dns.promises.resolve4(3),
  send: () => dgram.createSocket('udp4').send('x'),
  request: () => http.request('nope'),
  dlopen: () => process.dlopen({ exports: {} }, '/nope.node'),
};
for (const label in calls) attempt(label, calls[label]);
class Mine extends threads.Worker {}
attempt('a class of its own', () => {
  const mine = new Mine('0', { eval: true });
  const other = new threads.Worker('0', { eval: true });
  return [mine instanceof threads.Worker, mine.constructor === Mine, Object.getPrototypeOf(Mine) === threads.Worker, other.constructor === threads.Worker];
});

// Callbacks and promises.

for (const act of [() => promises.readFile('/nope'), () => promises.open('/nope'), () => dns.promises.lookup('absent.invalid')]) {
  await act().catch((error) => show('rejected', stackOf(error)));
}
const opening = promises.open('/etc/passwd');
show('promises', [promises.readFile('/etc/passwd').constructor === Promise, opening.constructor === Promise]);
await (await opening).close();
await new Promise((resolve) => {
  dns.lookup('127.0.0.1', function named(...values) {
    show('looked up', JSON.stringify(values));
    show('from', stackOf(new Error('here')));
    resolve();
  });
});
await new Promise((resolve) => {
  fs.stat('/nope', function named(error) {
    show('called back', [stackOf(error), arguments.length]);
    resolve();
  });
});
const order = [];
const read = promises.readFile('/etc/passwd').then(() => order.push('read'));
process.nextTick(() => order.push('tick'));
Promise.resolve().then(() => order.push('microtask'));
await read;
show('order', order.join());
const { promisify } = util;
show('promisified', [promisify(fs.stat).name, promisify(fs.exists).name, await promisify(fs.exists)('/etc'), (await promisify(dns.lookup)('127.0.0.1')).address]);
await new Promise((resolve) => {
  process.once('unhandledRejection', (error) => resolve(show('unhandled', error.hostname)));
  dns.promises.lookup('absent.invalid');
});
await new Promise((resolve) => {
  const server = http.createServer((request, response) => response.end(new Error('in a handler').stack.replace(/:\d+:\d+/g, '')));
  server.listen(0, '127.0.0.1', async () => {
    show('served', await (await fetch(`http://127.0.0.1:${server.address().port}/`)).text());
    server.close(resolve);
    server.closeAllConnections();
  });
});
process.exit(0);
