/*
promise: on a terminal the service sees a terminal: size, raw mode, what is typed
terminal: hello\n
keep: on a terminal|number|typed
prints: on a terminal true true true
prints: number true false
prints: typed hello
---
*/
import { createInterface } from 'node:readline';

console.log('on a terminal', String(process.stdin.isTTY), String(process.stdout.isTTY), String(process.stderr.isTTY));
console.log(typeof process.stdout.columns, String(process.stdin.setRawMode(true).isRaw), String(process.stdin.setRawMode(false).isRaw));
console.log('ready {}');
const lines = createInterface({ input: process.stdin });
for await (const line of lines) {
  console.log('typed', line);
  break;
}
process.stdin.destroy();
