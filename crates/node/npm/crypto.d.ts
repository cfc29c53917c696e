// Types of `ringfence/crypto`.

/** Text (as UTF-8) or bytes. Shared and detached memory is refused. */
export type Data = string | NodeJS.ArrayBufferView | ArrayBuffer;
/** Bytes. Text is refused: it would be in an unknown encoding. */
export type Bytes = NodeJS.ArrayBufferView | ArrayBuffer;

/** Something was refused or failed. No message holds a secret; `code` is never changed. */
export class CryptoError extends Error {
  readonly code: string;
}
/** The caller's mistake: another type, or outside the bounds. */
export class InvalidArgumentError extends CryptoError {
  readonly code: 'ERR_RINGFENCE_INVALID_ARGUMENT';
}
export class RandomError extends CryptoError {
  readonly code: 'ERR_RINGFENCE_RANDOM';
}
export class PasswordError extends CryptoError {
  readonly code:
    | 'ERR_RINGFENCE_PASSWORD'
    | 'ERR_RINGFENCE_PASSWORD_BUSY'
    | 'ERR_RINGFENCE_PASSWORD_LIMITED'
    | 'ERR_RINGFENCE_PASSWORD_MALFORMED'
    | 'ERR_RINGFENCE_PASSWORD_MEMORY'
    | 'ERR_RINGFENCE_PASSWORD_OUT_OF_BOUNDS'
    | 'ERR_RINGFENCE_PASSWORD_POLICY'
    | 'ERR_RINGFENCE_PASSWORD_TOO_LONG';
  /** With `..._BUSY`: how many wait. */
  readonly waiting?: number;
  /** With `..._LIMITED`: milliseconds until the next attempt is let through. */
  readonly retryAfter?: number;
}
export class TokenError extends CryptoError {
  readonly code:
    | 'ERR_RINGFENCE_TOKEN_EXISTS'
    | 'ERR_RINGFENCE_TOKEN_KEY'
    | 'ERR_RINGFENCE_TOKEN_PREFIX'
    | 'ERR_RINGFENCE_TOKEN_STORE';
}
export class EnvelopeError extends CryptoError {
  readonly code:
    | 'ERR_RINGFENCE_ENVELOPE'
    | 'ERR_RINGFENCE_ENVELOPE_ALGORITHM'
    | 'ERR_RINGFENCE_ENVELOPE_AUTHENTICATION'
    | 'ERR_RINGFENCE_ENVELOPE_EXHAUSTED'
    | 'ERR_RINGFENCE_ENVELOPE_KEY'
    | 'ERR_RINGFENCE_ENVELOPE_MALFORMED'
    | 'ERR_RINGFENCE_ENVELOPE_TOO_LONG'
    | 'ERR_RINGFENCE_ENVELOPE_UNKNOWN_KEY';
}
export class SignatureError extends CryptoError {
  readonly code:
    | 'ERR_RINGFENCE_SIGNATURE'
    | 'ERR_RINGFENCE_SIGNATURE_ALGORITHM'
    | 'ERR_RINGFENCE_SIGNATURE_AUTHENTICATION'
    | 'ERR_RINGFENCE_SIGNATURE_CLAIM'
    | 'ERR_RINGFENCE_SIGNATURE_KEY'
    | 'ERR_RINGFENCE_SIGNATURE_MALFORMED'
    | 'ERR_RINGFENCE_SIGNATURE_OUTSIDE_WINDOW'
    | 'ERR_RINGFENCE_SIGNATURE_TOO_LONG'
    | 'ERR_RINGFENCE_SIGNATURE_UNKNOWN_KEY';
}
export class KeyringError extends CryptoError {
  readonly code:
    | 'ERR_RINGFENCE_KEYRING_MALFORMED'
    | 'ERR_RINGFENCE_KEYRING_OLDER'
    | 'ERR_RINGFENCE_KEYRING_REFUSED'
    | 'ERR_RINGFENCE_KEYRING_SEALED'
    | 'ERR_RINGFENCE_KEYRING_UNKNOWN_KEY';
  /** With `..._REFUSED`, when waiting is enough: from when the step is possible. */
  readonly possibleFrom?: Date;
}

/** What is published on the diagnostics channel `ringfence.crypto.refused`. */
export interface Refused {
  /** Such as `envelope.open`. */
  operation: string;
  code: string;
  message: string;
  at: Date;
}

// Random identifiers

/** A random text of at least `bits` bits (128 to 4096; 256 without) in the letters of base64url. */
export function randomToken(bits?: number): string;
/** A random UUID. */
export function uuidV4(): string;
/** A UUID that sorts by time and tells when it was made. */
export function uuidV7(): string;
/** Whether two secrets are equal, of any lengths, in time that depends on the lengths alone. */
export function secretEquals(left: Data, right: Data): boolean;

