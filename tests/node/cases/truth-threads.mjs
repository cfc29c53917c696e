/*
promise: eleven threads ask at once and each gets its own answers
bare: no boundary
inside: 11000 right
inside: answered after threads were ended
---
[net]
connect = ["127.0.0.1:${tcp}"]
[process]
workers = true
*/
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const { permission } = process;
const { tcp, other } = workerData ?? JSON.parse(process.env.PEER);

function ask(times) {
  let right = 0;
  for (let at = 0; at < times; at += 1) {
    const granted = at % 2 === 0;
    right += permission.has('net', `127.0.0.1:${granted ? tcp : other}`) === granted ? 1 : 0;
  }
  return right;
}

const start = (options) => new Worker(new URL(import.meta.url), options);

if (!isMainThread) {
  if (workerData.forever) {
    parentPort.postMessage('started');
    for (;;) ask(1);
  }
  parentPort.postMessage(ask(1000));
} else if (permission?.assert === undefined) {
  console.log('no boundary');
} else {
  const answer = (worker) =>
    new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject));
  // One of them with an environment of its own, which does not name the channel.
  const own = (at) => (at === 0 ? { env: {} } : {});
  const workers = Array.from({ length: 10 }, (_, at) => start({ workerData: { tcp, other }, ...own(at) }));
  const answers = workers.map(answer);
  answers.push(ask(1000));
  console.log((await Promise.all(answers)).reduce((sum, one) => sum + one), 'right');

  const endless = Array.from({ length: 5 }, () => start({ workerData: { tcp, other, forever: true } }));
  await Promise.all(endless.map(answer));
  await Promise.all(endless.map((worker) => worker.terminate()));
  if (ask(100) === 100) console.log('answered after threads were ended');
}
