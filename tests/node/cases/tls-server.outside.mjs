import { readFileSync } from 'node:fs';
import https from 'node:https';

const { ca } = JSON.parse(process.env.PEER);
https.get(
  { host: '127.0.0.1', port: process.env.LISTEN, ca: readFileSync(ca), servername: 'peer.internal', agent: false },
  async (incoming) => {
    let text = '';
    for await (const part of incoming) text += part;
    console.log(incoming.socket.authorized, text);
  },
);