// Passwords

export interface Argon2idPolicy {
  algorithm?: 'argon2id';
  /** KiB; 19456 without. */
  memory?: number;
  /** 2 without. */
  passes?: number;
  /** 1 without. */
  lanes?: number;
}
export interface ScryptPolicy {
  algorithm: 'scrypt';
  /** A power of two; 131072 without. */
  N?: number;
  /** 8 without. */
  r?: number;
  /** 1 without. */
  p?: number;
}
export interface HasherOptions {
  /** What new hashes are made with; below OWASP's minimum is refused. */
  policy?: Argon2idPolicy | ScryptPolicy;
  /** What stored hashes may ask for: KiB of memory, KiB times passes of work, lanes. */
  bounds?: { memory?: number; work?: number; lanes?: number };
  /** How many are computed at once; as many as there are cores without. */
  atOnce?: number;
  /** How many may wait; the next one is refused at once. 16 for each at once without. */
  waiting?: number;
  /** Attempts by key: `burst` at once (5), one more each `refill` milliseconds (30,000), for `keys` keys (100,000). */
  attempts?: { burst?: number; refill?: number; keys?: number } | false;
}
export interface PasswordVerified {
  /** Whether it is the password. */
  ok: boolean;
  /** Whether the stored hash is weaker than the policy: hash the password again and store that. */
  rehash: boolean;
}
/** Hashes and compares passwords on threads of its own: a few at once, a bounded queue, attempts by key. */
export class Hasher {
  constructor(options?: HasherOptions);
  /** How many are computed or wait. */
  readonly pending: number;
  /** A new password as a PHC string. @throws PasswordError */
  hash(password: Data): Promise<string>;
  /** Compares; `key` (an account, an address) counts attempts, and a match forgives them. @throws PasswordError */
  verify(password: Data, stored: string, options?: { key?: string }): Promise<PasswordVerified>;
  /** Takes as long and says no: for an account that does not exist. @throws PasswordError */
  verifyNobody(password: Data, options?: { key?: string }): Promise<{ ok: false; rehash: false }>;
}
/** {@link Hasher.hash} with the usual options. */
export function hashPassword(password: Data): Promise<string>;
/** Whether a password is the one of a stored hash, with the usual options. */
export function verifyPassword(password: Data, stored: string): Promise<boolean>;

// API tokens

/** A token as it is kept. Times are seconds since 1970, as in the store of `ringfence crypto token`. */
export interface TokenEntry {
  id: string;
  prefix: string;
  note: string;
  issued: number;
  expires?: number;
  revoked?: number;
}
/** Where tokens are kept, by locator: 64 hexadecimal digits that tell no token. */
export interface TokenStore {
  insert(locator: string, entry: TokenEntry): void | Promise<void>;
  /** The entry of a locator. What is none, such as rows of a table, is `ERR_RINGFENCE_TOKEN_STORE`. */
  find(locator: string): TokenEntry | null | undefined | Promise<TokenEntry | null | undefined>;
  /** Sets `revoked` of the entry of this id, unless it is set; the entry as it is then. */
  revoke(id: string, at: number): TokenEntry | null | undefined | Promise<TokenEntry | null | undefined>;
}
export class MemoryTokenStore implements TokenStore {
  insert(locator: string, entry: TokenEntry): void;
  find(locator: string): TokenEntry | undefined;
  revoke(id: string, at: number): TokenEntry | undefined;
}
export type TokenStanding =
  | { ok: true; standing: 'valid'; entry: TokenEntry }
  | { ok: false; standing: 'expired' | 'revoked'; entry: TokenEntry }
  | { ok: false; standing: 'malformed' | 'unknown' };
export class Tokens {
  /** `key` has at least 32 bytes; `prefix` is 2 to 16 letters a-z and digits. */
  constructor(options: { key: Bytes; prefix: string; store: TokenStore });
  issue(options?: { note?: string; expires?: Date; now?: Date }): Promise<{ token: string; entry: TokenEntry }>;
  verify(token: string, options?: { now?: Date }): Promise<TokenStanding>;
  revoke(id: string, options?: { now?: Date }): Promise<TokenEntry | undefined>;
}

// Envelopes

