/*
promise: IPv6 addresses are granted and reached like IPv4 ones, and listened on
needs: ipv6
stop: SIGTERM
---
[net]
connect = ["[::1]:${tcp6}"]
listen = ["[::1]:${listen}"]
*/
import { connect, createServer } from 'node:net';

const { tcp6 } = JSON.parse(process.env.PEER);
const socket = connect(tcp6, '::1', () => socket.write('over six'));
socket.on('data', (data) => {
  console.log(data.toString(), socket.remoteFamily, socket.remoteAddress);
  socket.destroy();
  const server = createServer((client) => client.end(`hello ${client.remoteFamily}`));
  server.listen(Number(process.env.LISTEN), '::1', () => console.log('ready {}'));
  process.on('SIGTERM', () => server.close(() => console.log('closed')));
});
socket.on('error', (error) => console.log(error.code));
