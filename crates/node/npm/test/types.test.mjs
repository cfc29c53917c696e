// The declared types compile against a strict use, as ES module and as CommonJS.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, cpSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import test from 'node:test';

const here = path.dirname(fileURLToPath(import.meta.url));
const interop = path.join(here, 'interop');

function compile(t, file, as) {
  const folder = mkdtempSync(path.join(interop, 'node_modules', '.types-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(path.join(interop, file), path.join(folder, as));
  const config = {
    compilerOptions: {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noPropertyAccessFromIndexSignature: true,
      noEmit: true,
      skipLibCheck: true,
      module: 'nodenext',
      target: 'es2022',
      types: ['node'],
      typeRoots: [path.join(interop, 'node_modules/@types')],
      paths: {
        'ringfence/*': [path.join(here, '..', as.endsWith('.cts') ? '*.d.ts' : '*.d.mts')],
      },
    },
    files: [as],
  };
  writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(config));
  const tsc = path.join(interop, 'node_modules/typescript/bin/tsc');
  return spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
}

for (const as of ['use.mts', 'use.cts']) {
  for (const file of ['strict-use.mts', 'strict-guard.mts']) {
    test(`${file} compiles as ${as}`, (t) => {
      const { status, stdout, stderr } = compile(t, file, as);
      assert.equal(stdout, '');
      assert.equal(status, 0, stderr);
    });
  }
}
