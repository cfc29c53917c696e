// Runs on its own thread: turns an order into an invoice document, compresses it and hashes it.
import { createHash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { brotliCompressSync } from 'node:zlib';

const money = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' });

function render({ id, customer, sku, quantity, unitCents, totalCents }) {
  return [
    `Invoice ${id}`,
    `Customer: ${customer}`,
    `${String(quantity).padStart(6)} x ${sku.padEnd(24)} ${money.format(unitCents / 100).padStart(12)}`,
    `Total ${money.format(totalCents / 100).padStart(38)}`,
    '',
  ].join('\n');
}

parentPort.on('message', ({ ticket, order }) => {
  const text = Buffer.from(render(order));
  const invoice = {
    bytes: text.length,
    compressed: brotliCompressSync(text).length,
    sha256: createHash('sha256').update(text).digest('hex'),
  };
  parentPort.postMessage({ ticket, invoice });
});