/** What an envelope belongs to: not secret, not in it, and needed to open it. */
export interface ContextOptions {
  context?: Data;
}
/** A key of 256 bits with its name, and the count of what it sealed. */
export class SealKey {
  constructor(id: string, key: Bytes, options?: { sealed?: number });
  readonly id: string;
  readonly sealed: number;
}
/** Seals data as JWE (`dir`, `A256GCM`). @throws EnvelopeError */
export function seal(key: SealKey, data: Data, options?: ContextOptions): string;
/** Opens an envelope with the one of `keys` that it names. @throws EnvelopeError */
export function open(keys: SealKey | readonly SealKey[], envelope: string, options?: ContextOptions): Buffer;
/** Opens an envelope with one of `keys` and seals what was in it with `key`. @throws EnvelopeError */
export function reseal(keys: SealKey | readonly SealKey[], key: SealKey, envelope: string, options?: ContextOptions): string;
/** AES-256-GCM in three texts of base64. */
export interface ManualEnvelope {
  iv: string;
  ciphertext: string;
  tag: string;
}
/** Opens the older form, an object or its JSON. @throws EnvelopeError */
export function openManual(key: SealKey, envelope: ManualEnvelope | string, options?: ContextOptions): Buffer;
/** Opens the older form and seals it again. @throws EnvelopeError */
export function resealManual(key: SealKey, envelope: ManualEnvelope | string, options?: ContextOptions): string;
/** The name of an envelope's key, before anything is authenticated. @throws EnvelopeError */
export function keyId(envelope: string): string;
/** How many bytes {@link sealInto} writes for data of `length` bytes. */
export function sealedLength(length: number): number;
/** What {@link sealInto} wrote. */
export interface SealedParts {
  /** The protected header: needed to open it, not secret. */
  protected: string;
  /** Bytes of `target` that are used: nonce, ciphertext, tag. */
  length: number;
}
/** Seals data into the beginning of `target`: for large data, in buffers that are used again. @throws EnvelopeError */
export function sealInto(key: SealKey, data: Data, target: Uint8Array, options?: ContextOptions): SealedParts;
/** Opens what {@link sealInto} sealed into the beginning of `target`; returns how many bytes it is. @throws EnvelopeError */
export function openInto(
  keys: SealKey | readonly SealKey[],
  protectedHeader: string,
  sealed: Bytes,
  target: Uint8Array,
  options?: ContextOptions,
): number;
/** What {@link sealInto} sealed, as an envelope in text. @throws EnvelopeError */
export function compact(protectedHeader: string, sealed: Bytes): string;
/** Seals a value as JSON under 32 bytes. @throws EnvelopeError */
export function encryptJson(key: Bytes, value: unknown, aad: string): string;
/** Opens what {@link encryptJson} sealed, or the older form. @throws EnvelopeError */
export function decryptJson(key: Bytes, envelope: string | ManualEnvelope, aad: string): any;

// Signatures

export type SignatureAlgorithm = 'EdDSA' | 'ES256' | 'PS256';
/** A public key (RFC 7517). */
export interface PublicJwk {
  kty: 'OKP' | 'EC' | 'RSA';
  kid?: string;
  alg?: string;
  use?: string;
  key_ops?: string[];
  crv?: string;
  x?: string;
  y?: string;
  n?: string;
  e?: string;
}
export interface JwkSet {
  keys: PublicJwk[];
}
export class SigningKey {
  /** Takes PKCS#8, in DER or in PEM. Give bytes: a text cannot be erased. @throws SignatureError */
  constructor(algorithm: SignatureAlgorithm, kid: string, pkcs8: Bytes | string);
  /** A new key, made on another thread. @throws SignatureError */
  static generate(algorithm: SignatureAlgorithm, kid: string): Promise<SigningKey>;
  readonly kid: string;
  readonly algorithm: SignatureAlgorithm;
  readonly verifyingKey: VerifyingKey;
  /** PKCS#8 in DER: every use of it is a place to review. */
  toPkcs8(): Buffer;
  /** The bare signature of a message. */
  sign(message: Data): Buffer;
}
export class VerifyingKey {
  /** Reads a public key, an object or its JSON. @throws SignatureError */
  constructor(jwk: PublicJwk | string);
  readonly kid: string;
  readonly algorithm: SignatureAlgorithm;
  toJWK(): PublicJwk;
  /** Whether a bare signature is this key's over `message`. */
  verify(message: Data, signature: Bytes): boolean;
}
/** The keys a verifier trusts, each with the time in which it does. */
export class KeySet {
  /** Reads a JWK set, an object or its JSON; begins empty without. @throws SignatureError */
  constructor(jwks?: JwkSet | string);
  /** Adds a key that verifies from the one time and before the other. @throws SignatureError */
  add(key: VerifyingKey, options?: { from?: Date; until?: Date }): this;
  toJWKS(): JwkSet;
}
export interface Verified {
  kid: string;
  typ?: string;
  payload: Buffer;
}
/** Signs a payload as JWS in its compact form. @throws SignatureError */
export function signJws(key: SigningKey, payload: Data, options?: { typ?: string }): string;
/** The same on another thread: for PS256. @throws SignatureError */
export function signJwsAsync(key: SigningKey, payload: Data, options?: { typ?: string }): Promise<string>;
/** Verifies with the key that the JWS names. @throws SignatureError */
export function verifyJws(keys: KeySet, jws: string, options?: { now?: Date }): Verified;
export interface JwtOptions {
  issuer: string;
  audience: string | string[];
  /** Milliseconds. */
  lifetime: number;
  now?: Date;
}
/** Signs claims as a JWT. @throws SignatureError */
export function signJwt(key: SigningKey, claims: Record<string, unknown>, options: JwtOptions): string;
export interface JwtExpectations {
  issuer: string;
  audience: string;
  /** Longest life in milliseconds; one day without. */
  lifetime?: number;
  /** By how much clocks may differ in milliseconds, at most 300,000; 60,000 without. */
  skew?: number;
  now?: Date;
}
export interface JwtClaims {
  iss: string;
  aud: string | string[];
  exp: number;
  iat: number;
  nbf?: number;
  sub?: string;
  jti?: string;
  [claim: string]: unknown;
}
/** Verifies a JWT: its signature, for whom and until when it counts. @throws SignatureError */
export function verifyJwt(keys: KeySet, jwt: string, options: JwtExpectations): Verified & { claims: JwtClaims };

