// Invoices are rendered, compressed and hashed on a worker thread, so that the event loop stays
// free, and signed here: the signing key never leaves the main thread.
import { createHmac } from 'node:crypto';
import { Worker } from 'node:worker_threads';

export class Invoices {
  #worker = new Worker(new URL('./invoice-worker.mjs', import.meta.url));
  #waiting = new Map();
  #next = 0;
  #key;

  constructor(signingKey) {
    this.#key = signingKey;
    this.#worker.on('message', ({ ticket, invoice }) => this.#settle(ticket, (w) => w.resolve(invoice)));
    this.#worker.on('error', (error) => {
      for (const ticket of this.#waiting.keys()) this.#settle(ticket, (w) => w.reject(error));
    });
  }

  #settle(ticket, how) {
    const waiting = this.#waiting.get(ticket);
    this.#waiting.delete(ticket);
    if (waiting) how(waiting);
  }

  async make(order) {
    const ticket = this.#next++;
    const { promise, resolve, reject } = Promise.withResolvers();
    this.#waiting.set(ticket, { resolve, reject });
    this.#worker.postMessage({ ticket, order });
    const invoice = await promise;
    const signature = createHmac('sha256', this.#key).update(invoice.sha256).digest('base64url');
    return { ...invoice, signature };
  }

  close() {
    return this.#worker.terminate();
  }
}
