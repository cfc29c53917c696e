/*
promise: the example takes orders, prices them, stores them and signs their invoices
node: 26
ready: Server listening
*/
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ask, facts, run } from '../../services/traffic.mjs';

const base = 'http://127.0.0.1:18080';
const key = join(run, 'secrets', 'invoice-signing-key');
const load = spawnSync(process.execPath, ['tools/load.mjs', base, '40', '4', key], { cwd: facts.folder, encoding: 'utf8' });
const { requests, errors, problems } = JSON.parse(load.stdout);
console.log('load', requests, errors, JSON.stringify(problems));
await ask('unknown goods', `${base}/orders`, { json: { customer: 'c', sku: 'none', quantity: 1 } });
await ask('no order', `${base}/orders`, { json: { customer: 'c' } });
await ask('missing', `${base}/orders/00000000-0000-4000-8000-000000000000`);
