import { connect } from 'node:net';

const { port } = JSON.parse(process.env.READY);
const socket = connect(port, '127.0.0.1');
socket.on('data', (data) => console.log(data.toString()));
socket.on('error', (error) => console.log(error.code));
