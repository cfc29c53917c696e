import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import http from 'node:http';
import net from 'node:net';
import test from 'node:test';
import { answer, expressJson, fastifyJson, GuardError, jsonHandler, readJson } from '../guard.mjs';
import { Ajv, express, fastify, z } from './interop/web.mjs';

const schema = {
  additionalProperties: false,
  properties: { id: { pattern: '^[a-z]{1,9}$', type: 'string' }, quantity: { type: 'integer' } },
  required: ['id'],
  type: 'object',
};
const validate = new Ajv().compile(schema);
const order = z.strictObject({ id: z.string().regex(/^[a-z]{1,9}$/), quantity: z.int().optional() });
const options = { maxBytes: 500 };

/** The same small service three times; each answers 422 for what only its schema refuses. */
const services = {
  async express() {
    const app = express();
    app.post('/', expressJson(options), (request, response) => {
      const found = order.safeParse(request.body);
      if (found.success) response.json(found.data);
      else response.status(422).end();
    });
    app.use((error, _request, response, _next) => answer(response, error));
    return listen(http.createServer(app));
  },
  async fastify() {
    const app = fastify();
    await app.register(fastifyJson, options);
    app.post('/', (request, reply) => (validate(request.body) ? reply.send(request.body) : reply.code(422).send()));
    await app.listen({ host: '127.0.0.1', port: 0 });
    return { close: () => app.close(), port: app.server.address().port };
  },
  async 'node:http'() {
    return listen(http.createServer(jsonHandler((_request, response, value) => {
      response.writeHead(validate(value) ? 200 : 422, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    }, options)));
  },
};

async function listen(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { close, port: server.address().port };
}

/** Sends bytes as they are, and gives the status. */
function raw(port, text) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(text));
    let seen = '';
    socket.setEncoding('latin1').on('error', reject).on('close', () => resolve(Number(seen.slice(9, 12)))).on('data', (data) => {
      seen += data;
      if (/\r\n\r\n/.test(seen)) socket.destroy();
    });
  });
}

for (const [name, start] of Object.entries(services)) {
  test(`${name} gives handlers plain JSON within bounds, and refuses the rest with the right status`, async () => {
    const { close, port } = await start();
    const events = [];
    const listener = (event) => events.push(event);
    channel('ringfence.guard.refused').subscribe(listener);
    try {
      const post = (body, headers = {}) => fetch(`http://127.0.0.1:${port}/`, { body, headers: { 'content-type': 'application/json', ...headers }, method: 'POST' });
      const status = async (...values) => (await post(...values)).status;
      const good = await post('{"id":"abc","quantity":2}');
      assert.deepEqual([good.status, await good.json()], [200, { id: 'abc', quantity: 2 }]);
      assert.equal(await status('{"id":"abc"}', { 'content-type': 'application/vnd.orders+json; charset=utf-8' }), 200);
      assert.equal(await status('{"id":"UPPER"}'), 422);
      assert.equal(await status('{"id":"abc","unknown":1}'), 422);
      assert.deepEqual(events, []);

      for (const [expected, body, headers] of [
        [400, '{"id":"abc","id":"abd"}'], [400, '{"id":"abc","__proto__":{"admin":true}}'], [400, '{"id":'], [400, '['.repeat(100)], [400, '\ufeff{"id":"abc"}'],
        [413, `{"id":"${'a'.repeat(600)}"}`], [415, '{"id":"abc"}', { 'content-type': 'text/plain' }], [415, 'id=abc', { 'content-type': 'application/x-www-form-urlencoded' }],
        [415, '{"id":"abc"}', { 'content-type': 'application/json; charset=utf-16' }], [415, '{"id":"abc"}', { 'content-encoding': 'gzip' }],
        [431, '{"id":"abc"}', { 'x-long': 'a'.repeat(9000) }], [400, '{"id":"abc"}', { x_forwarded_for: '1' }],
      ]) {
        events.length = 0;
        assert.equal(await status(body, headers), expected, `${body.slice(0, 40)} ${JSON.stringify(headers)?.slice(0, 60)}`);
        assert.ok(events.length >= 1, `${expected} ${body.slice(0, 40)}`);
        assert.doesNotMatch(JSON.stringify(events.map(({ sample }) => sample)), /abc|admin|forwarded/);
      }
      // More than was announced cannot come; more than was agreed, unannounced, is stopped.
      const chunk = `${(400).toString(16)}\r\n${'"'.padEnd(400, 'a')}\r\n`;
      const head = 'POST / HTTP/1.1\r\nhost: a.test\r\ncontent-type: application/json\r\n';
      assert.equal(await raw(port, `${head}transfer-encoding: chunked\r\n\r\n${chunk}${chunk}${chunk}`), 413);
      assert.equal(await raw(port, `${head}content-length: 5\r\ncontent-length: 5\r\n\r\n{"a":`), 400);
      assert.equal(await status('{"id":"abc"}'), 200);
    } finally {
      channel('ringfence.guard.refused').unsubscribe(listener);
      await close();
    }
  });
}

