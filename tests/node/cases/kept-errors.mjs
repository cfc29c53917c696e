/*
promise: errors of peers, files and the program's own mistakes stay what they are
prints: closed port ECONNREFUSED connect undefined undefined
prints: missing socket ENOENT connect undefined undefined
prints: address in use EADDRINUSE listen undefined undefined
prints: datagram EADDRINUSE bind undefined undefined
prints: no program ENOENT spawn undefined undefined
prints: no file ENOENT open undefined undefined
prints: bad port ERR_SOCKET_BAD_PORT undefined undefined undefined
---
[fs]
read = ["${suite}"]
write = ["${scratch}"]
[net]
connect = ["127.0.0.1:${closed}"]
[process]
children = ["${echo}"]
*/
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { open } from 'node:fs/promises';
import { connect, createServer } from 'node:net';

const { closed } = JSON.parse(process.env.PEER);
const { SCRATCH } = process.env;
const failed = (emitter) => new Promise((resolve) => emitter.on('error', resolve));
const tell = (what, error) => {
  const syscall = error.syscall?.split(' ')[0];
  console.log(what, error.code, syscall, error.permission, error.resource);
};

tell('closed port', await failed(connect(closed, '127.0.0.1')));
tell('missing socket', await failed(connect(`${SCRATCH}/missing`)));
const server = createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
tell('address in use', await failed(createServer().listen(server.address().port, '127.0.0.1')));
server.close();
const socket = createSocket('udp4');
await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
const second = createSocket('udp4');
second.bind(socket.address().port, '127.0.0.1');
tell('datagram', await failed(second));
second.close();
socket.close();
tell('no program', await failed(spawn(`${SCRATCH}/missing`)));
tell('no file', await open(`${SCRATCH}/missing`).catch((error) => error));
try {
  connect(70000);
} catch (error) {
  tell('bad port', error);
}
