/*
promise: an application of fastify's generator serves, validates and computes on worker threads
node: 22 24 26
ready: Server listening
denied: open .env because there is none, and one with secrets should not be read from the code's folder
denied: open fastify because it asks whether the folder is there before it looks for plugins to load
denied: open package.json because it looks for one below a file
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
