/*
promise: a grant of port 0 gives an ephemeral port that is reached from outside under its own number
stop: SIGTERM
---
[net]
listen = ["127.0.0.1:0"]
*/
import { createServer } from 'node:net';

const server = createServer((socket) => socket.end('found'));
server.listen(0, '127.0.0.1', () => console.log(`ready {"port":${server.address().port}}`));
process.on('SIGTERM', () => server.close(() => console.log('closed')));
