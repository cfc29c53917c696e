/*
promise: the exit code of the service is the exit code of the run
---
*/
console.log('leaving');
process.exitCode = 42;
