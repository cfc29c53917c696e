/*
promise: children on Node, however they are started, are told the truth too
bare: fork no answer
bare: spawn no answer
bare: environment no answer
bare: sync no answer
bare: shell no answer
inside: fork true false
inside: spawn true false
inside: environment true false
inside: sync true false
inside: shell true false
---
[fs]
read = ["${suite}"]
[net]
connect = ["127.0.0.1:${tcp}"]
[process]
children = ["${node}", "${sh}"]
*/
import { execFileSync, fork, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const { PEER, RINGFENCE_CONTROL } = process.env;
const { tcp, other, sh } = JSON.parse(PEER);
const file = fileURLToPath(import.meta.url);
const [, , name] = process.argv;

if (name !== undefined) {
  const { permission } = process;
  const has = (port) => permission.has('net', `127.0.0.1:${port}`);
  console.log(name, permission === undefined ? 'no answer' : `${has(tcp)} ${has(other)}`);
} else {
  const ended = (child) => new Promise((resolve) => child.on('close', resolve));
  await ended(fork(file, ['fork']));
  await ended(spawn(process.execPath, [file, 'spawn'], { stdio: 'inherit' }));
  const env = { PEER, ...(RINGFENCE_CONTROL && { RINGFENCE_CONTROL }) };
  await ended(spawn(process.execPath, [file, 'environment'], { env, stdio: 'inherit' }));
  process.stdout.write(execFileSync(process.execPath, [file, 'sync'], { encoding: 'utf8' }));
  process.stdout.write(execFileSync(sh, ['-c', `'${process.execPath}' '${file}' shell`]));
}
