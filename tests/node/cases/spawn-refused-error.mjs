/*
promise: a program that the boundary does not let start is ERR_ACCESS_DENIED, as an event and thrown
bare: granted ran
bare: event ran
bare: thrown ran
bare: result ran
inside: granted ran
inside: event ERR_ACCESS_DENIED ChildProcess node EACCES
inside: thrown ERR_ACCESS_DENIED ChildProcess node EACCES
inside: result ERR_ACCESS_DENIED ChildProcess node EACCES
---
[process]
children = ["${echo}"]
*/
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { basename } from 'node:path';

const { echo, node } = JSON.parse(process.env.PEER);
const tell = (what, error) => {
  if (!error) return console.log(what, 'ran');
  console.error(error);
  const { code, permission, resource, cause } = error;
  return console.log(what, code, permission, basename(resource ?? ''), cause?.code);
};

console.log('granted', spawnSync(echo).status === 0 ? 'ran' : 'did not');
const child = spawn(node, ['-e', '0']);
tell('event', await new Promise((resolve) => child.on('error', resolve).on('exit', () => resolve())));
try {
  execFileSync(node, ['-e', '0']);
  tell('thrown');
} catch (error) {
  tell('thrown', error);
}
tell('result', spawnSync(node, ['-e', '0']).error);
