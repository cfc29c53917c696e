// A burst of logins: bounded memory, and who finds no place hears it at once. What counts is the order
// of answers and what memory holds, never how long anything takes.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Hasher } from 'ringfence/crypto';

const MIB = 2 ** 20;
const PASSWORD = 'correct horse battery';

/** How much the process has grown after a burst, in MiB, and what became of the logins. */
async function burst(logins, options) {
  const hasher = new Hasher({ attempts: false, ...options });
  const stored = await new Hasher({ attempts: false }).hash(PASSWORD);
  const before = process.memoryUsage.rss();
  let most = before;
  const told = { accepted: 0, refused: 0 };
  const login = async () => {
    try {
      const { ok } = await hasher.verify(PASSWORD, stored);
      told.accepted += Number(ok);
    } catch (error) {
      assert.equal(error.code, 'ERR_RINGFENCE_PASSWORD_BUSY');
      told.refused += 1;
    }
    most = Math.max(most, process.memoryUsage.rss());
  };
  await Promise.all(Array.from({ length: logins }, login));
  return { ...told, grown: (most - before) / MIB };
}

test('of 200 logins at once those that find a place are taken, and memory stays that of two hashes', async () => {
  const { accepted, refused, grown } = await burst(200, { atOnce: 2, waiting: 32 });
  // A place that comes free while the others still ask is taken again.
  assert.ok(accepted >= 34 && refused > 0, `${accepted} and ${refused}`);
  assert.equal(accepted + refused, 200);
  assert.ok(grown < 2 * 19 + 48, `${grown} MiB`);
});

test('control: with sixteen at once memory is that of sixteen', async () => {
  const { accepted, grown } = await burst(16, { atOnce: 16, waiting: 0 });
  assert.equal(accepted, 16);
  assert.ok(grown > 4 * 19, `${grown} MiB`);
});

test('who finds no place hears it while the others are still computed', async () => {
  const hasher = new Hasher({ atOnce: 1, waiting: 0, attempts: false, policy: { memory: 128 * 1024, passes: 4, lanes: 1 } });
  const answers = [];
  const computed = hasher.hash(PASSWORD).then(() => answers.push('computed'));
  const refused = hasher.hash(PASSWORD).catch(({ code }) => answers.push(code));
  await Promise.all([computed, refused]);
  assert.deepEqual(answers, ['ERR_RINGFENCE_PASSWORD_BUSY', 'computed']);
  assert.equal(hasher.pending, 0);
  assert.match(await hasher.hash(PASSWORD), /^\$argon2id\$/, 'the place is free again');
});