test('the raw bytes are kept for a signature, and a request without a body passes', async () => {
  const app = express();
  app.use(expressJson());
  app.all('/', (request, response) => response.json({ body: request.body ?? null, raw: request.rawBody?.toString() ?? null }));
  const { close, port } = await listen(http.createServer(app));
  const url = `http://127.0.0.1:${port}/`;
  assert.deepEqual(await (await fetch(url)).json(), { body: null, raw: null });
  const sent = await fetch(url, { body: '{ "a": 1 }', headers: { 'content-type': 'application/json' }, method: 'POST' });
  assert.deepEqual(await sent.json(), { body: { a: 1 }, raw: '{ "a": 1 }' });
  close();
});

test('an error of a handler is answered without its message', async () => {
  const handler = jsonHandler(() => {
    throw new Error('hunter2');
  });
  const { close, port } = await listen(http.createServer(handler));
  const response = await fetch(`http://127.0.0.1:${port}/`);
  assert.equal(response.status, 500);
  assert.doesNotMatch(await response.text(), /hunter2/);
  assert.equal(new GuardError('ERR_RINGFENCE_GUARD_JSON', 'x').name, 'GuardError');
  close();
});

test('a body that is gone before it is asked for is an error, and nobody waits for it for ever', async (context) => {
  const seen = [];
  const before = {
    '/aborted': (request) => new Promise((resolve) => request.once('close', () => setImmediate(resolve))),
    '/decoded': (request) => request.setEncoding('utf8'),
    '/nothing': () => {},
    '/read': (request) => readJson(request),
    '/thrown-away': (request) => new Promise((resolve) => request.resume().once('end', resolve)),
  };
  const { close, port } = await listen(http.createServer(async (request, response) => {
    await before[request.url](request);
    const guards = [
      () => readJson(request),
      () => new Promise((resolve, reject) => expressJson()(request, response, (error) => (error ? reject(error) : resolve(request.body)))),
    ];
    for (const guard of request.url === '/nothing' ? guards.slice(0, 1) : guards) {
      seen.push(await guard().then((value) => `${request.url} ${JSON.stringify(value)}`, (error) => `${request.url} ${error.code} ${error.statusCode}`));
    }
    response.end(() => request.socket.end());
  }));
  context.after(close);
  const send = (path, length) => raw(port, `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n[1]`);
  for (const path of ['/nothing', '/read', '/thrown-away', '/decoded']) await send(path, 3);
  const told = new Promise((resolve) => {
    const timer = setInterval(() => seen.length === 9 && resolve(clearInterval(timer)), 5);
  });
  const socket = net.connect(port, '127.0.0.1');
  socket.write('POST /aborted HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n[1', () => socket.destroy());
  await told;
  const twice = (text) => [text, text];
  assert.deepEqual(seen, [
    '/nothing [1]',
    ...['/read', '/thrown-away', '/decoded'].flatMap((path) => twice(`${path} ERR_RINGFENCE_GUARD_BODY_READ 500`)),
    ...twice('/aborted ERR_RINGFENCE_GUARD_ABORTED 400'),
  ]);
});
