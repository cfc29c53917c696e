// What the edges of a Node service cost with ringfence and without: `node edges.mjs crypto|guard ROUNDS
// [PORT]` prints a line of JSON for each case and round, in operations per second of processor time of
// the whole process, its threads included.
//
// Every round measures every way of a case in an order that rotates. `bare` is what the case is held
// against, `again` is the same once more: what it differs from `bare` is the noise.

const [area, rounds, port] = process.argv.slice(2);
/** Seconds of processor time that one measurement takes at least. */
const LEAST = 0.12;

const { cases } = await import(`./${area}.mjs`);
const list = await cases(Number(port));
for (const { name, ways } of list) {
  const names = Object.keys(ways);
  const counts = {};
  for (const way of names) counts[way] = await enough(ways[way]);
  for (let round = 0; round < Number(rounds); round++) {
    const numbers = {};
    for (let turn = 0; turn < names.length; turn++) {
      const way = names[(turn + round) % names.length];
      numbers[way] = await measure(ways[way], counts[way]);
    }
    console.log(JSON.stringify({ name, numbers }));
  }
}
process.exit(0);

/** How many operations make a measurement; what runs for the first time is not measured. */
async function enough(act) {
  for (let count = 1; ; count = Math.ceil(count * 4)) {
    const rate = await measure(act, count);
    if (count / rate > LEAST / 8) {
      // Once more, warm by now.
      return Math.max(1, Math.ceil(LEAST * (await measure(act, count))));
    }
  }
}

async function measure(act, count) {
  const before = process.cpuUsage();
  const pending = act(count);
  if (pending !== undefined) await pending;
  const { system, user } = process.cpuUsage(before);
  return count / ((system + user) / 1e6);
}
