/*
promise: a Unix socket in a granted folder is reached from outside, one in /tmp by the service itself
stop: SIGTERM
---
[fs]
read = ["${suite}"]
write = ["${scratch}"]
*/
import { chmodSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';

const server = () => createServer((socket) => socket.end('found'));
const own = `/tmp/ringfence-suite-${process.pid}.sock`;
const inner = server().listen(own, () => {
  const socket = connect(own);
  socket.on('data', (data) => console.log('self', data.toString()));
  socket.on('error', (error) => console.log('self', error.code));
  socket.on('close', () => {
    inner.close();
    const outer = server().listen(`${process.env.SCRATCH}/service.sock`, () => {
      chmodSync(`${process.env.SCRATCH}/service.sock`, 0o666);
      console.log('ready {}');
    });
    process.on('SIGTERM', () => outer.close(() => console.log('closed')));
  });
});
process.on('exit', () => rmSync(own, { force: true }));
