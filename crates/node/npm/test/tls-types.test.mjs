// The declared types of `ringfence/tls` and `ringfence/browser` compile against a strict use.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const interop = path.join(here, 'interop');

const TLS = `
import https from 'node:https';
import { createSecureServer } from 'node:http2';
import { connect } from 'node:tls';
import { Agent } from 'undici';
import tls, { PinnedAgent, TlsError, assertTlsVerification, clientOptions, pinOf, renewing, undiciConnect } from 'ringfence/tls';
const options = clientOptions({ caFile: 'ca', pins: [pinOf('x')], minVersion: 'TLSv1.3' });
connect({ ...options, port: 1 });
const agent: https.Agent = new PinnedAgent({ ca: ['x', new Uint8Array()], every: 5 }, { maxSockets: 4 });
https.get({ agent, ...options });
new Agent({ connect: undiciConnect({ ca: 'x' }, { timeout: 5 }) });
const end: () => void = renewing(createSecureServer(), { certFile: 'c', keyFile: 'k', onFailed: ({ code }) => code === 'ERR_RINGFENCE_TLS_KEY' });
end();
try {
  assertTlsVerification({ env: {}, execArgv: [] });
} catch (error) {
  if (error instanceof TlsError && error.code === 'ERR_RINGFENCE_TLS_UNVERIFIED') tls.enforceTlsVerification();
}
// @ts-expect-error what weakens is no option
clientOptions({ ca: 'x', rejectUnauthorized: false });
`;
const BROWSER = `
import { EnvelopeError, KeySet, OpenKey, open, verifyJws } from 'ringfence/browser';
const key: OpenKey = await OpenKey.import('a', new Uint8Array(32));
const opened: Uint8Array = await open([key], 'x', 'orders/17').catch((error) => {
  if (error instanceof EnvelopeError && error.code === 'ERR_RINGFENCE_ENVELOPE_AUTHENTICATION') return new Uint8Array();
  throw error;
});
const { payload, type }: { payload: Uint8Array; type: string | undefined } = await verifyJws(await KeySet.fromJwks({ keys: [{}] }), 'x');
console.log(opened, payload, type);
// @ts-expect-error keys are imported, not made
new OpenKey();
`;

for (const [name, text, types, lib] of [
  ['ringfence/tls', TLS, ['node'], ['es2022']],
  // As in a page: no Node at all.
  ['ringfence/browser', BROWSER, [], ['es2022', 'dom']],
]) {
  test(`a strict use of ${name} compiles`, (t) => {
    const folder = mkdtempSync(path.join(interop, 'node_modules', '.types-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(path.join(folder, 'use.mts'), text);
    const compilerOptions = {
      strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noEmit: true, skipLibCheck: false,
      module: 'nodenext', target: 'es2022', lib, types, typeRoots: [path.join(interop, 'node_modules/@types')],
      paths: { 'ringfence/*': [path.join(here, '..', '*.d.mts')] },
    };
    if (types.length > 0) compilerOptions.skipLibCheck = true;
    writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.mts'] }));
    const tsc = path.join(interop, 'node_modules/typescript/bin/tsc');
    const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
    assert.equal(stdout, '');
    assert.equal(status, 0, stderr);
  });
}
