// Starts the service and stops it well: on SIGTERM it finishes what it has begun, then leaves.
import { buildApp } from './app.mjs';
import { readConfig } from './config.mjs';
import { Orders } from './database.mjs';
import { Invoices } from './invoices.mjs';
import { Prices } from './prices.mjs';

const config = await readConfig();
const orders = new Orders(config.database);
const prices = new Prices(config.prices);
const invoices = new Invoices(config.signingKey);
const app = buildApp({ config, orders, prices, invoices });

let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, async () => {
    if (stopping) return;
    stopping = true;
    app.log.info({ signal }, 'stopping');
    await app.close();
    app.log.info('stopped');
  });
}

await orders.open();
await app.listen({ host: config.host, port: config.port });
