// Every undici that this Node can load: 8 needs a newer one than 20.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const [major] = process.versions.node.split('.').map(Number);

export const undicis = Object.fromEntries(
  ['undici6', 'undici7', ...(major >= 22 ? ['undici'] : [])].map((name) => [name, require(name)]),
);
