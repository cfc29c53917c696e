/*
promise: a service that kills itself is reported as killed
---
*/
console.log('killing myself');
process.kill(process.pid, 'SIGKILL');
setInterval(() => {}, 1000);
