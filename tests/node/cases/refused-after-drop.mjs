/*
promise: once the network is dropped, a refused listener is an event where Node alone would end the process
node: >=26
bare: listens
inside: ERR_ACCESS_DENIED Net 127.0.0.1:PORT
inside: granted before true after false
---
[net]
connect = ["127.0.0.1:${tcp}"]
*/
import { createServer } from 'node:net';

const { permission } = process;
const port = Number(process.env.LISTEN);
const { tcp } = JSON.parse(process.env.PEER);
const granted = () => permission?.has('net', `127.0.0.1:${tcp}`);

const before = granted();
permission?.drop('net');
const server = createServer();
server.on('error', ({ code, permission: name, resource }) => {
  console.log(code, name, resource.replace(port, 'PORT'));
  console.log('granted before', before, 'after', granted());
});
server.listen(port, '127.0.0.1', () => {
  console.log('listens');
  server.close();
});
