/*
promise: a grant by name holds for that name and port only
bare-env: NAME=127.0.0.1
inside-env: NAME=api.internal
bare: granted reached
bare: other port reached
inside: granted reached
inside: other port refused
---
[net]
connect = ["api.internal:${tcp}"]
hosts = { "api.internal" = "127.0.0.1" }
*/
import { connect } from 'node:net';

const { tcp, other } = JSON.parse(process.env.PEER);
const reach = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, process.env.NAME, () => socket.write('hello'));
    socket.on('data', () => {
      resolve('reached');
      socket.destroy();
    });
    socket.on('error', (error) => {
      console.error(port, error.code);
      resolve('refused');
    });
  });

console.log('granted', await reach(tcp));
console.log('other port', await reach(other));
