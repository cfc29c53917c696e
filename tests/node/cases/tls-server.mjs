/*
promise: a service serves HTTPS with a granted key
stop: SIGTERM
---
[fs]
read = ["${suite}", "${tls}"]
[net]
listen = ["127.0.0.1:${listen}"]
*/
import { readFileSync } from 'node:fs';
import https from 'node:https';

const { tls } = JSON.parse(process.env.PEER);
const server = https.createServer(
  { cert: readFileSync(`${tls}/cert.pem`), key: readFileSync(`${tls}/key.pem`) },
  (request, response) => response.end('secret enough'),
);
server.listen(Number(process.env.LISTEN), '127.0.0.1', () => console.log('ready {}'));
process.on('SIGTERM', () => {
  server.close(() => console.log('closed'));
  server.closeAllConnections();
});
