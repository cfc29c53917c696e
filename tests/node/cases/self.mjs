/*
promise: a service that calls its own granted listener reaches itself, by address and by localhost
---
[net]
listen = ["127.0.0.1:${listen}"]
*/
import http from 'node:http';

const port = Number(process.env.LISTEN);
const server = http.createServer((request, response) => response.end('myself'));
server.listen(port, '127.0.0.1', async () => {
  for (const host of ['127.0.0.1', 'localhost']) {
    console.log(await fetch(`http://${host}:${port}/`).then((a) => a.text(), (e) => e.cause?.code ?? e.message));
  }
  server.closeAllConnections();
  server.close(() => console.log('closed'));
});
