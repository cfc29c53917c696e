import assert from 'node:assert/strict';
import fs from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { extract, Root } from '../guard.mjs';

let top;
let root;
before(async () => {
  top = await mkdtemp(path.join(os.tmpdir(), 'ringfence-guard-'));
  fs.mkdirSync(path.join(top, 'uploads/sub'), { recursive: true });
  fs.mkdirSync(path.join(top, 'uploads2'));
  fs.writeFileSync(path.join(top, 'secrets.env'), 'secret');
  fs.writeFileSync(path.join(top, 'uploads2/other'), 'other');
  fs.writeFileSync(path.join(top, 'uploads/sub/hello.txt'), 'hello');
  fs.symlinkSync('/etc', path.join(top, 'uploads/out'));
  fs.symlinkSync('sub', path.join(top, 'uploads/in'));
  root = new Root(path.join(top, 'uploads'));
});
after(() => rm(top, { recursive: true }));

const resolveUploadPath = (userPath) => root.resolve(userPath);

// The manual's two tests, section Security testing, with the import changed alone.
test('upload paths cannot escape root', () => {
  assert.throws(() => resolveUploadPath('../secrets.env'), /escapes/);
});

test('absolute paths cannot escape root', () => {
  assert.throws(() => resolveUploadPath('/etc/passwd'), /escapes/);
});

test('what lies below the root is opened, read, written, asked and removed, now and later', async () => {
  assert.equal(root.resolve('sub/hello.txt'), path.join(top, 'uploads/sub/hello.txt'));
  assert.equal(await root.readFile('sub/hello.txt', 'utf8'), 'hello');
  assert.equal(root.readFileSync('sub/hello.txt', { encoding: 'utf8' }), 'hello');
  assert.deepEqual(await root.readFile('sub/hello.txt'), Buffer.from('hello'));
  const handle = await root.open('sub/hello.txt');
  assert.equal(handle.constructor.name, 'FileHandle');
  assert.equal(await handle.readFile('utf8'), 'hello');
  await handle.close();
  const fd = root.openSync('sub/hello.txt');
  assert.equal(fs.readFileSync(fd, 'utf8'), 'hello');
  fs.closeSync(fd);
  assert.equal((await root.stat('sub/hello.txt')).size, 5);
  assert.equal(root.statSync('sub/hello.txt').isFile(), true);

  await root.mkdir('new');
  await root.writeFile('new/a', 'first');
  root.writeFileSync('new/b', Buffer.from('second'));
  const created = await root.create('new/c');
  await created.writeFile('third');
  await created.close();
  fs.closeSync(root.createSync('new/d'));
  assert.deepEqual(fs.readdirSync(path.join(top, 'uploads/new')), ['a', 'b', 'c', 'd']);
  assert.equal(fs.statSync(path.join(top, 'uploads/new/a')).mode & 0o777, 0o600);
  assert.equal(await root.readFile('new/c', 'utf8'), 'third');
  await root.remove('new/a');
  root.removeSync('new/b');
  assert.deepEqual(fs.readdirSync(path.join(top, 'uploads/new')), ['c', 'd']);
});

