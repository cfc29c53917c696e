// Another program on the same machine, outside the boundary: answers on one TCP and one UDP port.
// The service has no business with it; the attacks try to reach it.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

const tcp = createServer((socket) => socket.end('neighbour\n')).listen(0, '127.0.0.1');
const udp = createSocket('udp4');
udp.on('message', (message, from) => udp.send('neighbour\n', from.port, from.address));
udp.bind(0, '127.0.0.1');
await Promise.all([once(tcp, 'listening'), once(udp, 'listening')]);
console.log(`ready ${tcp.address().port} ${udp.address().port}`);
