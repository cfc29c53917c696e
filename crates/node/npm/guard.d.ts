/// <reference types="node" />
import type { ChildProcess } from 'node:child_process';
import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LookupFunction } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { SecureContextOptions } from 'node:tls';

/** What a guard refused, or an error of the system at the time of use (`ENOENT`, `EACCES`, `EPERM`). */
export declare class GuardError extends Error {
  constructor(code: string, message: string, options?: { cause?: unknown; rule?: string; statusCode?: number });
  /** `ERR_RINGFENCE_GUARD_...`, `ERR_RINGFENCE_ADDON_GRANT`, `ERR_ACCESS_DENIED`, or the system's own. */
  readonly code: string;
  /** The stable name of the rule, in kebab case. */
  readonly rule: string;
  /** What to answer, where that makes sense: 400, 401, 409, 413, 415, 422, 431, 503. */
  readonly statusCode?: number;
  readonly status?: number;
  /** Under `--permission`: the flags that are missing. */
  readonly missing?: string[];
}

/** What `node:diagnostics_channel` publishes as `ringfence.guard.refused`. */
export interface Refusal {
  kind: 'archive' | 'header' | 'identifier' | 'json' | 'merge' | 'path' | 'query' | 'spawn' | 'upload' | 'url' | 'webhook';
  rule: string;
  code: string;
  /** Bytes of what was refused. */
  size: number;
  /** Its first 64 characters, letters as `a`, digits as `0`. */
  sample: string;
}

// Paths

/** A folder that is open: users' paths are opened below it by the kernel's own resolution. */
export declare class Root {
  /** @param folder an absolute path. `links: 'beneath'` follows symbolic links while they stay below. */
  constructor(folder: string | URL, options?: { links?: 'beneath' | 'refuse' });
  readonly folder: string;
  /** The path as a text; nothing on disk is asked: prefer `open`. Throws for what escapes. */
  resolve(userPath: string): string;
  /** A FileHandle for reading. */
  open(userPath: string): Promise<FileHandle>;
  /** A descriptor for reading. */
  openSync(userPath: string): number;
  /** A FileHandle for writing a file that is new, mode 0600. */
  create(userPath: string): Promise<FileHandle>;
  createSync(userPath: string): number;
  /** A whole file of at most `maxBytes` (64 MiB). */
  readFile(userPath: string, options?: { encoding?: undefined; maxBytes?: number }): Promise<Buffer>;
  readFile(userPath: string, options: BufferEncoding | { encoding: BufferEncoding; maxBytes?: number }): Promise<string>;
  readFileSync(userPath: string, options?: { encoding?: undefined; maxBytes?: number }): Buffer;
  readFileSync(userPath: string, options: BufferEncoding | { encoding: BufferEncoding; maxBytes?: number }): string;
  /** Writes a file that must not be there yet; with `replace` also in the place of one, in one step. */
  writeFile(userPath: string, data: string | Uint8Array, options?: { replace?: boolean }): Promise<void>;
  writeFileSync(userPath: string, data: string | Uint8Array, options?: { replace?: boolean }): void;
  /** What lies in a folder, by name; without a path, in the root. More than `most` (10,000) is an error. */
  list(userPath?: string, options?: { most?: number }): Promise<Entry[]>;
  listSync(userPath?: string, options?: { most?: number }): Entry[];
  /** Of a regular file. */
  stat(userPath: string): Promise<Stats>;
  statSync(userPath: string): Stats;
  /** Makes a folder, mode 0700; the folders above it must be there. */
  mkdir(userPath: string): Promise<void>;
  mkdirSync(userPath: string): void;
  /** Removes a file; a symbolic link is removed itself. */
  remove(userPath: string): Promise<void>;
  removeSync(userPath: string): void;
}

/** A name in a folder. A link is not followed. */
export interface Entry {
  name: string;
  kind: 'file' | 'folder' | 'link' | 'other';
}

// Temporary folders and uploads

/** A private folder, removed when it is closed, when the process ends, or after a crash by the next one. */
export interface TemporaryFolder {
  readonly path: string;
  /** The name `lock` in it is taken. */
  readonly root: Root;
  close(): void;
}
/** Makes one in `parent`, an absolute path: the system's, unless said. */
export declare function temporaryFolder(options?: { parent?: string }): TemporaryFolder;

