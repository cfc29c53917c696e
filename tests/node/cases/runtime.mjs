/*
promise: time zones, locales, certificates, randomness and machine facts are the same
env: TZ=Europe/Berlin
---
*/
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import os from 'node:os';
import { rootCertificates } from 'node:tls';

console.log(new Date(Date.UTC(2026, 6, 1, 12)).toString());
console.log(new Intl.DateTimeFormat('de-DE', { dateStyle: 'full', timeZone: 'Asia/Tokyo' }).format(0));
console.log((1234567.891).toLocaleString('en-IN'));
console.log(rootCertificates.length > 100, randomBytes(16).length, os.cpus().length, os.availableParallelism());
console.log(os.EOL === '\n', os.endianness(), os.arch(), os.platform());
console.log(createRequire(import.meta.url)('ws').WebSocketServer.name);
console.log((await import('pg')).default.Pool.name, import.meta.url.startsWith('file:///'));
const { default: manifest } = await import('../package.json', { with: { type: 'json' } });
console.log(manifest.name);
