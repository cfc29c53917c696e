const fs = require('fs');
const { once } = require('events');
const nested = require('nested');
const scratch = process.env.SCRATCH;

exports.fetches = (url) => fetch(url);
exports.inThread = () => fs.readFileSync('/etc/hostname');
exports.all = async () => {
  await new Promise((resolve) => fs.readFile('callback.txt', resolve));
  await fs.promises.readFile('promise.txt').catch(() => {});
  const stream = fs.createReadStream('data.txt');
  await once(stream.resume(), 'close');
  for await (const _ of await fs.promises.opendir('.')) break;
  fs.cpSync('data.txt', `${scratch}/copied`);
  fs.watch('.').close();
  fs.appendFileSync(`${scratch}/appended`, 'x', { flush: true });
  fs.closeSync(fs.openSync(`${scratch}/opened`, 'a'));
  fs.mkdtempSync(`${scratch}/made-`);
  // By itself: the loader's own reading is not told.
  require('./other');
  nested();
};
