'use strict';
// The headers of a request, checked together before anybody reads one of them, and the client's
// address behind proxies that are trusted by theirs. The rules are those of the Rust crate `guard`.

const net = require('node:net');
const { GuardError, tell } = require('./error.js');

const DEFAULTS = Object.freeze({ count: 100, name: 128, total: 16_384, value: 8192 });
/** Headers that may stand once: readers differ in which of two counts. */
const SINGLE = new Set([
  'authorization', 'content-encoding', 'content-length', 'content-location', 'content-range', 'content-type', 'cookie',
  'date', 'expect', 'from', 'host', 'idempotency-key', 'if-modified-since', 'if-range', 'if-unmodified-since', 'max-forwards', 'origin',
  'proxy-authorization', 'range', 'referer', 'sec-fetch-dest', 'sec-fetch-mode', 'sec-fetch-site', 'sec-websocket-key', 'transfer-encoding',
  'user-agent', 'x-forwarded-host', 'x-forwarded-proto',
]);
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const MOST_HOPS = 32;
/** Elements of `Forwarded`, and parts of one (RFC 7239). */
const ELEMENT = /(?:[^",]|"(?:[^"\\]|\\[^])*")+/g;
const CLOSED = /^(?:[^"]|"(?:[^"\\]|\\[^])*")*$/;
const PART = /(?:[^";]|"(?:[^"\\]|\\[^])*")+/g;

/**
 * Checks the headers of a request of node:http (or names and values in turn), and gives them by their
 * lower-case names; several values of one name are joined by commas.
 */
function checkHeaders(request, options) {
  const limits = { ...DEFAULTS, ...options };
  const list = Array.isArray(request) ? request : request.rawHeaders;
  let total = 0;
  for (const text of list) total += text.length;
  try {
    return read(list, total, limits);
  } catch (error) {
    throw tell('header', error, '', total);
  }
}

function read(list, total, limits) {
  if (list.length / 2 > limits.count) throw tooMuch('too-many-headers', `there are more than ${limits.count} headers`);
  if (total > limits.total) throw tooMuch('too-long', `the headers are longer than ${limits.total} bytes together`);
  const headers = Object.create(null);
  for (let at = 0; at + 1 < list.length; at += 2) {
    const name = list[at].toLowerCase();
    const value = list[at + 1];
    // As it was sent: a Kelvin sign becomes a `k`.
    if (!TOKEN.test(list[at])) throw refuse('bad-name', 'the name of a header is none');
    checkOne(name, value, limits);
    const known = headers[name];
    if (known !== undefined && SINGLE.has(name)) throw refuse('duplicate-header', `\`${name}\` is there twice`);
    headers[name] = known === undefined ? value : `${known}, ${value}`;
  }
  if (headers['content-length'] !== undefined && headers['transfer-encoding'] !== undefined) {
    throw refuse('ambiguous-length', 'content-length and transfer-encoding are there together');
  }
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(headers['content-length'] ?? '0')) {
    throw refuse('bad-value', 'the value of `content-length` is none');
  }
  if (!/^chunked$/i.test(headers['transfer-encoding'] ?? 'chunked')) throw refuse('bad-value', 'the value of `transfer-encoding` is none');
  if (headers.host !== undefined && !isHost(headers.host)) throw refuse('bad-value', 'the value of `host` is none');
  return headers;
}

/** A host and perhaps a port: nothing that a URL made of it would take for a user, a path or a query. */
function isHost(value) {
  const [, name, address] = /^(?:([\w.~-]*)|\[([0-9A-Fa-f:.]+)\])(?::[0-9]{0,5})?$/.exec(value) ?? [];
  return value.length <= 255 && (name !== undefined || net.isIPv6(address ?? ''));
}

function checkOne(name, value, limits) {
  if (name.length > limits.name) throw tooMuch('name-too-long', `the name of a header is longer than ${limits.name} bytes`);
  if (value.length > limits.value) throw tooMuch('value-too-long', `the value of a header is longer than ${limits.value} bytes`);
  // A gateway may take it for the one with a hyphen, which a proxy before it set.
  if (name.includes('_')) throw refuse('ambiguous-name', 'a header has the name of another with `_` for `-`');
  if (/[\r\n]/.test(value)) throw refuse('line-break', 'the value of a header holds a line break');
  if (/[^\t -~]/.test(value)) {
    const isControl = /[\0-\x1f\x7f]/.test(value); // eslint-disable-line no-control-regex
    if (isControl) throw refuse('control-character', 'the value of a header holds a control character');
    throw refuse('not-ascii', 'the value of a header is not ASCII');
  }
}

/**
 * A function that tells a request's client: from the right, every address that is a trusted proxy's
 * wrote the one before it; what stands further left the client sent itself, and means nothing.
 */
function clientAddress({ header = 'x-forwarded-for', proxies = [] } = {}) {
  if (header !== 'x-forwarded-for' && header !== 'forwarded') {
    throw new GuardError('ERR_INVALID_ARG_VALUE', 'the header is x-forwarded-for or forwarded');
  }
  const trusted = ranges(proxies);
  const trusts = (address) => trusted.check(address, net.isIPv6(address) ? 'ipv6' : 'ipv4');
  return function client(request) {
    let address = canonical(request.socket?.remoteAddress ?? '');
    if (address === undefined || !trusts(address)) return address;
    const lines = [request.headers[header] ?? []].flat().join(',');
    const entries = elements(lines, header).map((entry) => entry.trim()).filter((entry) => entry !== '').reverse();
    for (const [walked, entry] of entries.entries()) {
      const next = walked < MOST_HOPS ? canonical(header === 'forwarded' ? forwarded(entry) : entry) : undefined;
      if (next === undefined) throw tell('header', refuse('client-address', `\`${header}\` does not tell the client's address`), lines);
      address = next;
      if (!trusts(address)) return address;
    }
    return address;
  };
}

/** The elements of a line. In `Forwarded` quotes may hold commas; an open one would swallow what follows. */
function elements(lines, header) {
  if (header !== 'forwarded') return lines.split(',');
  // What is left of such a line is no address.
  return CLOSED.test(lines) ? lines.match(ELEMENT) ?? [] : ['"'];
}

function ranges(proxies) {
  const list = new net.BlockList();
  for (const range of proxies) {
    const [address, bits, ...more] = String(range).split('/');
    const family = net.isIP(address);
    const most = family === 4 ? 32 : 128;
    if (family === 0 || more.length > 0 || !/^(?:[0-9]{1,3})?$/.test(bits ?? '') || Number(bits ?? most) > most || bits === '') {
      throw new GuardError('ERR_INVALID_ARG_VALUE', 'a proxy is an address or a range such as 10.0.0.0/8');
    }
    list.addSubnet(address, Number(bits ?? most), `ipv${family}`);
  }
  return list;
}

/** The address of an entry, without a port; an IPv4 address in an IPv6 one is that. */
function canonical(text) {
  const found = /^(?:\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?|([0-9.]+)(?::[0-9]{1,5})?|([0-9A-Fa-f:.]+))$/.exec(text);
  const address = found?.[1] ?? found?.[2] ?? found?.[3] ?? '';
  const mapped = /^::ffff:([0-9.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined && net.isIPv4(mapped)) return mapped;
  if (net.isIPv4(address) && found?.[1] === undefined) return address;
  return net.isIPv6(address) ? plain(address) : undefined;
}

/** An IPv6 address as URLs write it; one that holds an IPv4 address in hexadecimal is that. */
function plain(address) {
  const text = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(text);
  if (mapped === null) return text;
  const [high, low] = mapped.slice(1).map((part) => Number.parseInt(part, 16));
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** What `for=` of an element says (RFC 7239). */
function forwarded(element) {
  const found = (element.match(PART) ?? []).map((part) => /^\s*for=(?:"([^"\\]*)"|([^"\s]*))\s*$/i.exec(part)).filter(Boolean);
  return found.length === 1 ? found[0][1] ?? found[0][2] : '';
}

function refuse(rule, message) {
  return new GuardError('ERR_RINGFENCE_GUARD_HEADER', message, { rule, statusCode: 400 });
}

function tooMuch(rule, message) {
  return new GuardError('ERR_RINGFENCE_GUARD_HEADER', message, { rule, statusCode: 431 });
}

module.exports = { checkHeaders, clientAddress };
