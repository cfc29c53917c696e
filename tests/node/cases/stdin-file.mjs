/*
promise: a program can be read from standard input, and large output to a pipe is not cut
program: --input-type=module -
stdin: process.stdout.write('x'.repeat(1_000_000) + '\\n');
---
*/
