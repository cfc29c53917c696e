/*
promise: large transfers, half-closed sockets, 200 connections at once and aborted connects behave alike
---
[net]
connect = ["127.0.0.1:${tcp}", "127.0.0.1:${http}"]
*/
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';

const { tcp } = JSON.parse(process.env.PEER);

const big = connect(tcp, '127.0.0.1', () => big.write('big 20000000\n'));
const hash = createHash('sha256');
let length = 0;
for await (const part of big) {
  hash.update(part);
  length += part.length;
}
console.log(length, hash.digest('hex').slice(0, 16));

const half = connect({ port: tcp, host: '127.0.0.1', allowHalfOpen: true });
half.end('last words');
let text = '';
for await (const part of half) text += part;
console.log(text);

const many = await Promise.all(
  Array.from({ length: 200 }, async (_, i) => {
    const socket = connect(tcp, '127.0.0.1');
    socket.setNoDelay(true).setKeepAlive(true, 1000);
    socket.write(`socket ${i}`);
    const [data] = await once(socket, 'data');
    socket.destroy();
    return data.toString() === `socket ${i}`;
  }),
);
console.log(many.length, many.every(Boolean));

for (let i = 0; i < 50; i += 1) connect(tcp, '127.0.0.1').destroy();
const after = connect(tcp, '127.0.0.1', () => after.write('still works'));
const [data] = await once(after, 'data');
console.log(data.toString());
after.destroy();
