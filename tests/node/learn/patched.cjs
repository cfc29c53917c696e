// A program that changes the language and what Node gives it before it does anything.
const fs = require('fs');
const { env } = process;
const say = fs.writevSync.bind(fs, 1);
const encoder = new TextEncoder();
const encode = encoder.encode.bind(encoder);
const fail = (name) => () => {
  throw name;
};
Array.prototype[Symbol.iterator] = fail('iterator');
for (const name in { startsWith: 1, slice: 1, split: 1, indexOf: 1, lastIndexOf: 1, includes: 1 }) {
  String.prototype[name] = fail(name);
}
Map.prototype.get = Map.prototype.set = WeakMap.prototype.get = Set.prototype.has = fail('map');
Object.prototype.toJSON = Array.prototype.toJSON = String.prototype.toJSON = fail('toJSON');
JSON.stringify = JSON.parse = fail('JSON');
Reflect.apply = Reflect.get = Reflect.set = fail('Reflect');
Function.prototype.call = Function.prototype.apply = Function.prototype.bind = fail('Function');
Promise.prototype.then = fail('then');
process.cwd = fail('cwd');
fs.writeSync = fs.openSync = fs.fstatSync = fail('fs');
Error.prepareStackTrace = fail('prepareStackTrace');
Error.stackTraceLimit = 0;
globalThis.Error = globalThis.Proxy = globalThis.Buffer = globalThis.Reflect = globalThis.WebAssembly = undefined;
const read = fs.existsSync('/etc/patched') || env.PATCHED || process.env.PATCHED_TOO;
say([encode(`patched ${read}\n`)]);
