/*
promise: a static file server reads its folder and nothing else
node: 22 24 26
ready: Accepting connections
spare: env.pass "NO_UPDATE_CHECK" because without it it asks for a newer version, which is refused
denied: connect 127.0.0.1:18501 because it asks whether its port is taken by connecting to it before it listens
denied: resolve registry. because it asks for a newer version of itself, which nobody granted
bare-env: NO_UPDATE_CHECK=1
denied: open config because npm's settings are looked for before asking the registry
denied: open npmrc because npm's settings are looked for before asking the registry
denied: open .npmrc because npm's settings are looked for in every folder above
denied: open . because the folder itself is not what it serves
*/
import { show } from '../traffic.mjs';

const base = 'http://127.0.0.1:18501';
await show('index', `${base}/`);
await show('text', `${base}/notes.txt`);
await show('part', `${base}/notes.txt`, { headers: { range: 'bytes=0-4' } });
await show('missing', `${base}/nothing-here`);
await show('above', `${base}/..%2fpackage.json`);
