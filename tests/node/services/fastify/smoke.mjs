/*
promise: an application of fastify's generator serves, validates and computes on worker threads
node: 22 24 26
ready: Server listening
*/
import { show } from '../traffic.mjs';

const base = 'http://127.0.0.1:18502';
const json = (body) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});
await show('root', `${base}/`);
await show('example', `${base}/example`);
await show('missing', `${base}/missing`);
await show('refused', `${base}/digest`, json({ text: 'a', rounds: 'many' }));
const tasks = Array.from({ length: 20 }, (_, index) => json({ text: `text ${index}`, rounds: 2000 }));
const answers = await Promise.all(tasks.map((task) => fetch(`${base}/digest`, task).then((answer) => answer.json())));
for (const { digest, worker } of answers) console.log('digest', digest, worker);
