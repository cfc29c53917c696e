/*
promise: pictures are resized and converted by the native library of sharp, byte for byte as bare
node: 26
ready: 18503
needs: x64
*/
import { show } from '../traffic.mjs';

const base = 'http://127.0.0.1:18503';
await show('original', `${base}/_/scene.png`);
await show('resized', `${base}/w_100/scene.png`);
await show('webp', `${base}/f_webp,w_64/scene.png`);
await show('avif', `${base}/f_avif,w_64,q_40/scene.png`);
await show('rotated', `${base}/f_jpeg,rotate_90,blur_3,grayscale/scene.png`);
const many = Array.from({ length: 16 }, (_, index) => `${base}/f_webp,w_${50 + index * 10}/scene.png`);
const bodies = await Promise.all(many.map((url) => fetch(url).then((answer) => answer.arrayBuffer())));
console.log('at once', bodies.map((body) => body.byteLength).join(' '));
await show('missing', `${base}/w_100/none.png`);
await show('above', `${base}/_/..%2fpackage.json`);
await show('elsewhere', `${base}/_/https://images.example/a.png`);
