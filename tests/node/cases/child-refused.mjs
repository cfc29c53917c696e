/*
promise: a program that was not granted does not start, though another one was
bare: granted ran
bare: other ran
inside: granted ran
inside: other refused
---
[process]
children = ["${echo}"]
*/
import { execFileSync } from 'node:child_process';

const { echo, cat } = JSON.parse(process.env.PEER);
const attempt = (program) => {
  try {
    execFileSync(program, ['--version']);
    return 'ran';
  } catch (error) {
    console.error(error);
    return 'refused';
  }
};
console.log('granted', attempt(echo));
console.log('other', attempt(cat));
