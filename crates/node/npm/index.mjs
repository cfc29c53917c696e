import ringfence from './index.js';

export const { identity, inside, permission } = ringfence;
export default ringfence;
