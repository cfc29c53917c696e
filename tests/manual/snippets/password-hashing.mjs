import { scrypt, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
const scryptAsync = promisify(scrypt);
export async function hashPassword(password) {
const salt = randomBytes(16);
const key = await scryptAsync(password, salt, 64, {
N: 1 << 15,
r: 8,
p: 1,
maxmem: 64 * 1024 * 1024,
});
return `scrypt$32768$8$1$${salt.toString('base64')}$${key.toString('base64')}`;
}
export async function verifyPassword(password, encoded) {
const [scheme, n, r, p, saltB64, keyB64] = encoded.split('$');
if (scheme !== 'scrypt') return false;
const salt = Buffer.from(saltB64, 'base64');
const expected = Buffer.from(keyB64, 'base64');
const actual = await scryptAsync(password, salt, expected.length, {
N: Number(n),
r: Number(r),
p: Number(p),
maxmem: 64 * 1024 * 1024,
});
return expected.length === actual.length && timingSafeEqual(expected, actual);
}
