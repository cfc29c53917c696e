/*
promise: standard input from a pipe arrives whole, and its end is seen
stdin: one\ntwo\nthree
---
*/
console.log(process.stdin.isTTY ?? false);
let text = '';
for await (const part of process.stdin.setEncoding('utf8')) text += part;
console.log(JSON.stringify(text));
