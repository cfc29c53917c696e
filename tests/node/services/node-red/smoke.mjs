/*
promise: an automation server with an editor keeps flows, runs them and pushes through WebSockets
node: 24
ready: Started flows
denied: resolve telemetry.nodered.org because a flow that tells others about this server is what nobody granted
denied: open bash because the node that starts programs looks for a shell, when it is attacked
denied: open machine-id because a flow that reads a file of the host, when it is attacked
denied: open ldd because a package asks which C library this is, and finds out without
denied: open node-red because a folder that is searched for flows before its own
denied: open .git because it asks whether its settings are under version control
denied: open flows.json because it looks for flows beside the settings before it looks into its own folder
denied: open node_modules because nodes are looked for in every folder above
spare: fs.read "/usr/bin/ldd" because a package asks which C library this is, and finds out without
spare: process.addons { package = "@node-rs/bcrypt-linux-x64-gnu" because it is loaded at the start and hashes passwords, of which this traffic has none
spare: process.node-flags false because it asks for fsync, and goes on with a warning without
*/
import { all, ask, content, files, run, sha256, show, talk, until } from '../traffic.mjs';

const base = 'http://127.0.0.1:18505';
const page = await (await fetch(`${base}/`)).text();
// Its addresses carry a number that is another one at each start.
console.log('editor', sha256(page.replace(/v=[0-9a-f]+/g, '')));
await show('script', `${base}/red/red.min.js`);
const nodes = await ask('nodes', `${base}/nodes`, { headers: { accept: 'application/json' } });
const broken = nodes.filter((node) => node.err && node.enabled);
console.log('kinds of nodes', nodes.length, broken.map((node) => `${node.id} ${node.err}`).join(' '));

const tab = { z: 'flow' };
const flows = [
  { id: 'flow', type: 'tab', label: 'smoke' },
  { id: 'in', type: 'http in', url: '/hello', method: 'post', wires: [['code']], ...tab },
  { id: 'code', type: 'function', func: 'msg.payload = { hello: msg.payload.name, at: 6 * 7 }; return msg;', outputs: 1, wires: [['out', 'log', 'sidebar']], ...tab },
  { id: 'out', type: 'http response', wires: [], ...tab },
  { id: 'log', type: 'file', filename: `${run}/said.log`, filenameType: 'str', appendNewline: true, createDir: true, overwriteFile: 'false', wires: [[]], ...tab },
  { id: 'sidebar', type: 'debug', active: true, tosidebar: true, complete: 'payload', targetType: 'msg', ...tab },
  { id: 'listener', type: 'websocket-listener', path: '/echo', wholemsg: 'false' },
  { id: 'ws-in', type: 'websocket in', server: 'listener', wires: [['upper']], ...tab },
  { id: 'upper', type: 'function', func: 'msg.payload = msg.payload.toUpperCase(); return msg;', outputs: 1, wires: [['ws-out']], ...tab },
  { id: 'ws-out', type: 'websocket out', server: 'listener', wires: [], ...tab },
  { id: 'up', type: 'http in', url: '/up', method: 'get', wires: [['out']], ...tab },
];
const headers = { 'node-red-api-version': 'v2', 'node-red-deployment-type': 'full' };
await ask('deploy', `${base}/flows`, { headers, json: { flows } });
const kept = await ask('flows', `${base}/flows`, { headers });
console.log('kept', kept.flows.map((node) => node.type).join(' '));

// A deployment is answered before its nodes have come to life; this one is the last of them.
await until('the flows', async () => (await fetch(`${base}/up`)).status !== 404);
for (const name of ['one', 'two', 'three']) {
  console.log(JSON.stringify(await ask('hello', `${base}/hello`, { json: { name } })));
}
await talk('echo', 'ws://127.0.0.1:18505/echo', ['a message', 'x'.repeat(70_000)], (text) => `${text.length} ${text.slice(0, 20)}`);
// It also tells everybody, at any time, how the nodes are and that it is still there.
const started = (text) => JSON.parse(text).find?.(({ topic, data }) => topic === 'notification/runtime-state' && data.state === 'start');
await talk('editor', 'ws://127.0.0.1:18505/comms', ['{"subscribe":"notification/#"}'], (text) => started(text).topic, started);
// The line is written beside the answer, the settings some time after the start.
await until('three lines', () => all(run, ['said.log']) && content(run, 'said.log').toString().split('\n').length > 3);
await until('its settings', () => all(run, ['.config.nodes.json', '.config.runtime.json', 'flows.json', 'package.json']));
console.log('said.log', content(run, 'said.log').toString().trim().replaceAll('\n', ' '));
files('written', run);
