// Compiled, never run: a strict use of every kind of thing that `ringfence/crypto` exports.
import * as crypto from 'ringfence/crypto';
import type { Refused, TokenEntry, TokenStore } from 'ringfence/crypto';

class Store implements TokenStore {
  readonly #entries = new Map<string, TokenEntry>();
  insert(locator: string, entry: TokenEntry): Promise<void> {
    this.#entries.set(locator, entry);
    return Promise.resolve();
  }
  find(locator: string): TokenEntry | undefined {
    return this.#entries.get(locator);
  }
  revoke(id: string, at: number): TokenEntry | null {
    const entry = [...this.#entries.values()].find((one) => one.id === id);
    return entry === undefined ? null : Object.assign(entry, { revoked: entry.revoked ?? at });
  }
}

export async function passwords(): Promise<boolean> {
  const hasher = new crypto.Hasher({ policy: { memory: 65536, passes: 3 }, atOnce: 2, attempts: { burst: 3 } });
  const stored: string = await hasher.hash('correct horse');
  try {
    const { ok, rehash } = await hasher.verify(Buffer.from('correct horse'), stored, { key: 'alice' });
    return ok && !rehash;
  } catch (error) {
    if (error instanceof crypto.PasswordError && error.code === 'ERR_RINGFENCE_PASSWORD_LIMITED') {
      const wait: number | undefined = error.retryAfter;
      return wait === undefined;
    }
    throw error;
  }
}

export async function tokens(key: Uint8Array): Promise<string> {
  const tokens = new crypto.Tokens({ key, prefix: 'orders', store: new Store() });
  const { token } = await tokens.issue({ note: 'the shop', expires: new Date() });
  const found = await tokens.verify(token);
  return found.ok ? found.entry.id : found.standing;
}

export function envelopes(bytes: Uint8Array): number {
  const key = new crypto.SealKey('orders-1', bytes, { sealed: 17 });
  const opened: Buffer = crypto.open([key], crypto.seal(key, 'data', { context: 'orders/17' }), { context: 'orders/17' });
  const target = new Uint8Array(crypto.sealedLength(opened.length));
  const { protected: header, length } = crypto.sealInto(key, opened, target);
  return crypto.openInto(key, header, target.subarray(0, length), new Uint8Array(opened.length));
}

export async function signatures(): Promise<unknown> {
  const key = await crypto.SigningKey.generate('ES256', 'k1');
  const keys = new crypto.KeySet(new crypto.KeySet().add(key.verifyingKey, { until: new Date() }).toJWKS());
  const jwt = crypto.signJwt(key, { sub: 'me' }, { issuer: 'a', audience: ['b'], lifetime: 60_000 });
  const { claims } = crypto.verifyJwt(keys, jwt, { issuer: 'a', audience: 'b' });
  const refused = (event: Refused): string => `${event.operation} ${event.code} ${event.at.toISOString()}`;
  return [claims.sub, claims['other'], refused];
}

export function rings(wrap: crypto.SealKey): Date | undefined {
  const ring = crypto.Keyring.create('orders', 'eddsa', wrap, { policy: { tokenLife: 3_600_000 } });
  const step = ring.rotate(wrap);
  return step.step === 'published' ? step.takesOverFrom : step.before?.retiresFrom;
}

export const others: [string, string, string, boolean] = [
  crypto.randomToken(128),
  crypto.uuidV4(),
  crypto.uuidV7(),
  crypto.secretEquals('a', new Uint8Array(1)),
];

// @ts-expect-error a key is bytes, never text
new crypto.SealKey('orders-1', 'hunter2');
// @ts-expect-error there is no such algorithm
crypto.SigningKey.generate('HS256', 'k1');
// @ts-expect-error a ring is made by create or parse
new crypto.Keyring();
