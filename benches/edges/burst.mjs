// A burst of logins: `node burst.mjs` starts 200 at once with two places to compute in and 32 to wait
// in, and prints what became of them, of memory and of the event loop, as a line of JSON. Memory is
// counted from before the first hash. The control is the same event loop while nothing is computed.

import { createRequire } from 'node:module';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

const { Hasher } = createRequire(import.meta.url)('../../crates/node/npm/crypto.js');

const LOGINS = 200;
const MIB = 2 ** 20;
const before = process.memoryUsage.rss();
const hasher = new Hasher({ atOnce: 2, waiting: 32, attempts: false });
const stored = await hasher.hash('correct horse battery');
// Both arenas, and what the first use of a thread costs.
await Promise.all([1, 2].map(() => hasher.verify('correct horse battery', stored)));

const idle = monitorEventLoopDelay({ resolution: 1 });
idle.enable();
await new Promise((resolve) => setTimeout(resolve, 300));
idle.disable();

const delay = monitorEventLoopDelay({ resolution: 1 });
let most = process.memoryUsage.rss();
const watch = setInterval(() => {
  most = Math.max(most, process.memoryUsage.rss());
}, 5);
delay.enable();
const began = performance.now();
const told = { accepted: 0, refused: 0, lastRefused: 0, other: [] };
const login = async () => {
  try {
    const { ok } = await hasher.verify('correct horse battery', stored);
    told.accepted += Number(ok);
  } catch (error) {
    if (error.code !== 'ERR_RINGFENCE_PASSWORD_BUSY') told.other.push(String(error));
    told.refused += 1;
    told.lastRefused = performance.now() - began;
  }
};
await Promise.all(Array.from({ length: LOGINS }, login));
const took = performance.now() - began;
delay.disable();
clearInterval(watch);
most = Math.max(most, process.memoryUsage.rss());

console.log(JSON.stringify({
  logins: LOGINS,
  accepted: told.accepted,
  refused: told.refused,
  other: told.other,
  lastRefusedMs: told.lastRefused,
  tookMs: took,
  grownMib: (most - before) / MIB,
  delayP99Ms: delay.percentile(99) / 1e6,
  delayMaxMs: delay.max / 1e6,
  idleMaxMs: idle.max / 1e6,
}));
