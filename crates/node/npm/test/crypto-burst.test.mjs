// A burst of logins: bounded memory, and who finds no place hears it at once. What counts is the order
// of answers and what memory holds, never how long anything takes.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { Hasher } from 'ringfence/crypto';

const MIB = 2 ** 20;
const PASSWORD = 'correct horse battery';
const entry = new URL('../crypto.js', import.meta.url).pathname;

/**
 * What became of many logins at once, and how far the process grew over them at its highest, in MiB.
 * They are in a process of their own, and the kernel says what its highest was: nothing else counts.
 */
function burst(logins, options, passes = 2) {
  const source = `
    const { readFileSync } = require('node:fs');
    const { Hasher } = require(${JSON.stringify(entry)});
    const kib = (name) => Number(readFileSync('/proc/self/status', 'utf8').split(name + ':')[1].split('kB')[0]);
    const told = { accepted: 0, refused: 0, others: [] };
    (async () => {
      const hasher = new Hasher({ attempts: false, ...${JSON.stringify(options)} });
      const stored = await new Hasher({ attempts: false, policy: { passes: ${passes} } }).hash(${JSON.stringify(PASSWORD)});
      const before = kib('VmRSS');
      const login = () => hasher.verify(${JSON.stringify(PASSWORD)}, stored).then(({ ok }) => (told.accepted += Number(ok)), ({ code }) => {
        if (code === 'ERR_RINGFENCE_PASSWORD_BUSY') told.refused += 1;
        else told.others.push(code);
      });
      await Promise.all(Array.from({ length: ${logins} }, login));
      console.log(JSON.stringify({ ...told, grown: (kib('VmHWM') - before) * 1024 / ${MIB} }));
    })();
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', source], { encoding: 'utf8' });
  assert.notEqual(stdout, '', stderr);
  const { others, ...seen } = JSON.parse(stdout);
  assert.deepEqual(others, []);
  return seen;
}

test('of 200 logins at once those that find a place are taken, and memory stays that of two hashes', () => {
  const { accepted, refused, grown } = burst(200, { atOnce: 2, waiting: 32 });
  // A place that comes free while the others still ask is taken again.
  assert.ok(accepted >= 34 && refused > 0, `${accepted} and ${refused}`);
  assert.equal(accepted + refused, 200);
  assert.ok(grown < 2 * 19 + 48, `${grown} MiB`);
});

test('control: with sixteen at once memory is that of sixteen', () => {
  // With more passes each holds its memory until the others have theirs, whoever of them runs when.
  const { accepted, grown } = burst(16, { atOnce: 16, waiting: 0 }, 8);
  assert.equal(accepted, 16);
  assert.ok(grown > 8 * 19, `${grown} MiB`);
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
