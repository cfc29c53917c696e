// A program that ends where it should not, nests as deep as it can, and guards its hooks.
const fs = require('fs');
const vm = require('vm');
const { statSync } = fs;
fs.statSync = function (...values) {
  return statSync.apply(this, values);
};
process.on('exit', () => {
  fs.statSync('/etc');
  void process.env.AT_EXIT;
  process.exit(7);
});
let depth = 0;
const nest = () => {
  depth += 1;
  fs.existsSync('/etc/nested');
  void process.env.NESTED;
  nest();
};
try {
  nest();
} catch (error) {
  console.log(error instanceof RangeError, depth > 1000);
}
console.log(vm.runInNewContext('fs.existsSync("/etc/in-a-context")', { fs }));
const asked = [];
Object.defineProperty(Error, 'prepareStackTrace', { get: () => asked.push('get') && undefined, set: () => asked.push('set'), configurable: false });
fs.lstatSync('/etc');
void process.env.GUARDED;
console.log(asked.length, fs.existsSync('/etc/after'));
