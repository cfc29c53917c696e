/// <reference types="node" />

/** Scopes of Node, and those that only a boundary tells apart. */
export type Scope =
  | 'addon'
  | 'child'
  | 'env'
  | 'ffi'
  | 'fs'
  | 'fs.read'
  | 'fs.write'
  | 'inspector'
  | 'net'
  | 'net.connect'
  | 'net.listen'
  | 'net.udp'
  | 'net.unix'
  | 'openssl.store'
  | 'secret'
  | 'wasi'
  | 'worker';

/**
 * What a question is about: a path (against the working directory), `host:port` or `host`, the name
 * of a variable or a secret.
 */
export type Reference = string | URL | Uint8Array;

/** What a drop took away. */
export interface Dropped {
  /** The grants, or parts of grants, that are gone. */
  grants: string[];
  /** Connections that were cut. */
  sockets: number;
  /** Listeners that were closed. */
  listeners: number;
  /** Datagram flows that were given up. */
  flows: number;
  /** Connections to unix sockets that were cut. */
  unix: number;
  /** Files and folders that became unreachable. */
  files: number;
  /** Secrets that were emptied. */
  secrets: number;
  /** How long it took. */
  milliseconds: number;
}

/** What a boundary is. */
export interface Identity {
  /** SHA-256 of the boundary file. */
  boundary: string;
  /** Version of the ringfence that enforces it. */
  ringfence: string;
  /** Name of the service. */
  service: string;
}

/** An access that the boundary or Node refuses. */
export interface AccessDenied extends Error {
  code: 'ERR_ACCESS_DENIED';
  /** What Node calls the permission: `Net`, `FileSystemRead` and so on. */
  permission: string;
  /** A path, `host:port`, a program. */
  resource: string;
  /** The line of the boundary file that would allow it. */
  missingGrant?: string;
}

/** An error of the question itself, or a drop that was not done. */
export interface RingfenceError extends Error {
  code:
    | 'ERR_RINGFENCE_BAD_REFERENCE'
    | 'ERR_RINGFENCE_BAD_REQUEST'
    | 'ERR_RINGFENCE_CHANNEL'
    | 'ERR_RINGFENCE_DROP_INCOMPLETE'
    | 'ERR_RINGFENCE_NOTHING_DROPPED'
    | 'ERR_RINGFENCE_NOT_INSIDE'
    | 'ERR_RINGFENCE_UNKNOWN_SCOPE'
    | 'ERR_RINGFENCE_UNSUPPORTED';
}

/** What may be asked; the same object as `process.permission` offers inside a boundary. */
export interface Permission {
  /**
   * Whether the boundary, and Node's own flags where they are in force, grant this now.
   * @throws {RingfenceError} for a scope that does not exist or a reference that means nothing.
   */
  has(scope: Scope, reference?: Reference): boolean;
  /**
   * Does nothing when it is granted.
   * @throws {AccessDenied} when it is not.
   */
  assert(scope: Scope, reference?: Reference): void;
  /**
   * Takes a grant away for good: from every thread and child, with connections that are open. Files
   * can be dropped that the boundary names as secrets or in `fs.droppable`.
   * @throws {RingfenceError} when something survived, or nothing was dropped.
   */
  drop(scope: Scope, reference?: Reference): Dropped;
}

export declare const permission: Readonly<Permission>;

/** Whether this program runs inside a boundary. Outside every question throws. */
export declare const inside: boolean;

/** What the boundary is; unsupported in threads that were started without Node's options. */
export declare function identity(): Identity;