export interface UploadOptions {
  /** Where it is kept: nothing else should be made there. */
  into: Root;
  /**
   * Media types: avif, gif, jpeg, png, webp; mp4; ogg, wav; pdf; zip, gzip; text/plain, text/csv,
   * application/json. No other can be told by its bytes.
   */
  accept: string[];
  /** The media type that the sender gave. */
  declared: string;
  /** Bytes: 10 MiB. */
  maxBytes?: number;
  /** Scripts, archives and documents inside pictures, films and sound: refused, or in `notes`. */
  hidden?: 'refuse' | 'note';
  /** The path of clamd's socket, or its address with a port. */
  clamd?: string;
  /** Milliseconds for it: 30,000. */
  clamdTimeout?: number;
  signal?: AbortSignal;
}
export interface AcceptedUpload {
  /** Its name in the store: the hash, and the ending of its kind. */
  name: string;
  sha256: string;
  mediaType: string;
  bytes: number;
  notes: string[];
  /** Whether the same content was there already. */
  known: boolean;
}
/** Takes in what a user sends, or keeps nothing of it. Its chunks must not be changed meanwhile. */
export declare function acceptUpload(
  source: Readable | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | Uint8Array,
  options: UploadOptions,
): Promise<AcceptedUpload>;

// Archives

export interface ExtractLimits {
  /** Bytes after inflating: 1 GiB. */
  bytes?: number;
  /** Files and folders: 100,000. */
  entries?: number;
  /** Bytes after inflating for each byte before, from 4 MiB on: 100. */
  ratio?: number;
  /** Names in a path: 32. */
  depth?: number;
  /** Names taken away from the front of each path: 0. */
  strip?: number;
}

export interface Extracted {
  format: string;
  files: number;
  folders: number;
  bytes: number;
}

/** Extracts a zip, tar, tar.gz or tar.zst to a folder that is not there yet or empty: whole or not at all. */
export declare function extract(archive: string, options: ExtractLimits & { into: string }): Promise<Extracted>;

// Outbound URLs

export interface AllowedUrls {
  /** `host` (port 443; with `http` also 80) or `host:port`. */
  hosts: Iterable<string> & (string[] | Set<string>);
  /** Also `http`, which anybody on the way reads and changes. */
  http?: boolean;
  /** Allowed hosts that may resolve to private addresses; to metadata services never. */
  private?: string[] | Set<string>;
}
export type Allowed = AllowedUrls | string[] | Set<string>;

export interface JudgedUrl {
  href: string;
  protocol: string;
  host: string;
  port: number;
}

/** What may be reached, read once. */
export interface Outbound {
  /** The judged URL. @throws {GuardError} for every other. */
  parse(raw: string | URL): URL;
  judge(text: string): JudgedUrl;
  redirect(base: string, location: string): JudgedUrl;
  /** The addresses of a URL's host, when all of them may be connected to. */
  admit(url: string, addresses: string[]): string[];
}
export declare function outbound(allowed: Allowed | Outbound): Outbound;

/** What an undici module must have. */
export interface Undici {
  Agent: new (options?: any) => any;
}

export interface DispatcherOptions {
  /** Bytes of one response: 10 MiB. */
  maxBytes?: number;
  /** Milliseconds from sending a request to the end of its response: 30,000. */
  timeout?: number;
  /** Milliseconds for resolving and connecting: 10,000. */
  connectTimeout?: number;
  /** Lets compressed responses through; `maxBytes` counts compressed bytes then. */
  compressed?: boolean;
  lookup?: LookupFunction;
  /** Whom to trust and who one is; verification cannot be switched off. */
  tls?: Pick<SecureContextOptions, 'ca' | 'cert' | 'ciphers' | 'crl' | 'key' | 'maxVersion' | 'minVersion' | 'passphrase' | 'pfx' | 'sigalgs'>;
  /** The undici to make it of; by default the one inside Node. */
  undici?: Undici;
  connections?: number;
  keepAliveMaxTimeout?: number;
  keepAliveTimeout?: number;
  maxHeaderSize?: number;
  pipelining?: number;
}

