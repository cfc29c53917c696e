// The client that is measured. Reads commands from standard input, answers each with a JSON line:
//   requests N C   N requests over C kept-alive connections -> { count, seconds }
//   connects N     N connections, one after the other       -> { count, seconds, medianMicros }
//   hold N         N connections that stay open             -> { count }
//   ended          until all of those have ended            -> { count }
// Usage: node client.mjs PORT
import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const port = Number(process.argv[2]);
const host = '127.0.0.1';
const now = () => Number(process.hrtime.bigint());

async function requests(count, concurrency) {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  let left = count;
  const one = () =>
    new Promise((resolve, reject) => {
      get({ host, port, agent }, (incoming) => incoming.resume().on('end', resolve)).on('error', reject);
    });
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      await one();
    }
  };
  const started = now();
  await Promise.all(Array.from({ length: concurrency }, lane));
  const seconds = (now() - started) / 1e9;
  agent.destroy();
  return { count, seconds };
}

async function connects(count) {
  const micros = new Float64Array(count);
  const started = now();
  for (let i = 0; i < count; i += 1) {
    await new Promise((resolve, reject) => {
      const begun = now();
      const socket = connect(port, host, () => {
        micros[i] = (now() - begun) / 1e3;
        socket.resetAndDestroy();
      });
      socket.on('close', resolve).on('error', reject);
    });
  }
  const seconds = (now() - started) / 1e9;
  return { count, seconds, medianMicros: micros.sort()[count >> 1] };
}

const held = [];

async function hold(count) {
  for (let i = 0; i < count; i += 1) {
    const socket = connect(port, host);
    held.push(new Promise((resolve) => socket.on('error', () => {}).on('close', resolve)));
    await new Promise((resolve, reject) => socket.on('connect', resolve).on('error', reject));
    socket.resume();
  }
  return { count };
}

async function ended() {
  await Promise.all(held);
  return { count: held.splice(0).length };
}

console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...numbers] = line.split(' ');
  const run = { requests, connects, hold, ended }[command];
  console.log(JSON.stringify(await run(...numbers.map(Number))));
}
