// A program that closes descriptors it does not know, as daemons do, and opens files of its own.
const fs = require('fs');
const file = `${process.env.SCRATCH}/own`;
fs.writeFileSync(file, '');
const target = fs.readdirSync('/proc/self/fd').filter((fd) => {
  try {
    return /record$/.test(fs.readlinkSync(`/proc/self/fd/${fd}`));
  } catch {
    return false;
  }
});
target.forEach((fd) => fs.closeSync(Number(fd)));
const own = [1, 2, 3, 4].map(() => fs.openSync(file, 'r+'));
fs.existsSync('/etc/closed');
void process.env.CLOSED;
console.log(own.length, fs.readFileSync(file, 'utf8') === '');
