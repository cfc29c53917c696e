// A program that freezes what it was given, as hardened runtimes do.
const fs = require('fs');
const freeze = (value) => {
  Object.freeze(value);
  if (value.prototype) Object.freeze(value.prototype);
};
[Object, Array, Function, Map, WeakMap, Set, String, Promise, Proxy, Reflect, JSON, Error].forEach(freeze);
Object.freeze(process.versions);
Object.freeze(fs);
try {
  fs.statSync('/etc/frozen');
} catch (error) {
  console.log(error.stack.split('\n').slice(0, 3).join('\n').replace(/:\d+:\d+/g, ''));
}
console.log(fs.existsSync('/etc'), process.env.FROZEN);
