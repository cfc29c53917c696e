/*
promise: a granted UDP port answers datagrams from outside, each sender apart
stop: SIGTERM
---
[net]
udp-listen = ["127.0.0.1:${listen}"]
*/
import { createSocket } from 'node:dgram';

const socket = createSocket('udp4');
socket.on('message', (message, from) => socket.send(`heard ${message}`, from.port, from.address));
socket.bind(Number(process.env.LISTEN), '127.0.0.1', () => console.log('ready {}'));
process.on('SIGTERM', () => socket.close(() => console.log('closed')));