/** For `fetch(url, { dispatcher })`, for `setGlobalDispatcher`, and for undici of version 6, 7 and 8. */
export interface GuardedDispatcher {
  dispatch(options: any, handler: any): boolean;
  close(): Promise<void>;
  destroy(error?: Error | null): Promise<void>;
}
export declare function dispatcher(allowed: Allowed | Outbound, options?: DispatcherOptions): any & GuardedDispatcher;

/** Where every fetch of this thread looks for its dispatcher, whichever undici it is of. */
export declare function setGlobalDispatcher(dispatcher: GuardedDispatcher): void;

export interface SafeFetchInit extends RequestInit {
  allowed?: Allowed | Outbound;
  dispatcher?: any;
  /** Redirects that are followed: 5. */
  redirects?: number;
}
/** `fetch` of a URL that is judged whole; redirects are followed and judged one by one. */
export declare function safeFetch(url: string | URL, init: SafeFetchInit): Promise<Response>;

// Input

export interface JsonLimits {
  /** Bytes: 1 MiB. */
  maxBytes?: number;
  /** Arrays and objects in each other: 32, at most 1000. */
  depth?: number;
  /** Values altogether: 100,000. */
  values?: number;
}
/** Parses JSON within bounds; names twice in an object and names that reach a prototype are refused. */
export declare function parseJson(input: Uint8Array | string, options?: JsonLimits): unknown;
/** Whether a content type is JSON in UTF-8. */
export declare function isJson(contentType: string | undefined): boolean;
/** A new value: objects member by member, everything else of the later replaces the earlier. */
export declare function safeMerge<A, B>(into: A, from: B): A & B;
export declare function safeMerge(...values: unknown[]): unknown;

export interface QueryKey<T = string> {
  /** Bytes of one value: 1024. */
  longest?: number;
  /** Values: 1. With it the key is an array. */
  most?: number;
  /** Sent as `key[]` or `key[0]`, `key[1]` and so on. */
  array?: boolean;
  required?: boolean;
  parse?: (value: string) => T;
}
export type QueryKeys = Record<string, 'once' | QueryKey<any>>;
type QueryValue<K> = K extends { parse: (value: string) => infer T } ? T : string;
export type QueryOf<K extends QueryKeys> = {
  [name in keyof K]: K[name] extends { most: number } | { array: true } ? QueryValue<K[name]>[]
    : K[name] extends { required: true } ? QueryValue<K[name]> : QueryValue<K[name]> | undefined;
};
export declare function query<const K extends QueryKeys>(
  keys: K,
  options?: { maxBytes?: number; maxPairs?: number; others?: 'ignore' | 'refuse' },
): (input: string | URLSearchParams) => QueryOf<K>;

export interface HeaderLimits {
  /** Headers: 100. */
  count?: number;
  /** Bytes of one name: 128. */
  name?: number;
  /** Bytes of one value: 8192. */
  value?: number;
  /** Bytes of all: 16,384. */
  total?: number;
}
/** Checks headers together; gives them by lower-case names. */
export declare function checkHeaders(request: Pick<IncomingMessage, 'rawHeaders'> | string[], options?: HeaderLimits): Record<string, string>;
/** A function that tells a request's client behind trusted proxies, given as addresses or ranges. */
export declare function clientAddress(options?: { header?: 'forwarded' | 'x-forwarded-for'; proxies?: string[] }):
  (request: Pick<IncomingMessage, 'headers' | 'socket'>) => string | undefined;

/** A function that gives back a text that matches all of a pattern. */
export declare function identifier(pattern: RegExp, options?: { longest?: number; name?: string }): (value: unknown) => string;
export declare function integer(options?: { max?: number; min?: number; name?: string }): (value: unknown) => number;
export declare function oneOf<const T extends string>(texts: Iterable<T>, options?: { name?: string }): (value: unknown) => T;
/** 3 to 64 of `a-z A-Z 0-9 _ -`. */
export declare function parseUserId(value: unknown): string;
export declare function parseUuid(value: unknown): string;
export declare function parseSlug(value: unknown): string;

// Where requests come in

