import process from 'node:process';
import { readFile } from 'node:fs/promises';
const privateKey = await readFile('/run/secrets/jwt-key.pem', 'utf8');
process.permission?.drop('fs.read', '/run/secrets/jwt-key.pem');
export { privateKey };
