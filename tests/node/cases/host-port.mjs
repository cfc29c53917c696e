/*
promise: the granted host and port are reached; another port, another host and another name are not
bare: granted reached
bare: other port reached
bare: other host reached
bare: datagram reached
inside: granted reached
inside: other port refused
inside: other host refused
inside: datagram refused
---
[net]
connect = ["127.0.0.1:${tcp}"]
*/
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';

const { tcp, other, elsewhere, udp } = JSON.parse(process.env.PEER);

const reach = (host, port) =>
  new Promise((resolve) => {
    const socket = connect(port, host, () => socket.write('hello'));
    socket.on('data', () => {
      resolve('reached');
      socket.destroy();
    });
    socket.on('error', (error) => {
      console.error(host, port, error.code);
      resolve('refused');
    });
  });

// One process answers both: when it has answered five times on the granted port, it would have
// answered a datagram that was sent before.
const datagram = async () => {
  const socket = createSocket('udp4');
  let verdict = 'refused';
  socket.on('message', () => (verdict = 'reached'));
  socket.on('error', (error) => console.error(error.code));
  await new Promise((sent) => socket.send('hello', udp, '127.0.0.1', sent));
  for (let round = 0; round < 5; round += 1) await reach('127.0.0.1', tcp);
  socket.close();
  return verdict;
};

console.log('granted', await reach('127.0.0.1', tcp));
console.log('other port', await reach('127.0.0.1', other));
console.log('other host', await reach('127.0.0.2', elsewhere));
console.log('datagram', await datagram());