export interface HttpOptions extends JsonLimits {
  /** Limits of headers, or `false` to leave them alone. */
  headers?: HeaderLimits | false;
}
/** Reads and parses the JSON body of a request. */
export declare function readJson(request: IncomingMessage, options?: HttpOptions): Promise<unknown>;
/** A handler for node:http that gets the parsed body, or `undefined` without one. */
export declare function jsonHandler(
  handler: (request: IncomingMessage, response: ServerResponse, value: unknown) => unknown,
  options?: HttpOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
/** Answers a refused request as its error says. */
export declare function answer(response: ServerResponse, error: unknown): void;
/** A middleware for Express: sets `request.body` and `request.rawBody`. */
export declare function expressJson(options?: HttpOptions): (request: any, response: any, next: (error?: unknown) => void) => void;
/** A plugin for Fastify; with `raw` it sets `request.rawBody`. */
export declare function fastifyJson(fastify: any, options?: HttpOptions & { raw?: boolean }): Promise<void>;

// Webhooks

export type WebhookScheme = 'github' | 'slack' | 'standard' | 'stripe';
export type WebhookHeaders = Headers | Record<string, string | string[] | undefined> | string[];
/** Remembers ids for all processes: `first` is true for the first that asks about an id. */
export interface WebhookStore {
  first(id: string, until: Date): boolean | Promise<boolean>;
}
export declare class Webhook {
  constructor(options: {
    scheme: WebhookScheme;
    /** Those that count at the moment, up to 16; each at least 16 bytes. */
    secrets: string | string[];
    /** Seconds a sender's time may be away: 300. */
    tolerance?: number;
    store?: WebhookStore;
    /** How many the memory holds without a store: 100,000. */
    remembered?: number;
    /** Milliseconds since 1970. */
    clock?: () => number;
  });
  /** Verifies the raw body. `id` is what it is known by: do the work for it once. */
  verify(headers: WebhookHeaders, body: Uint8Array): Promise<{ id: string; sent: Date | undefined }>;
}
/** Signs a body as the sender does: the headers to send. `id` counts in Standard Webhooks alone. */
export declare function signWebhook(options: {
  scheme: WebhookScheme; secret: string; body: Uint8Array; id?: string; at?: number;
}): Record<string, string>;

// Processes

declare const user: unique symbol;
/** An argument that came from outside. */
export interface UserData {
  readonly [user]: string;
}
/** Marks an argument as a user's: it is refused where a program would take it for an option. */
export declare function userData(value: string): UserData;

export interface SpawnOptions {
  cwd?: string | URL;
  /** All there is; by default PATH and LANG. */
  env?: Record<string, string>;
  /** Bytes of standard output, and of standard error: 1 MiB. */
  maxOutput?: number;
  /** Milliseconds until the whole process group is killed: 30,000. */
  timeout?: number;
  signal?: AbortSignal;
  stdio?: 'ignore' | 'pipe' | ('ignore' | 'pipe')[];
  shell?: false;
  uid?: number;
  gid?: number;
}
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
}
export interface GuardedChild extends ChildProcess {
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** How it ended; rejects when a limit or a signal ended it. */
  readonly finished: Promise<Ended>;
}
/**
 * Starts an absolute program, or a name found in the PATH of `env`; never a shell. At its end its process
 * group is killed; what left the group (setsid) is not: `run` kills that too.
 */
export declare function spawn(command: string, args?: readonly (string | UserData)[], options?: SpawnOptions): GuardedChild;

export interface RunOptions {
  cwd?: string | URL;
  /** All there is; by default PATH and LANG. */
  env?: Record<string, string>;
  /** Lets arguments of an interpreter (node, python) be code: your own. */
  code?: boolean;
  input?: string | Uint8Array;
  /** Of each process: seconds of processor time, bytes of a file and of address space, open files (256); processes of the user. */
  limits?: { cpu?: number; fileSize?: number; memory?: number; openFiles?: number; processes?: number };
  /** Bytes of standard output, and of standard error: 1 MiB. */
  maxOutput?: number;
  signal?: AbortSignal;
  /** Milliseconds until everything it started is killed: 30,000. */
  timeout?: number;
}
/** Runs a program to its end under a keeper, which leaves nothing of what it started. */
export declare function run(
  command: string,
  args?: readonly (string | UserData)[],
  options?: RunOptions,
): Promise<Ended & { stdout: Buffer; stderr: Buffer }>;
