/*
promise: two processes of a cluster share one port and talk to PostgreSQL with a secret password
node: 24
ready: listening on port
needs: postgres
bare-env: PGPASSFILE=${folder}/pgpass
*/
import { readFileSync, readdirSync } from 'node:fs';
import { show, sha256 } from '../traffic.mjs';

const url = 'http://127.0.0.1:18507/graphql';
const query = (query, variables = {}) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', connection: 'close' },
  body: JSON.stringify({ query, variables }),
});
await show('items', url, query('{ allItems(first: 5) { nodes { id name price } totalCount } }'));
await show('total', url, query('{ total }'));
const create = 'mutation ($name: String!) { createItem(input: { item: { name: $name, price: 7 } }) { item { name price } } }';
await show('created', url, query(create, { name: 'new' }));
await show('mistake', url, query('{ nothing }'));
const pages = Array.from({ length: 60 }, (_, index) =>
  fetch(url, query('query ($n: Int!) { allItems(first: 3, offset: $n) { nodes { name } } }', { n: index * 3 })));
const answers = await Promise.all(pages.map(async (answer) => (await answer).text()));
console.log('at once', answers.length, sha256(answers.join('')));
await show('counted', url, query('{ allItems { totalCount } }'));

// The primary and its workers, as this host sees them; a ringfence that was given their command
// line is none of them.
const commands = readdirSync('/proc').filter(Number).map((pid) => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
});
console.log('processes', commands.filter((command) => /^[^\0]*node\0.*--cluster-workers/s.test(command)).length);
