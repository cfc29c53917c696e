// Sends a bounded load to the service and checks every answer.
// Usage: node load.mjs ORIGIN ORDERS CONCURRENCY [SIGNING_KEY_FILE]
// Each order is created, read back and compared; every tenth round lists the newest orders.
// Prints one JSON line: { requests, errors, seconds, requestsPerSecond, problems }.
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Pool } from 'undici';

const [origin, orders, concurrency, keyFile] = process.argv.slice(2);
const prices = { tea: 450, coffee: 520, cup: 1290, kettle: 4900 };
const skus = Object.keys(prices);
const key = keyFile && Buffer.from(readFileSync(keyFile, 'utf8').trim(), 'base64url');
const pool = new Pool(origin, { connections: Number(concurrency) });
const problems = new Map();
let requests = 0;
let left = Number(orders);

async function call(method, path, body) {
  requests += 1;
  const answer = await pool.request({
    method,
    path,
    headers: body ? { 'content-type': 'application/json' } : {},
    body: body && JSON.stringify(body),
  });
  return { status: answer.statusCode, value: await answer.body.json() };
}

function expect(condition, problem) {
  if (!condition) throw new Error(problem);
}

async function round(number) {
  const sku = skus[number % skus.length];
  const quantity = 1 + (number % 9);
  const created = await call('POST', '/orders', { customer: `customer ${number}`, sku, quantity });
  expect(created.status === 201, `create answered ${created.status}`);
  expect(created.value.totalCents === prices[sku] * quantity, 'wrong total');
  const { sha256, signature } = created.value.invoice;
  expect(/^[0-9a-f]{64}$/.test(sha256), 'the invoice has no hash');
  if (key) expect(createHmac('sha256', key).update(sha256).digest('base64url') === signature, 'wrong signature');

  const found = await call('GET', `/orders/${created.value.id}`);
  expect(found.status === 200 && found.value.id === created.value.id, 'the order cannot be read back');

  if (number % 10 === 0) {
    const list = await call('GET', '/orders?limit=20');
    expect(list.status === 200 && list.value.length > 0, 'the list is empty');
  }
}

async function client() {
  while (left > 0) {
    left -= 1;
    try {
      await round(left);
    } catch (error) {
      problems.set(error.message, (problems.get(error.message) ?? 0) + 1);
    }
  }
}

const started = process.hrtime.bigint();
await Promise.all(Array.from({ length: Number(concurrency) }, client));
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
await pool.close();
const errors = [...problems.values()].reduce((sum, count) => sum + count, 0);
console.log(
  JSON.stringify({
    requests,
    errors,
    seconds: Number(seconds.toFixed(2)),
    requestsPerSecond: Math.round(requests / seconds),
    problems: Object.fromEntries(problems),
  }),
);
process.exitCode = errors === 0 ? 0 : 1;
