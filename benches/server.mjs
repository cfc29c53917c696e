// The service that is measured: answers every request with two bytes.
// Usage: node server.mjs PORT
import { createServer } from 'node:http';

const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => response.end('ok'));
server.listen(Number(process.argv[2]), '127.0.0.1', 4096, () => console.log('ready'));
