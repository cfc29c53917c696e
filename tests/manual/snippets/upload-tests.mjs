import test from 'node:test';
import assert from 'node:assert/strict';
import { resolveUploadPath } from '../src/path-policy.mjs';
test('upload paths cannot escape root', () => {
assert.throws(() => resolveUploadPath('../secrets.env'), /escapes/);
});
test('absolute paths cannot escape root', () => {
assert.throws(() => resolveUploadPath('/etc/passwd'), /escapes/);
});
