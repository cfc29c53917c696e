/*
promise: NODE_EXTRA_CA_CERTS is honoured
env: NODE_EXTRA_CA_CERTS=${ca}
---
[fs]
read = ["${suite}", "${ca}"]
[net]
connect = ["127.0.0.1:${https}"]
*/
import https from 'node:https';

const { https: port } = JSON.parse(process.env.PEER);
https
  .get({ host: '127.0.0.1', port, servername: 'peer.internal', agent: false }, (incoming) => {
    console.log(incoming.statusCode, incoming.socket.authorized);
    incoming.resume();
  })
  .on('error', (error) => console.log(error.code));
