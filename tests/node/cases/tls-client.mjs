/*
promise: TLS with a private CA verifies a granted upstream, and still refuses a wrong name
---
[fs]
read = ["${suite}", "${ca}"]
[net]
connect = ["127.0.0.1:${https}"]
*/
import { readFileSync } from 'node:fs';
import tls from 'node:tls';

const { https: port, ca } = JSON.parse(process.env.PEER);

const shake = (options) =>
  new Promise((resolve) => {
    const socket = tls.connect({ host: '127.0.0.1', port, ...options }, () => {
      resolve(`${socket.authorized} ${socket.getProtocol()} ${socket.getPeerCertificate().subject.CN}`);
      socket.end();
    });
    socket.on('error', (error) => resolve(error.code));
  });

console.log(await shake({ ca: readFileSync(ca), servername: 'peer.internal' }));
console.log(await shake({ ca: readFileSync(ca), servername: 'wrong.internal' }));
console.log(await shake({ servername: 'peer.internal' }));
