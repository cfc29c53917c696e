// reads the private key of the price service
import { readFileSync } from 'node:fs';

const [path] = process.argv.slice(1);
try {
  const key = readFileSync(path, 'utf8');
  console.log(JSON.stringify({ reached: key.includes('PRIVATE KEY'), saw: `${key.length} bytes` }));
} catch (error) {
  console.log(JSON.stringify({ reached: false, saw: error.code }));
}
