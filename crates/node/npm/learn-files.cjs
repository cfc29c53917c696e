// Files; a part of the script that begins in `learn.cjs`, in the same scope.

const READ = 'fs-read';
const LOOK = 'fs-look';
const WRITE = 'fs-write';
const first = (kind) => (values) => touch(kind, values[0]);
const reads = first(READ);
const looks = first(LOOK);
const writes = first(WRITE);
const noFlags = () => feature('needs-no-flags');
/** Of standard streams it fails anywhere but on a disk, so whoever asks for it there bears its refusal. */
const syncs = ({ 0: descriptor }) => { if (!(descriptor <= 2)) noFlags(); };
function copies(values) {
  touch(READ, values[0]);
  touch(WRITE, values[1]);
}
function moves(values) {
  touch(WRITE, values[0]);
  touch(WRITE, values[1]);
}
function links(values) {
  noFlags();
  touch(WRITE, values[1]);
}
function opens({ 0: path, 1: flags }) {
  if (typeof flags === 'number') {
    const access = flags & 3;
    if (access !== 1) touch(READ, path);
    if (access !== 0 || (flags & (O_CREAT | O_TRUNC)) !== 0) touch(WRITE, path);
    return;
  }
  const mode = typeof flags === 'string' ? flags : 'r';
  if (mode[0] === 'r') touch(READ, path);
  if (mode[0] !== 'r' || includes(mode, '+')) touch(WRITE, path);
}
function flushes(values) {
  writes(values);
  if (peek(values[2], 'flush') === true) noFlags();
}
const temporary = ({ 0: prefix }) => typeof prefix === 'string' && touch(WRITE, `${prefix}XXXXXX`);
const within = ({ 1: options }) => touch(READ, peek(options, 'cwd') ?? '.');

/**
 * What each function of `fs` does, its `Sync` and its promises too. Not `realpath`: errors of its
 * `native` would name a proxy, and Node's loader calls it for each module.
 */
const FILES = {
  __proto__: null,
  access: looks, appendFile: flushes, chmod: writes, chown: writes, copyFile: copies, cp: copies,
  createReadStream: reads, createWriteStream: flushesOfStream, exists: looks, fchmod: noFlags, fchown: noFlags,
  fdatasync: syncs, fsync: syncs, futimes: noFlags, glob: within, lchmod: writes, lchown: writes, link: copies,
  lstat: looks, lutimes: writes, mkdir: writes, mkdtemp: temporary, mkdtempDisposable: temporary, open: opens,
  openAsBlob: reads, opendir: reads, readFile: reads, readdir: reads, readlink: looks, rename: moves,
  rm: writes, rmdir: writes, stat: looks, statfs: looks, symlink: links, truncate: writes, unlink: writes,
  utimes: writes, watch: reads, watchFile: looks, writeFile: flushes,
};
function flushesOfStream({ 0: path, 1: options }) {
  touch(WRITE, path);
  if (peek(options, 'flush') === true) noFlags();
}

function watchFiles(module) {
  for (const name in FILES) {
    watch(module, name, FILES[name]);
    watch(module, `${name}Sync`, FILES[name]);
  }
}

/** Functions of a handle are found with the first one that the program opens. */
let handles = false;
function watchPromises() {
  const module = fs.promises;
  const open = module.open;
  watchFiles(module);
  observers.set(open, {
    after(result, values) {
      observed(OPENED, undefined, values);
      if (handles || !isPromise(result)) return result;
      return apply(then, result, [
        (handle) => {
          if (!handles) for (const name of ['sync', 'datasync']) watch(getPrototypeOf(handle), name, noFlags);
          handles = true;
          return handle;
        },
      ]);
    },
  });
  const found = getOwnPropertyDescriptor(module, 'open');
  defineProperty(module, 'open', { ...found, value: new FastProxy(open, TRIED) });
}
/** Stands for `fs.promises.open` among the observers. */
const OPENED = {};
observers.set(OPENED, opens);
