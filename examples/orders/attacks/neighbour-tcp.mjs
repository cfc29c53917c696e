// connects to another program on this machine
import { connect } from 'node:net';

const [port] = process.argv.slice(1);
const socket = connect(Number(port), '127.0.0.1');
socket.on('data', (data) => {
  console.log(JSON.stringify({ reached: true, saw: data.toString().trim() }));
  socket.destroy();
});
socket.on('error', (error) => console.log(JSON.stringify({ reached: false, saw: error.code })));
