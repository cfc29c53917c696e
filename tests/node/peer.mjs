// The outside world of the suite: one server of every kind, started by the runner outside any
// boundary. Prints `ready {...}` with its ports, then serves until it is stopped.
// Usage: node peer.mjs TLS_FOLDER SOCKET_FOLDER
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, readFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import { join } from 'node:path';
import { WebSocketServer } from 'ws';

const [tls, sockets] = process.argv.slice(2);
const credentials = {
  cert: readFileSync(join(tls, 'cert.pem')),
  key: readFileSync(join(tls, 'key.pem')),
};

async function answer(request, response) {
  const parts = [];
  for await (const part of request) parts.push(part);
  response.setHeader('x-method', request.method);
  response.end(`${request.url} ${Buffer.concat(parts)}`);
}

// Echoes; a line `big N` answers with N bytes instead.
function echo(socket) {
  socket.on('error', () => {});
  socket.on('data', (data) => {
    const big = /^big (\d+)\n$/.exec(data);
    if (big) socket.end(Buffer.alloc(Number(big[1]), 'x'));
    else socket.write(data);
  });
}

// Some machines give ports of four digits too; cases know a port in a text by its five.
async function listening(server, ...where) {
  for (;;) {
    server.listen(...where);
    await once(server, 'listening');
    const { port } = server.address();
    if (where[0] !== 0 || port > 9999) return port;
    await new Promise((resolve) => server.close(resolve));
  }
}

const v4 = '127.0.0.1';
const ports = {};
ports.http = await listening(http.createServer({ keepAliveTimeout: 60_000 }, answer), 0, v4);
ports.https = await listening(https.createServer(credentials, answer), 0, v4);
ports.h2 = await listening(http2.createSecureServer(credentials, answer), 0, v4);
ports.h2c = await listening(http2.createServer(answer), 0, v4);
ports.tcp = await listening(net.createServer({ allowHalfOpen: false }, echo), 0, v4);
ports.other = await listening(net.createServer(echo), 0, v4);
// The same port on another address of this machine: the host part of a grant must matter.
ports.elsewhere = await listening(net.createServer(echo), ports.tcp, '127.0.0.2');

const websockets = http.createServer();
new WebSocketServer({ server: websockets }).on('connection', (socket) => {
  socket.on('message', (data, binary) => socket.send(data, { binary }));
});
ports.ws = await listening(websockets, 0, v4);

try {
  ports.tcp6 = await listening(net.createServer(echo), 0, '::1');
} catch {
  ports.tcp6 = 0; // this machine has no IPv6
}

const udp = createSocket('udp4');
udp.on('message', (message, from) => udp.send(message, from.port, from.address));
udp.bind(0, v4);
await once(udp, 'listening');
ports.udp = udp.address().port;

const path = join(sockets, 'peer.sock');
await listening(net.createServer(echo), path);
chmodSync(path, 0o666);

console.log(`ready ${JSON.stringify(ports)}`);
process.on('SIGTERM', () => process.exit());
