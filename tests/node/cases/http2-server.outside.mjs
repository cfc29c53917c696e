import http2 from 'node:http2';

const session = http2.connect(`http://127.0.0.1:${process.env.LISTEN}`);
for (const path of ['/one', '/two']) {
  const request = session.request({ ':path': path });
  let text = '';
  for await (const part of request.setEncoding('utf8')) text += part;
  console.log(text);
}
await new Promise((resolve) => session.close(resolve));
