// reads the same key from a worker thread started without Node's permission flags
import { Worker } from 'node:worker_threads';

const [path] = process.argv.slice(1);
const code = `
  const { parentPort } = require('node:worker_threads');
  try {
    const key = require('node:fs').readFileSync(${JSON.stringify(path)}, 'utf8');
    parentPort.postMessage({ reached: true, saw: key.length + ' bytes, permission model ' + (process.permission ? 'on' : 'off') });
  } catch (error) {
    parentPort.postMessage({ reached: false, saw: error.code + ', permission model ' + (process.permission ? 'on' : 'off') });
  }`;
const worker = new Worker(code, { eval: true, execArgv: [] });
worker.on('message', (answer) => console.log(JSON.stringify(answer)));
worker.on('error', (error) => console.log(JSON.stringify({ reached: false, saw: error.code })));
