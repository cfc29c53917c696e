/*
promise: getsockname and getpeername tell the truth about a connection
---
[net]
connect = ["127.0.0.1:${tcp}"]
*/
import { connect } from 'node:net';

const { tcp } = JSON.parse(process.env.PEER);
const socket = connect(tcp, '127.0.0.1', () => {
  console.log(socket.remoteAddress, socket.remotePort === tcp, socket.localAddress, socket.localPort > 0);
  socket.destroy();
});