test('every other path is refused, by every method, and not repeated in the error', async () => {
  const paths = [
    '', '.', '..', '../secrets.env', 'sub/../../secrets.env', '/etc/passwd', '../uploads2/other', 'sub//hello.txt', './sub', 'sub/', 'a\0b', '..\\secrets.env',
    'C:\\boot.ini', '\\\\server\\share', 'con', 'NUL.txt', 'name.', 'name ', 'a'.repeat(300), 'a/'.repeat(600), 'e\u0301', 'a\u202eb', 'a:b', '%2e%2e/secrets.env\u0000',
  ];
  for (const userPath of paths) {
    const name = JSON.stringify(userPath);
    for (const method of ['resolve', 'openSync', 'createSync', 'readFileSync', 'statSync', 'mkdirSync', 'removeSync']) {
      assert.throws(() => root[method](userPath), { code: 'ERR_RINGFENCE_GUARD_PATH', name: 'GuardError', statusCode: 400 }, `${method} ${name}`);
    }
    for (const method of ['open', 'create', 'readFile', 'stat', 'mkdir', 'remove']) {
      await assert.rejects(root[method](userPath), { code: 'ERR_RINGFENCE_GUARD_PATH', name: 'GuardError' }, `${method} ${name}`);
    }
  }
  await assert.rejects(root.writeFile('../x', 'x'), { code: 'ERR_RINGFENCE_GUARD_PATH' });
  for (const userPath of [undefined, null, 1, {}, ['sub'], Buffer.from('sub')]) {
    assert.throws(() => root.resolve(userPath), { code: 'ERR_INVALID_ARG_TYPE' });
    await assert.rejects(root.open(userPath), { code: 'ERR_INVALID_ARG_TYPE' });
  }
  assert.throws(() => root.resolve('../hunter2'), (error) => !error.message.includes('hunter2'));
});

test('links are refused, or followed while they stay below', async () => {
  await assert.rejects(root.readFile('out/passwd'), { code: 'ERR_RINGFENCE_GUARD_PATH' });
  await assert.rejects(root.readFile('in/hello.txt'), { code: 'ERR_RINGFENCE_GUARD_PATH' });
  const beneath = new Root(root.folder, { links: 'beneath' });
  assert.equal(await beneath.readFile('in/hello.txt', 'utf8'), 'hello');
  await assert.rejects(beneath.readFile('out/passwd'), { code: 'ERR_RINGFENCE_GUARD_PATH' });
  // The control: both links lead where they say.
  assert.ok(fs.existsSync(path.join(root.folder, 'out/passwd')));
});

test('no file of another folder is read while links are swapped', async () => {
  const place = path.join(root.folder, 'swapped');
  fs.mkdirSync(place);
  fs.writeFileSync(path.join(place, 'hostname'), 'ours');
  const other = path.join(top, 'theirs');
  fs.mkdirSync(other);
  fs.writeFileSync(path.join(other, 'hostname'), 'theirs');
  let read = 0;
  // At least 300 times, and until some were read at all.
  for (let round = 0; round < 300 || (read === 0 && round < 30_000); round++) {
    const pending = Array.from({ length: 4 }, () => root.readFile('swapped/hostname', 'utf8').catch(({ code }) => code));
    fs.renameSync(place, `${place}.away`);
    fs.symlinkSync(other, place);
    fs.unlinkSync(place);
    fs.renameSync(`${place}.away`, place);
    for (const found of await Promise.all(pending)) {
      assert.notEqual(found, 'theirs');
      read += found === 'ours';
    }
  }
  assert.ok(read > 0);
});

test('errors of the system at the time of use have its codes', async () => {
  await assert.rejects(root.open('missing'), { code: 'ENOENT', name: 'GuardError' });
  assert.throws(() => root.readFileSync('missing/too'), { code: 'ENOENT' });
  await assert.rejects(root.create('sub/hello.txt'), { code: 'EEXIST' });
  await assert.rejects(root.writeFile('sub/hello.txt', 'x'), { code: 'EEXIST' });
  assert.equal(await root.readFile('sub/hello.txt', 'utf8'), 'hello');
  await assert.rejects(root.open('sub'), { code: 'ERR_RINGFENCE_GUARD_KIND' });
  await assert.rejects(root.readFile('sub/hello.txt', { maxBytes: 4 }), { code: 'ERR_RINGFENCE_GUARD_TOO_LARGE' });
  assert.equal((await root.readFile('sub/hello.txt', { maxBytes: 5 })).length, 5);
  assert.throws(() => new Root(path.join(top, 'missing')), { code: 'ENOENT' });
  for (const folder of ['relative', '', undefined, 1]) assert.throws(() => new Root(folder), { code: 'ERR_INVALID_ARG_VALUE' });
});

