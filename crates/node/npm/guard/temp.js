'use strict';
// A private folder that does not stay behind: removed when it is closed, when the process ends in any
// orderly way, and after a crash by whoever next makes one beside it (the owner's lock is free then).

const os = require('node:os');
const path = require('node:path');
const { native } = require('../native.js');
const { GuardError } = require('./error.js');
const { needs, own } = require('./grant.js');
const { failure, Root } = require('./path.js');

/** Those that are in use: nothing is removed while somebody may still use it. */
const used = new Set();
let watches = false;

class TemporaryFolder {
  #root;
  #temporary;

  constructor(parent) {
    const { GuardTemp } = native();
    this.#temporary = act(() => new GuardTemp(parent));
    used.add(this.#temporary);
    try {
      this.#root = new Root(path.join(parent, this.#temporary.name));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Its path, for programs that want one. */
  get path() {
    return this.#root.folder;
  }

  /** The folder, to open and make files below. The name `lock` in it is taken. */
  get root() {
    return this.#root;
  }

  /** Removes it with all that is in it; the second time there is nothing to do. */
  close() {
    act(() => this.#temporary.close());
    used.delete(this.#temporary);
  }
}
// `using folder = temporaryFolder()`, where Node knows it.
if (Symbol.dispose !== undefined) TemporaryFolder.prototype[Symbol.dispose] = TemporaryFolder.prototype.close;

/** Makes one, mode 0700 and with a name that cannot be guessed, in `parent`: the system's, unless said. */
function temporaryFolder(options) {
  const { parent = os.tmpdir(), ...rest } = own(options);
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined) throw new GuardError('ERR_INVALID_ARG_VALUE', `there is no option ${unknown}`);
  if (typeof parent !== 'string' || !path.isAbsolute(parent) || parent.includes('\0')) {
    throw new GuardError('ERR_INVALID_ARG_VALUE', 'parent must be an absolute path');
  }
  const folder = path.resolve(parent);
  for (const kind of ['read', 'write']) needs(`fs.${kind}`, folder, `--allow-fs-${kind}=${folder}`);
  if (!watches) {
    watches = true;
    process.once('exit', removeAll);
  }
  return new TemporaryFolder(folder);
}

function removeAll() {
  for (const temporary of used) {
    try {
      temporary.close();
    } catch {
      // The next one that is made beside it tries again.
    }
  }
}

function act(of) {
  try {
    return of();
  } catch (error) {
    throw failure(error, '');
  }
}

module.exports = { temporaryFolder };
