/*
promise: the script in front of a program shows neither in its functions nor in its stacks
prints: lookup lookup 3 connect 0 send 6
prints: same lookup true true
prints: promisified 127.0.0.1
prints: frames in a handler 0
prints: new globals 0
prints: symbols of a socket error 0
prints: a lookup without Promise true
prints: patched fs, JSON and Buffer still answer true
---
[net]
connect = ["127.0.0.1:${http}"]
*/
import dgram from 'node:dgram';
import dns, { lookup } from 'node:dns';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { promisify } from 'node:util';
import vm from 'node:vm';

const port = JSON.parse(process.env.PEER).http;
const { length } = net.Socket.prototype.connect;
console.log('lookup', lookup.name, lookup.length, 'connect', length, 'send', dgram.Socket.prototype.send.length);
console.log('same lookup', dns.lookup === lookup, dns.promises.lookup.name === 'lookup');
console.log('promisified', (await promisify(lookup)('127.0.0.1')).address);

const server = http.createServer((request, response) => {
  const frames = new Error().stack.split('\n').filter((line) => line.includes('.ringfence'));
  response.end(String(frames.length));
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const answer = await fetch(`http://127.0.0.1:${server.address().port}/`);
console.log('frames in a handler', await answer.text());
server.close();

const usual = new Set(Object.keys(vm.runInNewContext('globalThis')));
const added = Object.keys(globalThis).filter((name) => !usual.has(name) && /ringfence|preload/i.test(name));
console.log('new globals', added.length);

const error = await new Promise((resolve) => net.connect(1, '127.0.0.1').on('error', resolve));
console.log('symbols of a socket error', Object.getOwnPropertySymbols(error).length);

// As polyfills of promises do it.
const own = globalThis.Promise;
globalThis.Promise = undefined;
let looks = true;
try {
  dns.lookup('127.0.0.1', () => {});
} catch {
  looks = false;
}
globalThis.Promise = own;
console.log('a lookup without Promise', looks);

// As frameworks of tests and polyfills do it.
JSON.parse = JSON.stringify = () => undefined;
fs.readSync = fs.writeSync = () => 0;
Buffer.prototype.utf8Slice = () => '';
String.prototype.startsWith = String.prototype.includes = () => false;
const { permission } = process;
const bare = permission?.assert === undefined;
const told = bare || permission.has('net', `127.0.0.1:${port}`) === true;
fs.writevSync(1, [new TextEncoder().encode(`patched fs, JSON and Buffer still answer ${told}\n`)]);
