/*
promise: HTTP/2 over TLS and in clear text reaches granted upstreams, many streams on one connection
---
[fs]
read = ["${suite}", "${ca}"]
[net]
connect = ["127.0.0.1:${h2}", "127.0.0.1:${h2c}"]
*/
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';

const { h2, h2c, ca } = JSON.parse(process.env.PEER);

async function use(origin, options) {
  const session = http2.connect(origin, options);
  const stream = (path) =>
    new Promise((resolve, reject) => {
      const request = session.request({ ':path': path, ':method': 'POST' });
      let text = '';
      request.setEncoding('utf8').on('data', (part) => (text += part));
      request.on('end', () => resolve(text)).on('error', reject).end('body');
    });
  const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => stream(`/${i}`)));
  console.log(session.alpnProtocol, answers.every((text, i) => text === `/${i} body`));
  await new Promise((resolve) => session.close(resolve));
}

await use(`https://127.0.0.1:${h2}`, { ca: readFileSync(ca), servername: 'peer.internal' });
await use(`http://127.0.0.1:${h2c}`);
