// The HTTP face of the service. Input is checked by schema, output is serialised by schema.
import { randomUUID } from 'node:crypto';
import Fastify from 'fastify';
import { UnknownSku } from './prices.mjs';

const text = (maxLength) => ({ type: 'string', minLength: 1, maxLength });

const order = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    createdAt: { type: 'string' },
    customer: { type: 'string' },
    sku: { type: 'string' },
    quantity: { type: 'integer' },
    totalCents: { type: 'integer' },
    invoice: { type: 'object', additionalProperties: true },
  },
};

const newOrder = {
  type: 'object',
  required: ['customer', 'sku', 'quantity'],
  additionalProperties: false,
  properties: {
    customer: text(120),
    sku: text(40),
    quantity: { type: 'integer', minimum: 1, maximum: 1000 },
  },
};

export function buildApp({ config, orders, prices, invoices }) {
  const app = Fastify({ logger: { level: config.logLevel }, disableRequestLogging: true, bodyLimit: 16384 });

  app.get('/health', async () => {
    await orders.ping();
    return { status: 'ok', node: process.version };
  });

  app.post('/orders', { schema: { body: newOrder, response: { 201: order } } }, async (request, reply) => {
    const { customer, sku, quantity } = request.body;
    const id = randomUUID();
    const unitCents = await prices.of(sku);
    const totalCents = unitCents * quantity;
    const invoice = await invoices.make({ id, customer, sku, quantity, unitCents, totalCents });
    reply.code(201);
    return orders.insert({ id, customer, sku, quantity, totalCents, invoice });
  });

  app.get(
    '/orders/:id',
    {
      schema: {
        params: { type: 'object', properties: { id: { type: 'string', format: 'uuid' } } },
        response: { 200: order },
      },
    },
    async (request, reply) => (await orders.find(request.params.id)) ?? reply.callNotFound(),
  );

  app.get(
    '/orders',
    {
      schema: {
        querystring: {
          type: 'object',
          properties: { limit: { type: 'integer', minimum: 1, maximum: 100, default: 20 } },
        },
        response: { 200: { type: 'array', items: order } },
      },
    },
    async (request) => orders.newest(request.query.limit),
  );

  app.setErrorHandler((error, request, reply) => {
    if (error instanceof UnknownSku) return reply.code(422).send({ error: 'unknown sku' });
    if (error.validation) return reply.code(400).send({ error: error.message });
    request.log.error(error);
    return reply.code(500).send({ error: 'internal error' });
  });

  app.addHook('onClose', async () => {
    await Promise.all([orders.close(), prices.close(), invoices.close()]);
  });

  return app;
}
