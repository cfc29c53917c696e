import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test from 'node:test';
import { signWebhook, Webhook } from '../guard.mjs';

const NOW = 1_760_000_000_000;
const clock = () => NOW;
const secrets = { github: 'github secret, long enough', slack: 'slack secret, long enough', standard: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', stripe: 'whsec_stripe secret, long enough' };
const schemes = Object.keys(secrets);
const body = Buffer.from('{"amount": 100, "text": "\u00e9"}');
const make = (scheme, options) => new Webhook({ clock, scheme, secrets: ['another secret that is older'].filter(() => scheme !== 'standard').concat(secrets[scheme]), ...options });
const sign = (scheme, more) => signWebhook({ at: NOW, body, id: 'msg_1', scheme, secret: secrets[scheme], ...more });

test('what a sender signs under any of the secrets is accepted, once', async () => {
  for (const scheme of schemes) {
    const webhook = make(scheme);
    const accepted = await webhook.verify(sign(scheme), body);
    assert.equal(accepted.sent?.getTime(), scheme === 'github' ? undefined : NOW, scheme);
    assert.ok(accepted.id.length > 0);
    await assert.rejects(webhook.verify(sign(scheme), body), { code: 'ERR_RINGFENCE_GUARD_WEBHOOK_REPLAYED', statusCode: 409 });
  }
});

test('another body, secret, time or header is refused, and not remembered', async () => {
  for (const scheme of schemes) {
    const webhook = make(scheme);
    const refused = (headers, bytes, code) => assert.rejects(webhook.verify(headers, bytes), { code: `ERR_RINGFENCE_GUARD_WEBHOOK_${code}`, name: 'GuardError' }, `${scheme} ${code}`);
    await refused(sign(scheme), Buffer.from(`${body} `), 'SIGNATURE');
    const other = scheme === 'standard' ? 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' : 'not the right secret';
    await refused(sign(scheme, { secret: other }), body, 'SIGNATURE');
    await refused({}, body, 'HEADER');
    await refused(Object.entries({ ...sign(scheme) }).flat().concat(Object.entries(sign(scheme))[0]), body, 'HEADER');
    if (scheme !== 'github') {
      await refused(sign(scheme, { at: NOW - 301_000 }), body, 'TIME');
      await refused(sign(scheme, { at: NOW + 301_000 }), body, 'TIME');
      await make(scheme).verify(sign(scheme, { at: NOW - 300_000 }), body);
    }
    await webhook.verify(sign(scheme), body);
  }
});

test('signatures are those that node:crypto makes as the senders document', async () => {
  const hmac = (secret, text) => createHmac('sha256', secret).update(text);
  const at = NOW / 1000;
  const stripe = { 'Stripe-Signature': `t=${at},v0=00,v1=${hmac(secrets.stripe, `${at}.${body}`).digest('hex')}` };
  const github = new Headers({ 'x-hub-signature-256': `sha256=${hmac(secrets.github, body).digest('hex')}` });
  const slack = ['X-Slack-Request-Timestamp', `${at}`, 'X-Slack-Signature', `v0=${hmac(secrets.slack, `v0:${at}:${body}`).digest('hex')}`];
  const key = Buffer.from(secrets.standard.slice(6), 'base64');
  const standard = { 'webhook-id': 'msg_9', 'webhook-signature': `v1,AAAA v1,${hmac(key, `msg_9.${at}.${body}`).digest('base64')}`, 'webhook-timestamp': `${at}` };
  for (const [scheme, headers] of Object.entries({ github, slack, standard, stripe })) await make(scheme).verify(headers, body);
});

test('large bodies are verified on the thread pool, and bodies beyond the limit not at all', async () => {
  const large = Buffer.alloc(1 << 20, 'x');
  await make('stripe').verify(sign('stripe', { body: large }), large);
  const tooLarge = Buffer.alloc((16 << 20) + 1);
  await assert.rejects(make('github').verify({ 'x-hub-signature-256': 'sha256=00' }, tooLarge), { code: 'ERR_RINGFENCE_GUARD_TOO_LARGE', statusCode: 413 });
});

test('a store of the caller decides for all processes, and nothing is accepted without it', async () => {
  const seen = new Map();
  const store = { first: async (id, until) => !seen.has(id) && Boolean(seen.set(id, until)) };
  await make('standard', { store }).verify(sign('standard'), body);
  const [[id, until]] = seen;
  assert.equal(id, 'msg_1');
  // From the first moment it could be accepted to the last.
  assert.ok(until >= new Date(NOW + 300_000) && until <= new Date(NOW + 601_000), until);
  await assert.rejects(make('standard', { store }).verify(sign('standard'), body), { code: 'ERR_RINGFENCE_GUARD_WEBHOOK_REPLAYED' });
  for (const first of [async () => undefined, () => 1, () => 'yes']) {
    await assert.rejects(make('standard', { store: { first } }).verify(sign('standard'), body), { code: 'ERR_RINGFENCE_GUARD_WEBHOOK_REPLAYED' });
  }
  const broken = make('standard', { store: { first: () => Promise.reject(new Error('gone')) } });
  await assert.rejects(broken.verify(sign('standard'), body), { code: 'ERR_RINGFENCE_GUARD_WEBHOOK_STORE', statusCode: 503 });
  const never = { first: () => assert.fail('asked about what was not signed') };
  await assert.rejects(make('standard', { store: never }).verify(sign('standard'), Buffer.from('{}')), { code: 'ERR_RINGFENCE_GUARD_WEBHOOK_SIGNATURE' });
});

test('a parsed body, a short secret or another scheme is an error of the program, and told without the secret', async () => {
  for (const wrong of [{ amount: 100 }, '{"amount": 100}', undefined]) {
    await assert.rejects(make('stripe').verify(sign('stripe'), wrong), { code: 'ERR_INVALID_ARG_TYPE' });
  }
  for (const list of [[], 'hunter2', ['hunter2'], [1], undefined]) {
    assert.throws(() => new Webhook({ scheme: 'stripe', secrets: list }), (error) => error.name === 'GuardError' && !error.message.includes('hunter2'));
  }
  assert.throws(() => new Webhook({ scheme: 'paypal', secrets: ['long enough for a secret'] }), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.throws(() => new Webhook({ scheme: 'stripe', secrets: ['long enough for a secret'], tolerance: 0 }), { code: 'ERR_INVALID_ARG_VALUE' });
});

test('a large body is verified as it was given, and shared memory is none', async () => {
  for (const taking of [(body) => body.fill(0), (body) => structuredClone(body.buffer, { transfer: [body.buffer] }).byteLength, (body) => body.buffer.transfer?.(1)]) {
    const body = new Uint8Array(8 << 20).fill(120);
    const headers = sign('github', { body });
    const verified = make('github').verify(headers, body);
    taking(body);
    assert.match((await verified).id, /./);
  }
  const shared = new Uint8Array(new SharedArrayBuffer(8));
  await assert.rejects(make('github').verify(sign('github', { body: new Uint8Array(8) }), shared), { code: 'ERR_INVALID_ARG_TYPE' });
});
