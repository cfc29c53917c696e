// looks for the database server among the processes
import { readdirSync, readFileSync } from 'node:fs';

const names = [];
try {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      names.push(readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
    } catch {
      // it has ended, or may not be read
    }
  }
  const reached = names.includes('postgres');
  console.log(JSON.stringify({ reached, saw: reached ? 'postgres' : `${names.length} processes, none of them it` }));
} catch (error) {
  console.log(JSON.stringify({ reached: false, saw: error.code }));
}
