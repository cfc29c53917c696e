// The application: everything that is recorded, once by itself and once by each package.
import { execFileSync, execSync, fork, spawn } from 'node:child_process';
import dgram from 'node:dgram';
import dns from 'node:dns';
import { once } from 'node:events';
import fs, { readFileSync } from 'node:fs';
import http from 'node:http';
import inspector from 'node:inspector';
import { createRequire } from 'node:module';
import net from 'node:net';
import { Worker } from 'node:worker_threads';
import inner from '@scope/inner';
import * as esm from 'esm';

const require = createRequire(import.meta.url);
const plain = require('plain');
const done = (emitter, event = 'exit') => once(emitter, event);

// Files.
readFileSync('data.txt');
fs.existsSync('/etc/absent-app');
fs.readFileSync(new URL('./data.txt?x', import.meta.url).pathname);
fs.readFileSync(Buffer.from('data.bin'));
await fs.promises.writeFile(`${process.env.SCRATCH}/app`, 'x');
const handle = await fs.promises.open(`${process.env.SCRATCH}/flushed`, 'w+');
await handle.sync();
await handle.close();

// Variables; going through all is one thing and not each.
void process.env.APP_SET;
void ('APP_MISSING' in process.env);
void { ...process.env };
for (const name in process.env) void process.env[name];

// The network: a server, and what connects to it by name, by address and by URL.
const server = http.createServer((_, response) => response.end('hello'));
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();
const socket = net.connect({ port, host: '127.0.0.1' });
await once(socket, 'connect');
socket.destroy();
await inner.connect(port);
await (await fetch(`http://localhost:${port}/`)).text();
await (await esm.fetches(`http://127.0.0.1:${port}/`)).text();
// The connection of fetch is kept and used again, by a package that has never connected.
await (await plain.fetches(`http://localhost:${port}/`)).text();
const mapped = { host: 'mapped.example', port, lookup: (_, options, then) => answer(options, then) };
const answer = ({ all }, then) => (all ? then(null, [{ address: '127.0.0.1', family: 4 }]) : then(null, '127.0.0.1', 4));
const through = net.connect(mapped);
await once(through, 'connect');
through.destroy();
server.close();
server.closeAllConnections();
await dns.promises.lookup('localhost', { family: 4 });
await new Promise((resolve) => dns.lookup('absent.invalid', resolve));
const udp = dgram.createSocket('udp4');
udp.bind(0, '127.0.0.1');
await once(udp, 'listening');
udp.send('x', udp.address().port, '127.0.0.1');
udp.close();
const unix = net.createServer().listen(`${process.env.SCRATCH}/socket`);
await once(unix, 'listening');
await inner.joins(`${process.env.SCRATCH}/socket`);
unix.close();

// Children and threads, which tell for themselves.
execFileSync(process.execPath, ['child.cjs', 'first']);
execSync('true');
await done(spawn('true'));
await done(fork('child.cjs', ['second'], { env: {} }));
await done(new Worker('./worker.cjs'));
await done(new Worker('./worker.cjs', { env: {}, workerData: { env: process.env }, execArgv: [] }));

await plain.all();
await esm.all();
new inspector.Session().connect();
const { WASI } = await import('node:wasi');
new WASI({ version: 'preview1', preopens: { '/data': process.cwd() } });
console.log('done');
