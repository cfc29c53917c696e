import * as ringfence from './tls.js';

export * from './tls.js';
export default ringfence;
