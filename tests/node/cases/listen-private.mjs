/*
promise: a listener that was not granted is reached by the service itself and by nobody outside
stop: SIGTERM
bare: self found
bare: outside: found
inside: self found
inside: outside: ECONNREFUSED
---
*/
import { connect, createServer } from 'node:net';

const port = Number(process.env.LISTEN);
const server = createServer((socket) => socket.end('found'));
server.listen(port, '127.0.0.1', () => {
  const socket = connect(port, '127.0.0.1');
  socket.on('data', (data) => console.log('self', data.toString()));
  socket.on('close', () => console.log('ready {}'));
  socket.on('error', (error) => console.log('self', error.code));
});
process.on('SIGTERM', () => server.close());
