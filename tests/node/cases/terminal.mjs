/*
promise: on a terminal the service sees a terminal: size, raw mode, what is typed
terminal: hello\n
---
*/
import { createInterface } from 'node:readline';

console.log(process.stdin.isTTY, process.stdout.isTTY, process.stderr.isTTY);
console.log(typeof process.stdout.columns, process.stdin.setRawMode(true).isRaw, process.stdin.setRawMode(false).isRaw);
console.log('ready {}');
const lines = createInterface({ input: process.stdin });
for await (const line of lines) {
  console.log('typed', line);
  break;
}