// Shared secrets

/** HMAC-SHA256 under a shared secret. */
export class HmacKey {
  constructor(secret: Data);
  /** The tag of a message, 32 bytes. */
  sign(message: Data): Buffer;
  /** Writes the tag into the first 32 bytes of `target`; returns 32. */
  signInto(message: Data, target: Uint8Array): number;
  verify(message: Data, tag: Bytes): boolean;
}
/** HMAC-SHA256 of a message in base64url. */
export function hmacSha256(secret: Data, message: Data): Promise<string>;

// Keyrings

export type KeyringKind = 'eddsa' | 'es256' | 'ps256' | 'a256gcm';
/** The times that keep verification whole, in milliseconds. */
export interface KeyringPolicy {
  /** Longest life of what is signed; one day without. */
  tokenLife?: number;
  /** By how much clocks may differ; one minute without. */
  skew?: number;
  /** How long verifiers may hold on to an older set of keys; one hour without. */
  cache?: number;
}
export interface KeyringKey {
  kid: string;
  state: 'published' | 'active' | 'retiring' | 'retired';
  published: Date;
  activated?: Date;
  replaced?: Date;
  retired?: Date;
  public?: PublicJwk;
  seals?: number;
}
export type KeyringStep =
  | { step: 'published'; kid: string; takesOverFrom: Date }
  | { step: 'took-over'; kid: string; before?: { kid: string; retiresFrom: Date } };
/** Keys over time, their private halves sealed under a key that is kept elsewhere. */
export class Keyring {
  private constructor(made: never);
  static create(
    name: string,
    kind: KeyringKind,
    wrap: SealKey,
    options?: { policy?: KeyringPolicy; now?: Date },
  ): Keyring;
  /**
   * Reads what {@link Keyring.text} wrote, and files of `ringfence crypto keyring`, and authenticates
   * them. Without `wrap` nothing is authenticated: for showing public keys. @throws KeyringError
   */
  static parse(text: string, wrap?: SealKey): Keyring;
  /** Takes over, once, a file of the older form without authentication. @throws KeyringError */
  static migrate(text: string, wrap: SealKey): Keyring;
  readonly name: string;
  /** The ring for its file, authenticated. @throws KeyringError */
  text(wrap: SealKey): string;
  keys(): KeyringKey[];
  /** Publishes a new key, or lets the published one take over. @throws KeyringError */
  rotate(wrap: SealKey, options?: { now?: Date }): KeyringStep;
  /** Erases a private half when nothing it signed can be valid any more. @throws KeyringError */
  retire(kid: string, options?: { now?: Date }): void;
  /** Erases a private half at once. @throws KeyringError */
  destroy(kid: string, options?: { now?: Date }): void;
  signingKey(wrap: SealKey): SigningKey;
  verifyingKeys(): KeySet;
  jwks(): JwkSet;
  /** Takes a block of seals from the key's count: keep {@link Keyring.text} before it is used. */
  sealingKey(wrap: SealKey): SealKey;
  openingKeys(wrap: SealKey): SealKey[];
  /** Puts all private halves under another key. @throws KeyringError */
  rewrap(from: SealKey, to: SealKey): void;
}
