import { connect } from 'node:net';

const socket = connect(Number(process.env.LISTEN), '::1');
socket.on('data', (data) => console.log(data.toString()));
socket.on('error', (error) => console.log(error.code));
