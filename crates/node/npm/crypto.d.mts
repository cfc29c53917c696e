export * from './crypto.js';
import * as crypto from './crypto.js';
export default crypto;
