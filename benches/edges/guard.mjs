// Guards: ringfence/guard beside what Node and ajv do without them.

import Ajv from 'ajv';
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { createRequire } from 'node:module';

const guard = createRequire(import.meta.url)('../../crates/node/npm/guard.js');

export async function cases(port) {
  return [json(), webhook(), ...(port > 0 ? [await outbound(port)] : [])];
}

/** An order of 816 bytes with its schema. */
function json() {
  const item = (number) => ({ sku: `SKU-${number}-${'x'.repeat(12)}`, quantity: number, price: 19.99, tags: ['new', 'sale'] });
  const order = {
    id: '01996b5e-0000-7000-8000-000000000000',
    customer: { name: 'Ada Lovelace', email: 'ada@example.com', address: { street: '1 Example Street', city: 'London', zip: 'N1 9GU' } },
    items: [1, 2, 3, 4, 5, 6].map(item),
    note: '',
  };
  order.note = 'n'.repeat(816 - Buffer.byteLength(JSON.stringify(order)));
  const text = (most) => ({ type: 'string', maxLength: most });
  const object = (properties) => ({ type: 'object', properties, required: Object.keys(properties), additionalProperties: false });
  const schema = object({
    id: { type: 'string', pattern: '^[0-9a-f-]{36}$' },
    customer: object({ name: text(80), email: text(120), address: object({ street: text(80), city: text(80), zip: text(12) }) }),
    items: {
      type: 'array',
      maxItems: 50,
      items: object({ sku: text(40), quantity: { type: 'integer', minimum: 1 }, price: { type: 'number' }, tags: { type: 'array', items: text(20) } }),
    },
    note: text(500),
  });
  const valid = new Ajv().compile(schema);
  const body = Buffer.from(JSON.stringify(order));
  if (body.length !== 816 || !valid(order)) throw new Error('the order is not what it should be');
  const check = (read) => (count) => {
    for (let number = 0; number < count; number++) if (!valid(read(body))) throw new Error('refused');
  };
  const plain = check((bytes) => JSON.parse(bytes.toString('utf8')));
  return { name: 'guarded JSON, of JSON.parse and ajv', ways: { bare: plain, again: plain, ringfence: check((bytes) => guard.parseJson(bytes)) } };
}

/** A message of GitHub's, by a store of what was seen that has seen nothing. */
function webhook() {
  const [secret, body] = [randomBytes(32).toString('hex'), randomBytes(1024)];
  const verifier = new guard.Webhook({ scheme: 'github', secrets: [secret], store: { first: () => true } });
  const header = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
  const headers = { 'x-hub-signature-256': header, 'x-github-delivery': '1' };
  const plain = async (count) => {
    for (let number = 0; number < count; number++) {
      const wanted = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
      if (!timingSafeEqual(wanted, Buffer.from(header))) throw new Error('refused');
    }
  };
  const ringfence = async (count) => {
    for (let number = 0; number < count; number++) await verifier.verify(headers, body);
  };
  return { name: 'webhook of 1 KiB, of node:crypto', ways: { bare: plain, again: plain, ringfence } };
}

/** Requests on connections that are kept, to a server that is another process. */
async function outbound(port) {
  const origin = `http://127.0.0.1:${port}`;
  const dispatcher = guard.dispatcher({ hosts: [`127.0.0.1:${port}`], private: ['127.0.0.1'], http: true });
  const requests = (options) => async (count) => {
    const one = async () => {
      for (let left = Math.ceil(count / 16); left > 0; left--) {
        const answer = await fetch(`${origin}/orders/17`, options);
        await answer.text();
      }
    };
    await Promise.all(Array.from({ length: 16 }, one));
  };
  const plain = requests({});
  return { name: 'guarded fetch kept alive, of fetch', ways: { bare: plain, again: plain, ringfence: requests({ dispatcher }) } };
}
