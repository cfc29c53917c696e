// What the client talks to, outside any boundary: answers each HTTP request with fixed bytes, with
// no HTTP parser in between, so that the client is what is measured.
// Usage: node upstream.mjs PORT
import { createServer } from 'node:net';

const answer = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
const server = createServer({ noDelay: true }, (socket) => {
  socket.on('data', () => socket.write(answer));
  socket.on('error', () => {});
});
server.listen(Number(process.argv[2]), '127.0.0.1', 4096, () => console.log('ready'));
