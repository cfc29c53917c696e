'use strict';
// The native half: found beside this file by platform, architecture and C library, and loaded when
// it is first needed. `require('ringfence')` alone never loads it.

const { existsSync, readFileSync } = require('node:fs');
const path = require('node:path');

let loaded;

/** The name of this machine's addon, such as `ringfence.linux-x64-gnu.node`. */
function name() {
  const machine = `ringfence.${process.platform}-${process.arch}`;
  if (process.platform !== 'linux') return `${machine}.node`;
  const [gnu, musl] = [`${machine}-gnu.node`, `${machine}-musl.node`];
  // A report takes milliseconds: it is only asked where both are there.
  if (!isThere(musl)) return gnu;
  return isThere(gnu) && !isMusl() ? gnu : musl;
}

function isThere(file) {
  try {
    return existsSync(path.join(__dirname, file));
  } catch {
    // Under `--permission` the question alone throws.
    return false;
  }
}

function isMusl() {
  // The report would look interfaces up and read the environment: neither is wanted for this.
  const { excludeNetwork, excludeEnv } = process.report;
  process.report.excludeNetwork = true;
  process.report.excludeEnv = true;
  try {
    return process.report.getReport().header.glibcVersionRuntime === undefined;
  } finally {
    process.report.excludeNetwork = excludeNetwork;
    process.report.excludeEnv = excludeEnv;
  }
}

/** The functions and classes of the addon. */
function native() {
  loaded ??= load();
  return loaded;
}

function load() {
  const file = path.join(__dirname, name());
  checkGrants(file);
  let addon;
  try {
    addon = require(file);
  } catch (cause) {
    throw failure(file, cause);
  }
  const { version } = require('./package.json');
  if (addon.version() !== version) {
    throw coded('ERR_RINGFENCE_ADDON', `${file} is of version ${addon.version()}, this package of ${version}: install it again`);
  }
  return addon;
}

/** Under `--permission` Node's own error names neither the file nor the second grant. */
function checkGrants(file) {
  const { permission } = process;
  if (permission === undefined) return;
  const missing = [];
  // Nodes before 24 know no scope `addon`: there the error of loading tells.
  if (Number.parseInt(process.versions.node, 10) >= 24 && !permission.has('addon')) missing.push('--allow-addons');
  if (!permission.has('fs.read', file)) missing.push(`--allow-fs-read=${file}`);
  if (missing.length > 0) throw ungranted(file, missing);
}

function failure(file, cause) {
  switch (cause?.code) {
    case 'MODULE_NOT_FOUND':
      return coded('ERR_RINGFENCE_ADDON', `there is no ${path.basename(file)} beside this package: it is not built for this machine`, cause);
    case 'ERR_DLOPEN_DISABLED':
      return ungranted(file, ['--allow-addons'], cause);
    case 'ERR_ACCESS_DENIED':
      return ungranted(file, ['--allow-addons', `--allow-fs-read=${file}`], cause);
    default:
      return coded('ERR_RINGFENCE_ADDON', `cannot load ${file}: ${cause?.message}`, cause);
  }
}

function ungranted(file, missing, cause) {
  const sha256 = digest(file) ?? '<sha256sum of that file>';
  return Object.assign(
    coded(
      'ERR_RINGFENCE_ADDON_GRANT',
      `the native part of ringfence may not be loaded: start Node with ${missing.join(' ')}, `
        + `or grant it in ringfence.toml: [process] addons = [{ package = "ringfence", sha256 = "${sha256}" }]`,
      cause,
    ),
    { missing },
  );
}

function digest(file) {
  try {
    return require('node:crypto').createHash('sha256').update(readFileSync(file)).digest('hex');
  } catch {
    return undefined;
  }
}

function coded(code, message, cause) {
  return Object.assign(new Error(message, cause === undefined ? undefined : { cause }), { code });
}

module.exports = { name, native };
