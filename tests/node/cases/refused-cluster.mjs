/*
promise: a worker of a cluster is told of a refused listener by an event
bare: listens
inside: ERR_ACCESS_DENIED Net
---
[fs]
read = ["${suite}"]
[net]
listen = ["127.0.0.1:${listen}", "127.0.0.2:${listen}"]
[process]
children = ["${node}"]
*/
import cluster from 'node:cluster';
import { createServer } from 'node:net';

if (cluster.isPrimary) {
  const worker = cluster.fork();
  worker.on('message', (text) => {
    console.log(text);
    worker.kill();
  });
  worker.on('exit', () => process.exit());
} else {
  const server = createServer();
  server.on('error', ({ code, permission }) => process.send(`${code} ${permission}`));
  server.listen(Number(process.env.LISTEN), '0.0.0.0', () => process.send('listens'));
}
