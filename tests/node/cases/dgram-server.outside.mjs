import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const port = Number(process.env.LISTEN);
const [one, two] = [createSocket('udp4'), createSocket('udp4')];
for (const [socket, text] of [
  [one, 'one'],
  [two, 'two'],
  [one, 'three'],
]) {
  socket.send(text, port, '127.0.0.1');
  const [message] = await once(socket, 'message');
  console.log(message.toString());
}
one.close();
two.close();
