/*
promise: what only Node can refuse is refused by its own drop where it has one, and the error says which it is
inside: worker ERR_RINGFENCE_UNSUPPORTED true
inside: wasi ERR_RINGFENCE_UNSUPPORTED true
bare: bare
---
[process]
workers = true
wasi = true
*/
import { Worker } from 'node:worker_threads';

// Node 25 has no `permission.drop`, and 22 none either.
const major = parseInt(process.versions.node, 10);
const dropped = major === 24 || major >= 26;

function starts() {
  try {
    new Worker('', { eval: true }).terminate();
    return true;
  } catch ({ code }) {
    return code !== 'ERR_ACCESS_DENIED';
  }
}

for (const scope of ['worker', 'wasi']) {
  if (process.permission?.assert === undefined) {
    console.log('bare');
    break;
  }
  const before = process.permission.has(scope);
  try {
    process.permission.drop(scope);
  } catch ({ code, message }) {
    const says = message.includes('refuse it to this process');
    const after = process.permission.has(scope);
    const works = scope === 'worker' ? starts() : after;
    console.log(scope, code, before && says === dropped && after === !says && works === !says);
  }
}
