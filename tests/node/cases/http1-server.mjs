/*
promise: a granted listener serves HTTP/1.1, kept alive or not, and stops cleanly on SIGTERM
stop: SIGTERM
---
[net]
listen = ["127.0.0.1:${listen}"]
*/
import http from 'node:http';

const port = Number(process.env.LISTEN);
const server = http.createServer(async (request, response) => {
  let length = 0;
  for await (const part of request) length += part.length;
  response.end(`${request.method} ${request.url} ${length}`);
});
server.listen(port, '127.0.0.1', () => {
  console.log(server.address().port === port, server.address().address);
  console.log('ready {}');
});
process.on('SIGTERM', () => server.close(() => console.log('closed')));
