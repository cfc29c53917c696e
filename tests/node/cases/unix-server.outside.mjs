import { connect } from 'node:net';

const socket = connect(`${process.env.SCRATCH}/service.sock`);
socket.on('data', (data) => console.log(data.toString()));
socket.on('error', (error) => console.log(error.code));
