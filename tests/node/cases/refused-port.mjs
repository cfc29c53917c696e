/*
promise: a granted port where nobody listens gives the same error as outside
---
[net]
connect = ["127.0.0.1:${closed}"]
*/
import { connect } from 'node:net';

const { closed } = JSON.parse(process.env.PEER);
const socket = connect(closed, '127.0.0.1');
socket.on('error', (error) => console.log(error.code, error.syscall, error.address, error.port === closed));
socket.on('close', (failed) => console.log('closed', failed));
