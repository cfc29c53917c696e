// Orders in PostgreSQL: one pool, one table, parameters only.
import pg from 'pg';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS orders (
    id          uuid PRIMARY KEY,
    created_at  timestamptz NOT NULL DEFAULT now(),
    customer    text NOT NULL,
    sku         text NOT NULL,
    quantity    integer NOT NULL CHECK (quantity > 0),
    total_cents integer NOT NULL CHECK (total_cents >= 0),
    invoice     jsonb NOT NULL
  )`;

const COLUMNS = 'id, created_at AS "createdAt", customer, sku, quantity, total_cents AS "totalCents", invoice';

export class Orders {
  #pool;

  constructor(settings) {
    this.#pool = new pg.Pool({ ...settings, max: 8, connectionTimeoutMillis: 30_000 });
  }

  async open() {
    await this.#pool.query(SCHEMA);
  }

  async insert({ id, customer, sku, quantity, totalCents, invoice }) {
    const { rows } = await this.#pool.query(
      `INSERT INTO orders (id, customer, sku, quantity, total_cents, invoice)
       VALUES ($1, $2, $3, $4, $5, $6) RETURNING ${COLUMNS}`,
      [id, customer, sku, quantity, totalCents, invoice],
    );
    return rows[0];
  }

  async find(id) {
    const { rows } = await this.#pool.query(`SELECT ${COLUMNS} FROM orders WHERE id = $1`, [id]);
    return rows[0];
  }

  async newest(limit) {
    const { rows } = await this.#pool.query(
      `SELECT ${COLUMNS} FROM orders ORDER BY created_at DESC, id LIMIT $1`,
      [limit],
    );
    return rows;
  }

  async ping() {
    await this.#pool.query('SELECT 1');
  }

  close() {
    return this.#pool.end();
  }
}
