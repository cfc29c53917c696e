/*
promise: on SIGTERM a service finishes the request in flight, then exits with code 0
---
[net]
listen = ["127.0.0.1:${listen}"]
*/
import http from 'node:http';

let finish;
const server = http.createServer((request, response) => {
  if (request.url === '/pid') return response.end();
  response.write('begun ');
  finish = () => response.end('finished');
  console.log('request begun');
  console.log('ready {"signal":"SIGTERM"}');
});
process.on('SIGTERM', () => {
  console.log('SIGTERM');
  server.close(() => console.log('closed'));
  finish();
});
server.listen(Number(process.env.LISTEN), '127.0.0.1', () => console.log('ready {}'));
