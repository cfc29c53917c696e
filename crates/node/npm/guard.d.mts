export * from './guard.js';
import * as guard from './guard.js';
export default guard;
