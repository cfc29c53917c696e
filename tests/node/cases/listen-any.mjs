/*
promise: a service that listens on all addresses is reached at the granted one
stop: SIGTERM
---
[net]
listen = ["127.0.0.1:${listen}"]
*/
import { createServer } from 'node:net';

const server = createServer((socket) => socket.end('found'));
server.listen(Number(process.env.LISTEN), () => {
  console.log(server.address().port === Number(process.env.LISTEN));
  console.log('ready {}');
});
process.on('SIGTERM', () => server.close(() => console.log('closed')));
