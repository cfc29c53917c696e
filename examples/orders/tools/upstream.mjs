// The price service that orders asks: HTTPS on 127.0.0.1, started outside the boundary.
// Usage: node upstream.mjs PORT TLS_FOLDER
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';

const [port, folder] = process.argv.slice(2);
const prices = new Map([
  ['tea', 450],
  ['coffee', 520],
  ['cup', 1290],
  ['kettle', 4900],
]);

const server = createServer(
  { cert: readFileSync(join(folder, 'cert.pem')), key: readFileSync(join(folder, 'key.pem')) },
  (request, response) => {
    const sku = decodeURIComponent(request.url.replace('/prices/', ''));
    const cents = prices.get(sku);
    response.writeHead(cents === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ sku, cents }));
  },
);
server.keepAliveTimeout = 60_000;
server.listen(Number(port), '127.0.0.1', () => console.log(`ready ${server.address().port}`));
process.on('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});
