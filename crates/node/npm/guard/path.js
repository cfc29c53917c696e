'use strict';
// Paths that users name, opened below a folder and nowhere else, by the kernel's own resolution
// (openat2, in the addon): no check can be overtaken by somebody who moves files meanwhile.

const fs = require('node:fs');
const path = require('node:path');
const { native } = require('../native.js');
const { call, GuardError, tell, typed } = require('./error.js');
const { has, needs, own } = require('./grant.js');

/** Most bytes of a file that is read whole, unless said. */
const MOST = 64 << 20;
/** Most names of a folder that is listed, unless said. */
const ENTRIES = 10_000;
const { O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants;

/** For the other guards: the addon's folder of a Root, which is written to. */
let toWrite;

/** A folder that is open, and what is done below it. */
class Root {
  #folder;
  #root;

  /** `links: 'beneath'` follows symbolic links while they stay below the folder. */
  constructor(folder, options) {
    const { links = 'refuse' } = own(options);
    const text = folder instanceof URL ? require('node:url').fileURLToPath(folder) : folder;
    if (typeof text !== 'string' || !path.isAbsolute(text)) {
      throw new GuardError('ERR_INVALID_ARG_VALUE', 'the root must be an absolute path');
    }
    if (links !== 'refuse' && links !== 'beneath') {
      throw new GuardError('ERR_INVALID_ARG_VALUE', "links is 'refuse' or 'beneath'");
    }
    this.#folder = path.resolve(text);
    this.#grant('fs.read');
    const { GuardRoot } = native();
    this.#root = call(() => new GuardRoot(this.#folder, links === 'beneath'), { path: this.#folder });
  }

  /** The folder. */
  get folder() {
    return this.#folder;
  }

  /**
   * The path that a user's path names, for programs that want one. What lies there by the time it is
   * used, a link perhaps, is not known: `open` is the safe way.
   */
  resolve(userPath) {
    check(userPath);
    this.#do(userPath, () => native().guardRelativePath(userPath));
    return path.join(this.#folder, userPath);
  }

  /** A FileHandle for reading. */
  async open(userPath) {
    return this.#handle(await this.#later('open', userPath), O_RDONLY, userPath);
  }

  /** A descriptor for reading. */
  openSync(userPath) {
    return this.#now('open', userPath);
  }

  /** A FileHandle for writing a file that is new, mode 0600. */
  async create(userPath) {
    this.#grant('fs.write');
    return this.#handle(await this.#later('create', userPath), O_WRONLY, userPath);
  }

  /** A descriptor for writing a file that is new, mode 0600. */
  createSync(userPath) {
    this.#grant('fs.write');
    return this.#now('create', userPath);
  }

  /** All of a file: a Buffer, or a string with `encoding`. */
  async readFile(userPath, options) {
    const { encoding, maxBytes } = reading(options);
    check(userPath);
    const data = await this.#wait(userPath, () => this.#root.readFileLater(userPath, maxBytes));
    return encoding === undefined ? data : data.toString(encoding);
  }

  readFileSync(userPath, options) {
    const { encoding, maxBytes } = reading(options);
    check(userPath);
    const data = this.#do(userPath, () => this.#root.readFile(userPath, maxBytes));
    return encoding === undefined ? data : data.toString(encoding);
  }

  /**
   * Writes a file that must not be there yet; when writing fails nothing of it stays. With `replace` it
   * takes the place of a file or link that is there, in one step and on the disk before this answers.
   */
  async writeFile(userPath, data, options) {
    const replaces = writing(options);
    this.#grant('fs.write');
    check(userPath);
    await this.#wait(userPath, () => this.#root.writeFileLater(userPath, bytes(data), replaces));
  }

  writeFileSync(userPath, data, options) {
    const write = writing(options) ? 'replaceFile' : 'writeFile';
    this.#grant('fs.write');
    check(userPath);
    this.#do(userPath, () => this.#root[write](userPath, bytes(data)));
  }

  /** What lies in a folder, by name: `{ name, kind }`. Without a path, in the root itself. */
  async list(userPath = '', options) {
    const most = listing(options);
    check(userPath);
    return this.#wait(userPath, () => this.#root.listLater(userPath, most));
  }

  listSync(userPath = '', options) {
    const most = listing(options);
    check(userPath);
    return this.#do(userPath, () => this.#root.list(userPath, most));
  }

  static {
    toWrite = (root) => {
      if (!(root instanceof Root)) throw new GuardError('ERR_INVALID_ARG_TYPE', 'say a Root to keep files in');
      root.#grant('fs.write');
      return root.#root;
    };
  }

  /** fs.Stats of a regular file. */
  async stat(userPath) {
    const fd = await this.#later('open', userPath);
    return new Promise((resolve, reject) => {
      fs.fstat(fd, (error, stats) => {
        fs.close(fd, () => (error === null ? resolve(stats) : reject(error)));
      });
    });
  }

  statSync(userPath) {
    const fd = this.#now('open', userPath);
    try {
      return fs.fstatSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  }

  /** Makes a folder, mode 0700. */
  async mkdir(userPath) {
    this.#grant('fs.write');
    await this.#later('mkdir', userPath);
  }

  mkdirSync(userPath) {
    this.#grant('fs.write');
    this.#now('mkdir', userPath);
  }

  /** Removes a file; a symbolic link is removed itself. */
  async remove(userPath) {
    this.#grant('fs.write');
    await this.#later('remove', userPath);
  }

  removeSync(userPath) {
    this.#grant('fs.write');
    this.#now('remove', userPath);
  }

  #now(act, userPath) {
    check(userPath);
    return this.#do(userPath, () => this.#root.act(act, userPath));
  }

  #later(act, userPath) {
    check(userPath);
    return this.#wait(userPath, () => this.#root.actLater(act, userPath));
  }

  #do(userPath, act) {
    try {
      return act();
    } catch (error) {
      throw failure(error, userPath);
    }
  }

  async #wait(userPath, act) {
    try {
      return await act();
    } catch (error) {
      throw failure(error, userPath);
    }
  }

  /**
   * Node makes a FileHandle only of a path. That of the descriptor names the very same file; where
   * Node's permissions leave it out, as inside a boundary, the file is opened by its own path and
   * counts only when it is the one that was opened below the folder.
   */
  async #handle(fd, flags, userPath) {
    const link = `/proc/self/fd/${fd}`;
    try {
      if (has('fs.read', link) && (flags === O_RDONLY || has('fs.write', link))) return await fs.promises.open(link, flags);
      return await this.#same(fd, flags, userPath);
    } catch (cause) {
      if (cause instanceof GuardError) throw cause;
      throw failure(new Error(`${cause.code ?? 'EIO'}|the descriptor cannot be opened again: is /proc there?`), userPath);
    } finally {
      fs.closeSync(fd);
    }
  }

  /** A pipe that was put in its place is not waited for, and nothing is made or emptied. */
  async #same(fd, flags, userPath) {
    const handle = await fs.promises.open(path.join(this.#folder, userPath), flags | O_NONBLOCK);
    try {
      const [meant, found] = [fs.fstatSync(fd, { bigint: true }), await handle.stat({ bigint: true })];
      if (meant.dev !== found.dev || meant.ino !== found.ino) throw new GuardError('EAGAIN', 'somebody moved it meanwhile');
    } catch (error) {
      await handle.close();
      throw error;
    }
    return handle;
  }

  #grant(scope) {
    needs(scope, this.#folder, `--allow-${scope.replace('.', '-')}=${this.#folder}`);
  }
}

