/*
promise: two processes serve one granted port with reusePort
node: >=23.1
stop: SIGTERM
---
[fs]
read = ["${suite}"]
[net]
listen = ["127.0.0.1:${listen}"]
[process]
children = ["${node}"]
*/
import { fork } from 'node:child_process';
import http from 'node:http';
import { fileURLToPath } from 'node:url';

const server = http.createServer((request, response) => {
  response.setHeader('connection', 'close');
  response.end(`served ${request.url}`);
});
const listen = (ready) => server.listen({ port: Number(process.env.LISTEN), host: '127.0.0.1', reusePort: true }, ready);

if (process.send) {
  listen(() => process.send('listening'));
  process.on('disconnect', () => server.close());
} else {
  const child = fork(fileURLToPath(import.meta.url));
  child.on('message', () => listen(() => console.log('ready {}')));
  process.on('SIGTERM', () => {
    child.on('exit', (code) => console.log('child left', code));
    child.disconnect();
    server.close(() => console.log('closed'));
  });
}
