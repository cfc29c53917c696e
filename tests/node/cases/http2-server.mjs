/*
promise: a granted listener serves HTTP/2
stop: SIGTERM
---
[net]
listen = ["127.0.0.1:${listen}"]
*/
import http2 from 'node:http2';

const server = http2.createServer((request, response) => response.end(`stream ${request.url}`));
server.listen(Number(process.env.LISTEN), '127.0.0.1', () => console.log('ready {}'));
process.on('SIGTERM', () => server.close(() => console.log('closed')));