function check(userPath) {
  if (typeof userPath !== 'string') throw new GuardError('ERR_INVALID_ARG_TYPE', 'a path must be a string');
}

function writing(options) {
  const { replace = false } = own(options);
  if (typeof replace !== 'boolean') throw new GuardError('ERR_INVALID_ARG_VALUE', 'replace is true or false');
  return replace;
}

function listing(options) {
  const { most = ENTRIES } = own(options);
  if (!Number.isSafeInteger(most) || most < 0 || most >= 2 ** 31) {
    throw new GuardError('ERR_INVALID_ARG_VALUE', 'most must be a whole number below 2^31');
  }
  return most;
}

function reading(options) {
  const { encoding, maxBytes = MOST } = own(typeof options === 'string' ? { encoding: options } : options);
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 0 || maxBytes >= 2 ** 32) {
    throw new GuardError('ERR_INVALID_ARG_VALUE', 'maxBytes must be a whole number below 2^32');
  }
  return { encoding: encoding ?? undefined, maxBytes };
}

function bytes(data) {
  if (typeof data === 'string') return Buffer.from(data);
  if (data instanceof Uint8Array) return data;
  throw new GuardError('ERR_INVALID_ARG_TYPE', 'data must be a string, a Buffer or a Uint8Array');
}

/** What the guard refused is an event; what the system says is the usual error with its code. */
function failure(cause, userPath) {
  const error = typed(cause);
  if (error.code === 'ERR_RINGFENCE_GUARD_PATH' || error.code === 'ERR_RINGFENCE_GUARD_KIND') {
    error.statusCode = error.status = 400;
    return tell('path', error, userPath);
  }
  return error;
}

module.exports = { failure, Root, toWrite };
