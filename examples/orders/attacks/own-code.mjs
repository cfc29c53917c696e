// opens its own source for writing
import { closeSync, openSync } from 'node:fs';

const [path] = process.argv.slice(1);
try {
  closeSync(openSync(path, 'r+'));
  console.log(JSON.stringify({ reached: true, saw: 'opened for writing' }));
} catch (error) {
  console.log(JSON.stringify({ reached: false, saw: error.code }));
}