test('no descriptor stays open', async () => {
  // In a folder of its own: what Node itself has open changes whenever it likes.
  const place = fs.mkdtempSync(path.join(top, 'counted-'));
  fs.mkdirSync(path.join(place, 'sub'));
  fs.writeFileSync(path.join(place, 'sub/hello.txt'), 'hello');
  const counted = new Root(place);
  const leads = (fd) => {
    try { return fs.readlinkSync(`/proc/self/fd/${fd}`); } catch { return ''; }
  };
  const open = () => fs.readdirSync('/proc/self/fd').filter((fd) => leads(fd).startsWith(place)).length;
  const at = open();
  const one = await counted.open('sub/hello.txt');
  assert.equal(open(), at + 1);
  await one.close();
  for (let round = 0; round < 20; round++) {
    await (await counted.open('sub/hello.txt')).close();
    await counted.readFile('sub/hello.txt');
    await counted.stat('sub/hello.txt');
    counted.statSync('sub/hello.txt');
    await counted.open('sub').catch(() => {});
  }
  assert.equal(open(), at);
});

test('an archive is extracted whole or not at all', async () => {
  const good = path.join(top, 'good.tar');
  fs.writeFileSync(good, Buffer.concat([member('a/b.txt', 'inside'), Buffer.alloc(1024)]));
  const summary = await extract(good, { into: path.join(top, 'extracted') });
  assert.deepEqual({ ...summary }, { bytes: 6, files: 1, folders: 1, format: 'tar' });
  assert.equal(fs.readFileSync(path.join(top, 'extracted/a/b.txt'), 'utf8'), 'inside');

  for (const [name, limits] of [['../escaped', {}], ['/etc/escaped', {}], ['a/b.txt', { bytes: 600 }], ['a/b.txt', { entries: 1 }], ['a/b/c/d', { depth: 3 }]]) {
    const bad = path.join(top, 'bad.tar');
    fs.writeFileSync(bad, Buffer.concat([member('first', 'x'), member(name, 'x'), Buffer.alloc(1024)]));
    const into = path.join(top, 'refused');
    await assert.rejects(extract(bad, { into, ...limits }), { code: 'ERR_RINGFENCE_GUARD_ARCHIVE', name: 'GuardError', statusCode: 400 }, name);
    assert.equal(fs.existsSync(into), false);
  }
  await assert.rejects(extract(path.join(top, 'missing.tar'), { into: path.join(top, 'x') }), { code: 'ENOENT' });
  await assert.rejects(extract(good), { code: 'ERR_INVALID_ARG_TYPE' });
  await assert.rejects(extract(good, { into: path.join(top, 'x'), size: 1 }), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.deepEqual(fs.readdirSync(top).filter((name) => name.includes('refused')), []);
});

/** One file of a tar (POSIX.1-1988, ustar). */
function member(name, content) {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((all, byte) => all + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const body = Buffer.alloc(512);
  body.write(content);
  return Buffer.concat([header, body]);
}

test('what is written is what was given, whatever becomes of its memory meanwhile', async () => {
  for (const [round, taking] of [
    (data) => data.fill(2),
    (data) => structuredClone(data.buffer, { transfer: [data.buffer] }).byteLength,
    // Frees it at once, where there is such a thing.
    (data) => data.buffer.transfer?.(1),
  ].entries()) {
    const data = new Uint8Array(32 << 20).fill(1);
    const written = root.writeFile(`given-${round}`, data);
    taking(data);
    const others = Array.from({ length: 4 }, () => new Uint8Array(32 << 20).fill(3));
    await written;
    const found = root.readFileSync(`given-${round}`);
    assert.equal(found.length, 32 << 20);
    assert.ok(found.equals(Buffer.alloc(32 << 20, 1)), `round ${round}`);
    assert.equal(others.length, 4);
    root.removeSync(`given-${round}`);
  }
});
