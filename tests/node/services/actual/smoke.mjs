/*
promise: a budgeting server keeps accounts in SQLite and hashes passwords, with three native addons
node: 24
ready: Listening on
needs: x64
*/
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ask, files, run, show } from '../traffic.mjs';

const base = 'http://127.0.0.1:18504';
const password = randomBytes(12).toString('hex');
await show('page', `${base}/`);
const before = await ask('needs bootstrap', `${base}/account/needs-bootstrap`);
console.log(before.data.bootstrapped);
await ask('bootstrap', `${base}/account/bootstrap`, { json: { password } });
const wrong = await ask('wrong password', `${base}/account/login`, { json: { loginMethod: 'password', password: 'wrong' } });
console.log(wrong.status, wrong.reason);
const { data } = await ask('login', `${base}/account/login`, { json: { loginMethod: 'password', password } });
const headers = { 'x-actual-token': data.token };
const known = await ask('validate', `${base}/account/validate`, { headers });
console.log(known.data.validated, known.data.permission);

const budget = {
  ...headers,
  'content-type': 'application/encrypted-file',
  'x-actual-file-id': 'a-budget',
  'x-actual-name': 'household',
  'x-actual-format': '2',
};
await ask('upload', `${base}/sync/upload-user-file`, { method: 'POST', headers: budget, body: Buffer.alloc(300_000, 'budget') });
const list = await ask('list', `${base}/sync/list-user-files`, { headers });
console.log(list.data.map((file) => `${file.fileId} ${file.name}`).join(' '));
await show('download', `${base}/sync/download-user-file`, { headers: budget });
await ask('without a token', `${base}/sync/list-user-files`);

files('written', run);
const database = new DatabaseSync(join(run, 'server-files', 'account.sqlite'), { readOnly: true });
console.log('in the database', JSON.stringify(database.prepare('select id, name from files').all()));
const { extra_data: hash } = database.prepare("select extra_data from auth where method = 'password'").get();
console.log('password hash', hash.split('$').slice(1, -1).join(' ').replace(/ [^ ]{22,}$/, ''));
