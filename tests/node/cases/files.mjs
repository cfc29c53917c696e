/*
promise: granted files are read, written, renamed, watched and removed; streams and temporary files work
---
[fs]
read = ["${suite}"]
write = ["${scratch}"]
*/
import { createReadStream, createWriteStream, watch } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';

const folder = join(process.env.SCRATCH, 'files');
await rm(folder, { recursive: true, force: true });
await mkdir(join(folder, 'deep/er'), { recursive: true });
await writeFile(join(folder, 'a'), 'text', { mode: 0o640 });
await appendFile(join(folder, 'a'), ' more');
await rename(join(folder, 'a'), join(folder, 'b'));
console.log(await readFile(join(folder, 'b'), 'utf8'), ((await stat(join(folder, 'b'))).mode & 0o777).toString(8));
await pipeline(createReadStream(join(folder, 'b')), createGzip(), createWriteStream(join(folder, 'b.gz')));
await pipeline(createReadStream(join(folder, 'b.gz')), createGunzip(), createWriteStream(join(folder, 'c')));
console.log(await readFile(join(folder, 'c'), 'utf8'), (await readdir(folder)).sort());

const watcher = watch(folder);
const seen = new Promise((resolve) => watcher.on('change', (kind, name) => resolve(name)));
await writeFile(join(folder, 'watched'), 'x');
console.log(await seen);
watcher.close();
await rm(folder, { recursive: true });

// Node's own flags grant the private /tmp only from 22 on; what counts is that it works or is refused cleanly.
const temporary = await mkdtemp(join(tmpdir(), 'suite-'));
await writeFile(join(temporary, 'file'), 'temporary');
console.log(await readFile(join(temporary, 'file'), 'utf8'));
await rm(temporary, { recursive: true });
