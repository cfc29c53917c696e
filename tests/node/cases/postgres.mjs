/*
promise: the package pg works: a pool, parameters, a transaction, a cursor's worth of rows
needs: postgres
---
[net]
connect = ["127.0.0.1:${postgres}"]
*/
import pg from 'pg';

const { postgres, password } = JSON.parse(process.env.PEER);
const pool = new pg.Pool({ host: '127.0.0.1', port: postgres, user: 'orders', password, database: 'orders', max: 4 });
const { rows } = await pool.query('SELECT $1::int + $2::int AS sum', [20, 22]);
console.log(rows);
const client = await pool.connect();
await client.query('BEGIN');
await client.query('CREATE TEMPORARY TABLE numbers ON COMMIT DROP AS SELECT generate_series(1, 20000) AS n');
console.log((await client.query('SELECT count(*), sum(n) FROM numbers')).rows);
console.log((await client.query('SELECT n FROM numbers')).rows.length);
await client.query('COMMIT');
client.release();
const many = await Promise.all(Array.from({ length: 40 }, (_, i) => pool.query('SELECT $1::int AS n', [i])));
console.log(many.every(({ rows: [row] }, i) => row.n === i));
console.log(await pool.query('SELECT broken').catch((error) => error.code));
await pool.end();
