/*
promise: the package redis works: commands, a pipeline, publish and subscribe
needs: redis
---
[net]
connect = ["127.0.0.1:${redis}"]
*/
import { randomUUID } from 'node:crypto';
import { createClient } from 'redis';

const { redis } = JSON.parse(process.env.PEER);
const mine = randomUUID();
const client = createClient({ socket: { host: '127.0.0.1', port: redis } });
client.on('error', (error) => console.log('error', error.code ?? error.message));
await client.connect();
await client.set(`${mine}:a`, 'value', { EX: 60 });
console.log(await client.get(`${mine}:a`));
const sums = await Promise.all(Array.from({ length: 50 }, () => client.incr(`${mine}:n`)));
console.log(sums.at(-1));
console.log(await client.multi().hSet(`${mine}:h`, 'x', '1').hGetAll(`${mine}:h`).exec());

const subscriber = client.duplicate();
await subscriber.connect();
const heard = new Promise((resolve) => subscriber.subscribe(mine, resolve));
while ((await client.publish(mine, 'news')) === 0);
console.log(await heard);
await client.del([`${mine}:a`, `${mine}:n`, `${mine}:h`]);
await subscriber.close();
await client.close();
