/*
promise: a program that blocks in connect, started by the service, reaches the same grants and no more
bare: granted echo
bare: other echo
inside: granted echo
inside: other refused
---
[fs]
read = ["${suite}"]
[net]
connect = ["127.0.0.1:${tcp}"]
[process]
children = ["${bash}"]
*/
import { spawnSync } from 'node:child_process';

const { bash, tcp, other } = JSON.parse(process.env.PEER);
const talk = (port) => {
  const script = `exec 3<>/dev/tcp/127.0.0.1/${port} && echo echo >&3 && read -r line <&3 && echo "$line"`;
  const { status, stdout, stderr } = spawnSync(bash, ['-c', script], { encoding: 'utf8', timeout: 120_000 });
  if (status !== 0) console.error(stderr);
  return status === 0 ? stdout.trim() : 'refused';
};
console.log('granted', talk(tcp));
console.log('other', talk(other));
