/*
promise: a registry takes packages from the npm client, keeps them and gives them out again
node: 26
ready: 127.0.0.1:18506
*/
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, files, listening, run, show } from '../traffic.mjs';

const base = 'http://127.0.0.1:18506';
await listening(base);
const name = 'somebody';
const user = { name, password: 'a password', type: 'user', roles: [], date: new Date().toISOString() };
const { token } = await ask('new user', `${base}/-/user/org.couchdb.user:${name}`, { method: 'PUT', json: user });

const folder = mkdtempSync(join(tmpdir(), 'ringfence-npm-'));
const npmrc = join(folder, 'npmrc');
writeFileSync(npmrc, `registry=${base}/\n//127.0.0.1:18506/:_authToken=${token}\nupdate-notifier=false\n`);
function npm(cwd, ...words) {
  const env = { PATH: process.env.PATH, HOME: folder, npm_config_userconfig: npmrc, npm_config_cache: join(folder, 'cache') };
  const { status, stdout, stderr } = spawnSync('npm', words, { cwd, env, encoding: 'utf8' });
  if (status !== 0) console.log(stderr);
  console.log('npm', words[0], status);
  return stdout;
}

try {
  const content = 'module.exports = "from the registry";\n'.repeat(20_000);
  for (const version of ['1.0.0', '1.1.0']) {
    const own = join(folder, version);
    mkdirSync(own);
    writeFileSync(join(own, 'index.js'), content + version);
    writeFileSync(join(own, 'package.json'), JSON.stringify({ name: 'published', version, license: 'MIT' }));
    npm(own, 'publish');
  }
  console.log(npm(folder, 'view', 'published', 'versions', '--json').replaceAll(/\s/g, ''));
  const app = join(folder, 'app');
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{}');
  npm(app, 'install', 'published@1.1.0', '--no-audit', '--no-fund');
  console.log(npm(app, 'ls', '--json').includes('"1.1.0"'));
} finally {
  rmSync(folder, { recursive: true });
}
await show('package', `${base}/published/-/published-1.0.0.tgz`);
await ask('without a token', `${base}/other`, { method: 'PUT', json: { name: 'other', versions: {} } });
await ask('not there', `${base}/not-there`);
const page = await ask('page', `${base}/`);
console.log(page.includes('Verdaccio'));
files('written', run);
