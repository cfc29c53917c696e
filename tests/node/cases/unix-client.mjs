/*
promise: a granted Unix socket of the host is connected to
---
[net]
unix = ["${socket}"]
*/
import { connect } from 'node:net';

const { socket: path } = JSON.parse(process.env.PEER);
const socket = connect(path, () => socket.write('over a path'));
socket.on('data', (data) => {
  console.log(data.toString());
  socket.destroy();
});
socket.on('error', (error) => console.log(error.code));
