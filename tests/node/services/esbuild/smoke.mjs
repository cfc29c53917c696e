/*
promise: a package that starts an executable of its own may start that one, and it is held as well
node: 26
ready: Local:
needs: x64
*/
import { show } from '../traffic.mjs';

const base = 'http://127.0.0.1:18508';
await show('page', `${base}/`);
const bundle = await show('bundle', `${base}/built/app.js`);
console.log(bundle.toString().trim());
await show('missing', `${base}/none.js`);
await show('above', `${base}/..%2fpackage.json`);
const many = await Promise.all(Array.from({ length: 30 }, () => fetch(`${base}/built/app.js`).then((answer) => answer.text())));
console.log('at once', many.every((text) => text === bundle.toString()), many.length);
