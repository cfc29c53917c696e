// sends a datagram to another program on this machine
import { createSocket } from 'node:dgram';

const [, port] = process.argv.slice(1);
const socket = createSocket('udp4');
const done = (reached, saw) => {
  console.log(JSON.stringify({ reached, saw }));
  process.exit();
};
socket.on('error', (error) => done(false, error.code));
socket.on('message', (message) => done(true, message.toString().trim()));
// A connected socket hears that nobody is there.
socket.connect(Number(port), '127.0.0.1', (error) => {
  if (error) return done(false, error.code);
  return socket.send('knock', (failed) => failed && done(false, failed.code));
});
setTimeout(() => done(false, 'no answer'), 60_000);
