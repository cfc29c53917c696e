/*
promise: granted programs start, with arguments, input, output, exit codes and signals
---
[fs]
read = ["${suite}"]
[process]
children = ["${echo}", "${cat}", "${sh}", "${node}"]
*/
import { execFile, execFileSync, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

if (process.send) {
  process.on('message', (number) => {
    process.send(number * 2);
    process.disconnect();
  });
} else {
  const { echo, cat, sh } = JSON.parse(process.env.PEER);
  console.log(execFileSync(echo, ['sync', 'child'], { encoding: 'utf8' }).trim());
  console.log((await promisify(execFile)(echo, ['async'])).stdout.trim());

  const pipe = spawn(cat);
  pipe.stdin.end('through a pipe');
  for await (const part of pipe.stdout) console.log(part.toString());

  console.log(spawnSync(sh, ['-c', 'exit 7']).status);
  const sleeper = spawn(cat);
  sleeper.kill('SIGTERM');
  console.log(await once(sleeper, 'exit'));

  const child = fork(fileURLToPath(import.meta.url));
  child.send(21);
  console.log(await once(child, 'message').then(([answer]) => answer));
  console.log(await once(child, 'exit'));
}
