import { readFile, stat } from 'node:fs/promises';
import { env } from 'node:process';

export const fetches = (url) => fetch(url);
export async function all() {
  void env.ESM_VARIABLE;
  await stat('/etc/absent-esm').catch(() => {});
  await readFile('/etc/hostname').catch(() => {});
}
