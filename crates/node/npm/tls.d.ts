/// <reference types="node" />
import type { Agent, AgentOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions, Server, TLSSocket } from 'node:tls';

/** Whom a client trusts, and what it shows. Certificates and keys are PEM, or files of it. */
export interface PinnedClient {
  /** The authorities that are trusted; nobody else is. */
  ca?: string | Uint8Array | ReadonlyArray<string | Uint8Array>;
  /** A file of them. */
  caFile?: string;
  /** The client's certificate, with its intermediates behind it. */
  cert?: string | Uint8Array;
  certFile?: string;
  /** Its private key. */
  key?: string | Uint8Array;
  keyFile?: string;
  passphrase?: string;
  /** Keys of which the server must have one, as `sha256/BASE64`, on top of everything else. */
  pins?: readonly string[];
  /** `TLSv1.2` unless said otherwise. */
  minVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** The name to ask for and to check, when it is not the host's. */
  servername?: string;
}

/** How often files are looked at. */
export interface PinnedFiles extends PinnedClient {
  /** Milliseconds between two looks, at least; 1000 unless said otherwise. */
  every?: number;
}

export type TlsErrorCode =
  | 'ERR_RINGFENCE_TLS_CERTIFICATE'
  | 'ERR_RINGFENCE_TLS_FILE'
  | 'ERR_RINGFENCE_TLS_KEY'
  | 'ERR_RINGFENCE_TLS_OPTION'
  | 'ERR_RINGFENCE_TLS_PIN'
  | 'ERR_RINGFENCE_TLS_PLAIN'
  | 'ERR_RINGFENCE_TLS_TIMEOUT'
  | 'ERR_RINGFENCE_TLS_UNVERIFIED';

/** Why no client was made, or a start or a connection was refused. */
export class TlsError extends Error {
  readonly code: TlsErrorCode;
}

/** What `https.Agent`, `https.request`, `tls.connect` and undici's `connect` take. */
export type PinnedOptions = ConnectionOptions & { rejectUnauthorized: true; minVersion: 'TLSv1.2' | 'TLSv1.3' };

/** Options for one client. Throws a {@link TlsError} for what cannot be used. */
export function clientOptions(options: PinnedClient): PinnedOptions;

/** Options that follow their files. */
export class ClientFiles {
  constructor(options: PinnedFiles);
  /** As of now. */
  readonly options: PinnedOptions;
  /** Why the files as they are now are not in use. */
  readonly failed: TlsError | undefined;
}

/** An agent of node:https whose connections are pinned, whatever a request says. */
export class PinnedAgent extends Agent {
  constructor(options: PinnedFiles, agentOptions?: AgentOptions);
  /** Why the files as they are now are not in use. */
  get failed(): TlsError | undefined;
}

/** What undici gives to a connector. */
export interface UndiciTarget {
  hostname: string;
  host?: string;
  port: string;
  protocol: string;
  servername?: string;
  localAddress?: string | null;
  httpSocket?: Duplex;
}

/** A connector for undici's `Agent`, `Pool` and `Client`. `timeout` is in milliseconds. */
export function undiciConnect(
  options: PinnedFiles,
  connect?: { timeout?: number },
): (target: UndiciTarget, callback: (...result: [null, TLSSocket] | [Error, null]) => void) => TLSSocket | undefined;

/** Where a server's certificate lies, and how it is taken up again. */
export interface RenewedFiles {
  certFile: string;
  keyFile: string;
  /** Authorities of its clients, where it asks them for a certificate. */
  caFile?: string;
  passphrase?: string;
  /** Milliseconds between two looks; 1000 unless said otherwise. */
  every?: number;
  onRenewed?: () => void;
  /** Told once for each state of the files that is no good; the server keeps what it has. */
  onFailed?: (error: TlsError) => void;
}

/** Lets a server take up its certificate again when its files change. Answers a function that ends it. */
export function renewing(server: Pick<Server, 'setSecureContext' | 'once'>, files: RenewedFiles): () => void;

/** The pin of a certificate in PEM or DER (RFC 7469): `sha256/BASE64`. */
export function pinOf(certificate: string | NodeJS.ArrayBufferView): string;

/** Throws when verification is switched off or weakened in this process. Call it first. */
export function assertTlsVerification(of?: { env?: NodeJS.ProcessEnv; execArgv?: readonly string[] }): void;

/** The same, and from then on every connection of this thread that asks for no verification throws. */
export function enforceTlsVerification(): void;
