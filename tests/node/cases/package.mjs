/*
promise: the package asks the boundary, as a module and as a script, in every thread; outside it says so
bare: inside false ERR_RINGFENCE_NOT_INSIDE
bare: script false ERR_RINGFENCE_NOT_INSIDE
bare: worker false ERR_RINGFENCE_NOT_INSIDE
inside: inside true true false
inside: script true true false
inside: worker true true false
inside: identity suite boundary,ringfence,service
inside: unknown ERR_RINGFENCE_UNKNOWN_SCOPE
inside: denied ERR_ACCESS_DENIED Net other.test:443 net.connect = ["other.test:443"]
inside: same answers true
inside: URL true bytes true relative true
inside: wrong ERR_INVALID_ARG_TYPE
inside: dropped ERR_RINGFENCE_NOTHING_DROPPED
---
[fs]
read = ["${suite}", "${suite}/../../crates/node/npm"]
[net]
connect = ["127.0.0.1:${tcp}"]
[process]
workers = true
*/
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { identity, inside, permission } from '../../../crates/node/npm/index.mjs';

const require = createRequire(import.meta.url);
const script = require('../../../crates/node/npm/index.js');
const { tcp, other, suite } = JSON.parse(process.env.PEER);
const attempt = (act) => {
  try {
    return act();
  } catch (error) {
    return error.code;
  }
};
const both = (from) => attempt(() => `${from.has('net', `127.0.0.1:${tcp}`)} ${from.has('net', `127.0.0.1:${other}`)}`);

console.log('inside', inside, both(permission));
console.log('script', script.inside, both(script.permission));
// Without Node's options nothing but the package brings the answers into this thread.
const body = `
  const { inside, permission } = require(${JSON.stringify(require.resolve('../../../crates/node/npm/index.js'))});
  const both = () => { try { return permission.has('net', '127.0.0.1:${tcp}') + ' ' + permission.has('net', '127.0.0.1:${other}') } catch (error) { return error.code } };
  require('node:worker_threads').parentPort.postMessage(inside + ' ' + both());
`;
const worker = new Worker(body, { eval: true, execArgv: [] });
console.log('worker', await new Promise((resolve) => worker.once('message', resolve)));

if (inside) {
  console.log('identity', identity().service, Object.keys(identity()).sort().join());
  console.log('unknown', attempt(() => permission.has('network')));
  try {
    permission.assert('net', 'other.test:443');
  } catch ({ code, permission: name, resource, missingGrant }) {
    console.log('denied', code, name, resource, missingGrant);
  }
  console.log('same answers', process.permission.has('fs.read', suite) === permission.has('fs.read', suite));
  process.chdir(suite);
  const url = new URL(`file://${suite}`);
  const has = (reference) => permission.has('fs.read', reference);
  console.log('URL', attempt(() => has(url)), 'bytes', attempt(() => has(Buffer.from(suite))), 'relative', attempt(() => has('cases')));
  console.log('wrong', attempt(() => permission.has('net', 7)));
  console.log('dropped', attempt(() => permission.drop('net', 'other.test:443')));
}
