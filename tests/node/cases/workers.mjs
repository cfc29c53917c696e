/*
promise: worker threads start, share memory, pass messages and open granted sockets
---
[net]
connect = ["127.0.0.1:${tcp}"]
[process]
workers = true
*/
import { connect } from 'node:net';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const { tcp } = JSON.parse(process.env.PEER);

if (isMainThread) {
  const shared = new SharedArrayBuffer(4);
  const answers = await Promise.all(
    Array.from({ length: 4 }, (_, number) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: { shared, number } });
      return new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject));
    }),
  );
  console.log(answers.sort());
  console.log(new Int32Array(shared)[0]);
} else {
  Atomics.add(new Int32Array(workerData.shared), 0, 1);
  const socket = connect(tcp, '127.0.0.1', () => socket.write(`worker ${workerData.number}`));
  socket.on('data', (data) => {
    parentPort.postMessage(data.toString());
    socket.destroy();
  });
}
