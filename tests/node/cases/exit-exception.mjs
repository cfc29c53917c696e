/*
promise: an uncaught exception ends the run with Node's exit code
---
*/
console.log('throwing');
setTimeout(() => {
  throw new Error('nobody catches this');
}, 1);
