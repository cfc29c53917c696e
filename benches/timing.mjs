// How long a comparison takes in Node by where the first difference is: prints "CLASS NANOSECONDS" for
// each measurement. `node timing.mjs control|secret-equals COUNT`.
//
// A clock reading in JavaScript costs more than a comparison, so each measurement is of several.

import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';

const { secretEquals } = createRequire(import.meta.url)('../crates/node/npm/crypto.js');

const LENGTH = 64;
const CALLS = 8;
const WARMING = 5_000;

/** The mistake: it returns at the first difference. */
function leavesEarly(left, right) {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return false;
  return true;
}

const [name, count] = process.argv.slice(2);
const equal = { control: leavesEarly, 'secret-equals': secretEquals }[name];
const right = randomBytes(LENGTH);
const given = Buffer.alloc(LENGTH);
const chance = randomBytes(Number(count) + WARMING);
const times = new Float64Array(chance.length);
for (let number = 0; number < chance.length; number++) {
  const at = (chance[number] & 1) === 0 ? 0 : LENGTH - 1;
  right.copy(given);
  given[at] ^= (chance[number] >> 1) | 1;
  let accepted = false;
  const began = process.hrtime.bigint();
  for (let call = 0; call < CALLS; call++) accepted = equal(given, right) || accepted;
  times[number] = Number(process.hrtime.bigint() - began);
  if (accepted) throw new Error('an input that differs was accepted');
}
const lines = [];
for (let number = WARMING; number < chance.length; number++) lines.push(`${chance[number] & 1} ${times[number]}\n`);
for (let at = 0; at < lines.length; at += 10_000) {
  const text = Buffer.from(lines.slice(at, at + 10_000).join(''));
  for (let written = 0; written < text.length; ) written += writeSync(1, text, written);
}
