/*
promise: datagrams to a granted address are answered, connected or not
---
[net]
udp = ["127.0.0.1:${udp}"]
*/
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const { udp: port } = JSON.parse(process.env.PEER);

const free = createSocket('udp4');
for (const text of ['one', 'two', 'x'.repeat(1400)]) {
  free.send(text, port, '127.0.0.1');
  const [message] = await once(free, 'message');
  console.log(message.length, message.toString() === text);
}
free.close();

const connected = createSocket('udp4');
connected.connect(port, '127.0.0.1');
await once(connected, 'connect');
for (const text of ['three', 'four']) {
  connected.send(text);
  const [message] = await once(connected, 'message');
  console.log(message.toString());
}
connected.close();
