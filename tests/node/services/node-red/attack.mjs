// What somebody who may edit flows tries next: a program, a file of the host, a host elsewhere.
import assert from 'node:assert/strict';
import { ask, until } from '../traffic.mjs';

const base = 'http://127.0.0.1:18505';
const tab = { z: 'flow' };
const attempt = (name, node) => [
  { id: `${name}-in`, type: 'http in', url: `/${name}`, method: 'get', wires: [[name]], ...tab },
  { id: name, wires: [['answer']], ...node, ...tab },
];
const flows = [
  { id: 'flow', type: 'tab', label: 'attack' },
  { id: 'answer', type: 'http response', wires: [], ...tab },
  { id: 'caught', type: 'catch', scope: null, wires: [['sorry']], ...tab },
  { id: 'sorry', type: 'function', func: 'msg.payload = `refused: ${msg.error.message}`; return msg;', wires: [['answer']], ...tab },
  ...attempt('program', { type: 'exec', command: '/usr/bin/id', useSpawn: 'false', wires: [[], [], ['answer']] }),
  ...attempt('file', { type: 'file in', filename: '/etc/machine-id', filenameType: 'str', format: 'utf8', sendError: false }),
  ...attempt('elsewhere', { type: 'http request', method: 'GET', ret: 'txt', url: 'https://telemetry.nodered.org/ping' }),
  { id: 'alive', type: 'http in', url: '/alive', method: 'get', wires: [['answer']], ...tab },
];
const headers = { 'node-red-api-version': 'v2', 'node-red-deployment-type': 'full' };
await ask('deploy', `${base}/flows`, { headers, json: { flows } });
// A deployment is answered before its nodes have come to life; this one is the last of them.
await until('the flows', async () => (await fetch(`${base}/alive`)).status !== 404);
// The node that starts programs does not even come to life, so nobody answers: not in a second and
// a half, and not while the others are answered.
const short = { signal: AbortSignal.timeout(1500) };
const nobody = assert.rejects(fetch(`${base}/program`, short).then((answer) => answer.text()), { name: 'TimeoutError' });
for (const name of ['file', 'elsewhere']) {
  const answer = await fetch(`${base}/${name}`, { signal: AbortSignal.timeout(120_000) }).then((answer) => answer.text());
  console.log(name, answer);
  assert.match(answer, /^refused|ENOTFOUND|ERR_ACCESS_DENIED/);
}
await nobody;
