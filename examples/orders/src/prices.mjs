// The price service: HTTPS with a private CA, a few kept-alive connections.
import { Pool } from 'undici';

export class UnknownSku extends Error {}

export class Prices {
  #pool;

  constructor({ origin, ca }) {
    this.#pool = new Pool(origin, { connections: 8, connect: { ca }, headersTimeout: 30_000, bodyTimeout: 30_000 });
  }

  /** Price of one unit in cents. */
  async of(sku) {
    const { statusCode, body } = await this.#pool.request({
      method: 'GET',
      path: `/prices/${encodeURIComponent(sku)}`,
    });
    const answer = await body.json();
    if (statusCode === 404) throw new UnknownSku(sku);
    if (statusCode !== 200) throw new Error(`the price service answered ${statusCode}`);
    return answer.cents;
  }

  close() {
    return this.#pool.close();
  }
}
