import path from 'node:path';
const root = '/srv/app/uploads';
export function resolveUploadPath(userPath) {
const resolved = path.resolve(root, userPath);
const rootWithSep = root.endsWith(path.sep) ? root : `${root}${path.sep}`;
if (resolved !== root && !resolved.startsWith(rootWithSep)) {
throw new Error('path escapes upload root');
}
return resolved;
}
