/*
promise: one Ctrl-C on a terminal is one SIGINT
terminal: \x03
keep: interrupts
prints: interrupts 1
---
*/
let interrupts = 0;
process.on('SIGINT', () => {
  interrupts += 1;
  if (interrupts === 1) setTimeout(() => {
    console.log(`\ninterrupts ${interrupts}`);
    process.exit(0);
  }, 200);
});
setInterval(() => {}, 1000);
console.log('ready {}');
