/*
promise: cluster workers share a granted listener (SCHED_NONE)
stop: SIGTERM
---
[fs]
read = ["${suite}"]
[net]
listen = ["127.0.0.1:${listen}"]
[process]
children = ["${node}"]
*/
import cluster from 'node:cluster';
import http from 'node:http';

cluster.schedulingPolicy = cluster.SCHED_NONE;

if (cluster.isPrimary) {
  const workers = [cluster.fork(), cluster.fork()];
  let listening = 0;
  cluster.on('listening', () => {
    listening += 1;
    if (listening === workers.length) console.log('ready {}');
  });
  process.on('SIGTERM', () => {
    let left = workers.length;
    cluster.on('exit', (worker, code) => {
      console.log('worker left', code);
      left -= 1;
      if (left === 0) process.exit(0);
    });
    for (const worker of workers) worker.send('stop');
  });
} else {
  const server = http.createServer({ keepAlive: false }, (request, response) => {
    response.setHeader('connection', 'close');
    response.end(`served ${request.url}`);
  });
  server.listen(Number(process.env.LISTEN), '127.0.0.1');
  process.on('message', () => server.close(() => process.disconnect()));
}
