// writes a file with node:sqlite, which Node's permission flags do not cover
import { DatabaseSync } from 'node:sqlite';

const [path] = process.argv.slice(1);
try {
  new DatabaseSync(':memory:').exec(`CREATE TABLE loot (x); VACUUM INTO '${path.replaceAll("'", "''")}'`);
  console.log(JSON.stringify({ reached: true, saw: 'file written' }));
} catch (error) {
  console.log(JSON.stringify({ reached: false, saw: error.message }));
}
