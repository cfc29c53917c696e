// Types of `ringfence/browser`: no Node types are needed.

/** Bytes. */
export type Bytes = ArrayBuffer | ArrayBufferView;

/** Something was refused. No message holds a secret; `code` is never changed. */
export class CryptoError extends Error {
  readonly code: string;
}
/** The caller's mistake: another type. */
export class InvalidArgumentError extends CryptoError {
  readonly code: 'ERR_RINGFENCE_INVALID_ARGUMENT';
}
export class EnvelopeError extends CryptoError {
  readonly code:
    | 'ERR_RINGFENCE_ENVELOPE_ALGORITHM'
    | 'ERR_RINGFENCE_ENVELOPE_AUTHENTICATION'
    | 'ERR_RINGFENCE_ENVELOPE_KEY'
    | 'ERR_RINGFENCE_ENVELOPE_MALFORMED'
    | 'ERR_RINGFENCE_ENVELOPE_TOO_LONG'
    | 'ERR_RINGFENCE_ENVELOPE_UNKNOWN_KEY';
}
export class SignatureError extends CryptoError {
  readonly code:
    | 'ERR_RINGFENCE_SIGNATURE_ALGORITHM'
    | 'ERR_RINGFENCE_SIGNATURE_AUTHENTICATION'
    | 'ERR_RINGFENCE_SIGNATURE_KEY'
    | 'ERR_RINGFENCE_SIGNATURE_MALFORMED'
    | 'ERR_RINGFENCE_SIGNATURE_TOO_LONG'
    | 'ERR_RINGFENCE_SIGNATURE_UNKNOWN_KEY';
}

/** A key that opens envelopes and cannot be taken out again. */
export class OpenKey {
  private constructor();
  /** Takes 32 bytes under the name that envelopes call it by. */
  static import(id: string, bytes: Bytes): Promise<OpenKey>;
  readonly id: string;
}

/**
 * Opens an envelope (JWE, `dir` with `A256GCM`) with the key that its `kid` names. `context` must be
 * the one it was sealed with. Rejects with an {@link EnvelopeError}; nothing is decrypted before it is
 * authenticated.
 */
export function open(keys: OpenKey | readonly OpenKey[], envelope: string, context?: string | Bytes): Promise<Uint8Array>;

/** Public keys by name, each with its one algorithm. */
export class KeySet {
  private constructor();
  /** Reads a JWKS. Rejects with a {@link SignatureError} when one of its keys cannot be used. */
  static fromJwks(jwks: string | { readonly keys: readonly object[] }): Promise<KeySet>;
  readonly size: number;
}

/** A text whose signature fits. Claims in it are not checked. */
export interface Verified {
  /** The key that fits. */
  kid: string;
  /** `typ` of the header. */
  type: string | undefined;
  /** What was signed. */
  payload: Uint8Array;
}

/** Verifies a signed text (JWS, `EdDSA`, `ES256`, `PS256`) with the key that its `kid` names. */
export function verifyJws(keys: KeySet, jws: string): Promise<Verified>;
