import type { Identity, Permission } from './index.js';

export type * from './index.js';
export declare const permission: Readonly<Permission>;
export declare const inside: boolean;
export declare function identity(): Identity;
declare const ringfence: {
  identity: typeof identity;
  inside: typeof inside;
  permission: typeof permission;
};
export default ringfence;
