/*
promise: a web interface shows and changes what is in Redis
node: 26
ready: Redis Connection
ready: listening on
needs: redis
*/
import { ask, facts, show } from '../traffic.mjs';

const base = 'http://127.0.0.1:18509';
await show('page', `${base}/`);
await ask('sign in', `${base}/signin`, { json: {} });
const id = `R:127.0.0.1:${facts.redis}:0`;
const exec = async (cmd) => {
  const { data } = await ask(cmd.slice(0, 40), `${base}/apiv2/exec/${id}`, { json: { cmd } });
  console.log(JSON.stringify(data).slice(0, 80));
};
await exec('flushdb');
for (let index = 0; index < 5; index += 1) await exec(`set fruit:${index} value-${index}`);
await exec(`set large ${'x'.repeat(80_000)}`);
await exec('strlen large');
const tree = await ask('tree', `${base}/apiv2/keystree/${id}`);
console.log(tree.data?.map((node) => node.attr?.id ?? node.text).sort().join(' ') ?? JSON.stringify(tree).slice(0, 200));
const key = await ask('key', `${base}/apiv2/key/${id}/fruit:3`);
console.log(key.key, key.type, key.value);
await ask('no connection', `${base}/apiv2/key/R:127.0.0.1:1:0/fruit:3`);
await exec('flushdb');
