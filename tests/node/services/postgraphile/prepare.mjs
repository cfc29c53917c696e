// The tables, as they are before each run, and the password file.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { facts } from '../traffic.mjs';

const { Client } = createRequire(join(facts.folder, 'package.json'))('pg');
const { postgres, password } = facts;
const client = new Client({ host: '127.0.0.1', port: Number(postgres), user: 'orders', database: 'orders', password });
await client.connect();
await client.query(`
  DROP SCHEMA IF EXISTS shop CASCADE;
  CREATE SCHEMA shop;
  CREATE TABLE shop.item (id serial PRIMARY KEY, name text NOT NULL, price numeric NOT NULL);
  INSERT INTO shop.item (name, price) SELECT 'item ' || n, n * 1.5 FROM generate_series(1, 200) n;
  CREATE FUNCTION shop.total() RETURNS numeric LANGUAGE sql STABLE AS 'SELECT sum(price) FROM shop.item';
`);
await client.end();
writeFileSync(join(facts.folder, 'pgpass'), `127.0.0.1:${postgres}:orders:orders:${password}\n`, { mode: 0o600 });
