/*
promise: SIGHUP, SIGUSR2, SIGINT and SIGTERM each arrive once
---
*/
const heard = [];
const next = { SIGHUP: 'SIGUSR2', SIGUSR2: 'SIGINT', SIGINT: 'SIGTERM' };
for (const signal of ['SIGHUP', 'SIGUSR2', 'SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    heard.push(signal);
    if (next[signal]) {
      console.log(`ready {"signal":"${next[signal]}"}`);
    } else {
      console.log(heard.join(' '));
      process.exit(3);
    }
  });
}
setInterval(() => {}, 1000);
console.log('ready {"signal":"SIGHUP"}');
