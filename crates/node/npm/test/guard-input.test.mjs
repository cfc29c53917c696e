import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import test from 'node:test';
import { Root, clientAddress, checkHeaders, identifier, integer, isJson, oneOf, outbound, parseJson, parseSlug, parseUserId, parseUuid, query, safeMerge } from '../guard.mjs';

/** The error of what must be refused. */
function refusal(act) {
  try {
    act();
  } catch (error) {
    return error;
  }
  return assert.fail('it was accepted');
}

const rule = (text, options) => refusal(() => parseJson(Buffer.from(text), options)).rule;

test('plain JSON is read as JSON.parse reads it, from bytes and from strings', () => {
  const texts = [
    '{"a":[1,-2.5,true,null,"x\\u00e9"],"b":{"c":{}},"1e3":18446744073709551615}', ' 1 ', '"\\\\"', '[]', '{}', 'null',
    '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}', '{"":0," ":1}', '{"é":1,"e":"\\"}{][,:"}', '[{"x":"a\\\\"},{"x":"b"}]',
    '{"constructors":1,"__proto":2,"Prototype":3}', `{"k":"${'long '.repeat(500)}"}`,
    JSON.stringify(Object.fromEntries(Array.from({ length: 3000 }, (_, at) => [`name${at}`, { [`name${at}`]: at }]))),
  ];
  for (const text of texts) {
    assert.deepEqual(parseJson(Buffer.from(text)), JSON.parse(text));
    assert.deepEqual(parseJson(text), JSON.parse(text));
    assert.deepEqual(parseJson(new Uint8Array(Buffer.from(text))), JSON.parse(text));
  }
});

test('names twice and names of prototypes are refused at any depth, however they are written', () => {
  const filler = `"filler":"${'x'.repeat(600)}"`;
  for (const more of ['', `,${filler}`]) {
    for (const text of ['{"a":1,"a":2', '{"a":1,"\\u0061":2', '{"x":[{"x":{"a":1,"b":2,"a":3}}]', '{"é":1,"\\u00e9":2', '{"":1,"":2']) {
      assert.equal(rule(`${text}${more}}`), 'duplicate-name', text);
    }
    for (const text of [
      '{"__proto__":{"admin":true}', '{"\\u005f_proto__":{}', '{"a":[{"constructor":{"prototype":{"admin":true}}}]',
      '{"prototype":1', '{"a":{"c\\u006fnstructor":1}',
    ]) {
      assert.equal(rule(`${text}${more}}`), 'prototype-name', text);
    }
  }
  const many = Array.from({ length: 5000 }, (_, at) => `"k${at}":${at}`).join(',');
  assert.equal(rule(`{${many},"k17":1}`), 'duplicate-name');
  assert.equal(Object.keys(parseJson(`{${many}}`)).length, 5000);
});

test('a text that ends inside an escaped name is no JSON, like every other that is cut off', () => {
  for (const filler of ['', `"filler":"${'x'.repeat(600)}",`]) {
    for (const end of ['"\\u0061', '"\\', '"\\"', '"a\\', '"a\\\\']) {
      // A buffer of its own: behind it there is nothing.
      const bytes = new Uint8Array(Buffer.from(`{${filler}${end}`));
      assert.equal(refusal(() => parseJson(bytes)).rule, 'no-json', end);
      assert.throws(() => JSON.parse(Buffer.from(bytes).toString()), SyntaxError);
    }
  }
});

test('what is too long, too deep or too much is refused, and never repeated in the error', () => {
  const nested = (depth) => '['.repeat(depth) + ']'.repeat(depth);
  assert.equal(rule(nested(33)), 'too-deep');
  assert.deepEqual(parseJson(nested(32)), JSON.parse(nested(32)));
  assert.equal(rule('['.repeat(200_000)), 'too-deep');
  assert.equal(rule('{"\\u0061":'.repeat(50_000)), 'too-deep');
  assert.equal(rule(`[${'0,'.repeat(100_000)}0]`), 'too-many-values');
  assert.equal(rule(`{"\\u0061":[${'0,'.repeat(100_000)}0]}`), 'too-many-values');
  const long = refusal(() => parseJson('12345', { maxBytes: 4 }));
  assert.deepEqual([long.rule, long.statusCode, long.code], ['too-large', 413, 'ERR_RINGFENCE_GUARD_TOO_LARGE']);
  for (const text of ['', '{', 'hunter2', '{"hunter2":}', '1 2', '"hunter2', '[1,]', '\ufeff{}', '{"hunter2', '{"a\\', '}', ']]', '{,}', '"\\']) {
    const error = refusal(() => parseJson(Buffer.from(text)));
    assert.equal(error.rule, 'no-json', text);
    assert.equal(error.statusCode, 400);
    assert.doesNotMatch(`${error.stack}${error.cause}`, /hunter2/);
  }
  assert.equal(refusal(() => parseJson(Buffer.from([0x22, 0xff, 0x22]))).rule, 'not-utf-8');
  for (const options of [{ depth: 0 }, { depth: 1001 }, { maxBytes: 1.5 }, { values: '1' }]) {
    assert.equal(refusal(() => parseJson('1', options)).code, 'ERR_INVALID_ARG_VALUE');
  }
  for (const input of [undefined, null, 1, {}, [1]]) assert.equal(refusal(() => parseJson(input)).code, 'ERR_INVALID_ARG_TYPE');
});

/** A small generator with a fixed seed: texts of the characters that the scanners look at. */
function generator(seed) {
  let state = seed;
  const next = (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  const pieces = ['{', '}', '[', ']', ',', ':', '"a"', '"b"', '"a\\u0062"', '"ab"', '"\\""', '1', 'null', ' ', '"__proto__"', '"x\\\\"'];
  const value = (depth) => {
    const kind = next(depth > 4 ? 1 : 3);
    if (kind === 0) return pieces[6 + next(6)];
    const list = Array.from({ length: next(4) }, () => (kind === 1 ? value(depth + 1) : `${pieces[6 + next(5)]}:${value(depth + 1)}`));
    return kind === 1 ? `[${list}]` : `{${list}}`;
  };
  return { next, text: (round) => (round % 2 === 0 ? value(0) : Array.from({ length: 1 + next(12) }, () => pieces[next(pieces.length)]).join('')) };
}

/** Parses, and holds what was accepted to its promise: every name of the text is one of the value. */
function judged(text, options) {
  let parsed;
  try {
    parsed = parseJson(text, options);
  } catch (error) {
    assert.ok(error.rule !== undefined, `${text}: ${error.stack}`);
    return error.rule;
  }
  assert.deepEqual(parsed, JSON.parse(text));
  let names = 0;
  const count = (one) => {
    if (typeof one !== 'object' || one === null) return;
    if (!Array.isArray(one)) names += Object.keys(one).length;
    Object.values(one).forEach(count);
  };
  count(parsed);
  assert.equal(text.replace(/"(?:[^"\\]|\\.)*"/g, 's').split(':').length - 1, names, text);
  return 'accepted';
}

test('what is accepted has no name twice, whatever bytes come', () => {
  const { text } = generator(0x2545f491);
  let accepted = 0;
  for (let round = 0; round < 20_000; round++) {
    if (judged(text(round), round % 3 === 0 ? undefined : { depth: 20 }) === 'accepted') accepted += 1;
  }
  assert.ok(accepted > 1000, `${accepted}`);
});

test('texts of every length are judged alike: long ones are looked at by another scanner', () => {
  const { next, text } = generator(0x6c078965);
  let accepted = 0;
  const isJsonText = (one) => {
    try {
      JSON.parse(one);
      return true;
    } catch {
      return false;
    }
  };
  const around = [
    // Every alignment in the scanner's blocks; before, behind, and in a string with what strings hide.
    (one) => `${' '.repeat(320 + next(130))}${one}`,
    (one) => `${one}${'\n'.repeat(320 + next(130))}`,
    (one) => `["${'\\\\'.repeat(next(40))}${'x'.repeat(320 + next(64))}\\"",${one}]`,
    (one) => `[${one},"${'{:,['.repeat(80 + next(20))}"]`,
    (one) => `{"${'k'.repeat(320 + next(64))}":${one}}`,
    (one) => `{"long":"${'\u00e4\u20ac'.repeat(100 + next(30))}","last":${one}}`,
  ];
  for (let round = 0; round < 20_000; round++) {
    const short = text(round);
    const long = around[round % around.length](short);
    assert.ok(Buffer.byteLength(long) >= 320);
    const [one, other] = [judged(short), judged(long)];
    // What is no JSON may be refused for either of two reasons.
    if (isJsonText(short)) assert.equal(other, one, long);
    else if (!isJsonText(long)) assert.notEqual(other, 'accepted', long);
    if (other === 'accepted') accepted += 1;
  }
  assert.ok(accepted > 1000, `${accepted}`);
  // And long of themselves, with names across blocks.
  for (let round = 0; round < 5000; round++) {
    const list = Array.from({ length: 8 + next(24) }, () => text(0));
    const whole = round % 2 === 0 ? `[${list}]` : `{${list.map((one, at) => `"${'n'.repeat(next(70))}${next(8) === 0 ? 0 : at}":${one}`)}}`;
    judged(`${whole}${' '.repeat(320)}`);
  }
});

test('content types other than JSON in UTF-8 are none', () => {
  for (const type of ['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"', 'application/problem+json', 'application/vnd.api+json; ext="https://example.com/a b"; v=1']) {
    assert.equal(isJson(type), true, type);
  }
  for (const type of [
    undefined, '', 'text/json', 'application/jsonx', 'application/json; charset=utf-7', 'application/+json', 'text/plain; application/json', 'multipart/form-data',
    'application/json; text/plain', 'application/json;', "application/json; charset*=utf-16''x", 'application/json; charset="utf-8', 'application/json; a=b c',
  ]) {
    assert.equal(isJson(type), false, type);
  }
});

test('a refusal is an event with its size and a sample in which every word is masked', () => {
  const events = [];
  const listen = (event) => events.push(event);
  const refused = channel('ringfence.guard.refused');
  refused.subscribe(listen);
  try {
    refusal(() => parseJson('{"password":"hunter2","password":1}'));
    refusal(() => parseUserId('../hunter2'));
    refusal(() => query({})('token=hunter2'));
  } finally {
    refused.unsubscribe(listen);
  }
  assert.deepEqual(events[0], {
    code: 'ERR_RINGFENCE_GUARD_JSON', kind: 'json', rule: 'duplicate-name', sample: '{"aaaaaaaa":"aaaaaa0","aaaaaaaa":0}', size: 35,
  });
  assert.deepEqual(events.map(({ kind }) => kind), ['json', 'identifier', 'query']);
  assert.doesNotMatch(JSON.stringify(events), /hunter/);
  // Nobody is told any more, and nothing breaks.
  refusal(() => parseJson('{'));
});

test('merging reaches no prototype, changes neither value and loses nothing', () => {
  const defaults = { theme: { dark: false, size: 12 }, tags: ['a'] };
  assert.deepEqual(safeMerge(defaults, { theme: { dark: true }, tags: ['b'], more: null }), { more: null, tags: ['b'], theme: { dark: true, size: 12 } });
  assert.deepEqual(defaults, { tags: ['a'], theme: { dark: false, size: 12 } });
  for (const text of ['{"__proto__":{"admin":true}}', '{"a":{"constructor":{"prototype":{"admin":true}}}}', '[{"prototype":1}]']) {
    assert.equal(refusal(() => safeMerge({}, JSON.parse(text))).rule, 'prototype-name');
  }
  assert.equal({}.admin, undefined);
  const deep = JSON.parse('{"a":'.repeat(40) + '1' + '}'.repeat(40));
  assert.equal(refusal(() => safeMerge({}, deep)).rule, 'too-deep');
  const getter = Object.defineProperty({}, 'a', { enumerable: true, get: () => 1 });
  assert.equal(refusal(() => safeMerge({}, getter)).rule, 'not-plain');
  assert.equal(refusal(() => safeMerge({}, new Map())).rule, 'not-plain');
  // A name that every object inherits is an ordinary name.
  assert.deepEqual(Object.entries(safeMerge({}, { toString: 1 })), [['toString', 1]]);
});

test('a query is what was declared, and nothing a sender chose', () => {
  const read = query({ ids: { array: true, most: 3, parse: integer() }, page: { longest: 10, parse: integer({ min: 1 }) }, q: 'once', tag: { longest: 20, most: 2 } });
  assert.deepEqual({ ...read('?page=2&tag=new&tag=in%20stock&q=a+b&ids[]=1&ids[1]=2') }, { ids: [1, 2], page: 2, q: 'a b', tag: ['new', 'in stock'] });
  assert.deepEqual({ ...read('') }, { ids: [], tag: [] });
  for (const [text, why] of [
    ['page=1&page=2', 'repeated-key'], ['q=1&q=2', 'repeated-key'], ['tag=1&tag=2&tag=3', 'repeated-key'], ['page[$gt]=0', 'brackets'],
    ['q[]=1', 'brackets'], ['ids=1', 'brackets'], ['ids[1]=1', 'brackets'], ['ids[__proto__]=1', 'prototype-name'], ['__proto__=1', 'prototype-name'],
    ['__proto__[admin]=1', 'prototype-name'], ['constructor=1', 'prototype-name'], ['other=1', 'unknown-key'], ['q=%', 'bad-escape'], ['q=%ff', 'bad-escape'],
    ['q=%00', 'control-character'], ['q=a b', 'unescaped-byte'], ['q=é', 'unescaped-byte'], ['q=1;page=2', 'semicolon'], [`q=${'a'.repeat(9000)}`, 'too-long'],
    [`tag=${'a'.repeat(21)}`, 'value-too-long'], ['&'.repeat(50) + 'q=1&'.repeat(101), 'too-many-pairs'], ['page=0', 'identifier'], ['page=1e3', 'identifier'],
  ]) {
    const error = refusal(() => read(text));
    assert.equal(error.rule, why, text);
    assert.equal(error.statusCode, 400);
  }
  assert.deepEqual(Object.keys(query({ a: 'once' }, { others: 'ignore' })('b=1&a=2&c[x]=1'.replace('&c[x]=1', ''))), ['a']);
  assert.equal(refusal(() => query({ a: { required: true } })('')).rule, 'missing-key');
});

test('headers are checked together, in one form', () => {
  const sent = ['Host', 'example.com', 'ACCEPT', 'text/html', 'accept', '*/*'];
  assert.deepEqual({ ...checkHeaders(sent) }, { accept: 'text/html, */*', host: 'example.com' });
  for (const [more, why, status] of [
    [['HOST', 'evil.example'], 'duplicate-header', 400], [['Content-Length', '1', 'Transfer-Encoding', 'chunked'], 'ambiguous-length', 400],
    [['Content-Length', '+1'], 'bad-value', 400], [['Content-Length', '1, 1'], 'bad-value', 400], [['X_Forwarded_For', '1'], 'ambiguous-name', 400], [['a b', '1'], 'bad-name', 400],
    [['a', 'b\r\nc: d'], 'line-break', 400], [['a', 'b\0'], 'control-character', 400], [['a', 'é'], 'not-ascii', 400], [['a'.repeat(129), '1'], 'name-too-long', 431],
    [['a', 'b'.repeat(8193)], 'value-too-long', 431], [Array.from({ length: 202 }, () => 'x'), 'too-many-headers', 431],
    [['a', 'b'.repeat(8000), 'c', 'b'.repeat(8000), 'd', 'b'.repeat(500)], 'too-long', 431],
  ]) {
    const error = refusal(() => checkHeaders([...sent, ...more]));
    assert.deepEqual([error.rule, error.statusCode], [why, status]);
  }
});

test('the client is told by trusted proxies alone', () => {
  const client = clientAddress({ proxies: ['10.0.0.0/8', '::1', '2001:db8::/32'] });
  const from = (peer, forwarded) => client({ headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }, socket: { remoteAddress: peer } });
  for (const [peer, forwarded, expected] of [
    ['198.51.100.7', '127.0.0.1', '198.51.100.7'], ['10.0.0.1', '127.0.0.1, 203.0.113.9, 10.1.1.1', '203.0.113.9'], ['10.0.0.1', undefined, '10.0.0.1'],
    ['::ffff:10.0.0.1', '203.0.113.9:4711', '203.0.113.9'], ['::1', '[2001:DB9::1]:443', '2001:db9::1'], ['10.0.0.1', '::ffff:cb00:7109', '203.0.113.9'],
    ['10.0.0.1', '10.0.0.2,10.0.0.3', '10.0.0.2'], ['2001:db8::1', '2001:db9::2', '2001:db9::2'],
  ]) assert.equal(from(peer, forwarded), expected, `${peer} ${forwarded}`);
  for (const forwarded of ['unknown', '203.0.113.9, evil', '1.2.3', '203.0.113.9, [::1', '300.1.1.1', Array.from({ length: 40 }, () => '10.0.0.1').join()]) {
    assert.equal(refusal(() => from('10.0.0.1', forwarded)).rule, 'client-address', forwarded);
  }
  const elements = clientAddress({ header: 'forwarded', proxies: ['10.0.0.1'] });
  const request = (forwarded) => ({ headers: { forwarded }, socket: { remoteAddress: '10.0.0.1' } });
  assert.equal(elements(request('for=1.2.3.4;proto=https, For="[2001:db8::7]:1"')), '2001:db8::7');
  assert.equal(refusal(() => elements(request('for=_hidden'))).rule, 'client-address');
  for (const range of ['10.0.0.0/33', '10.0.0', '::/', 'a/8', '10.0.0.0/8/8']) assert.throws(() => clientAddress({ proxies: [range] }), range);
});

test('identifiers are whole texts of their pattern', () => {
  // The manual's own, section Application security patterns.
  assert.equal(parseUserId('user_12-A'), 'user_12-A');
  for (const value of ['ab', 'a b c', 'a'.repeat(65), '../etc', 'abc\n', 1, null, ['abc'], { toString: () => 'abc' }]) {
    const error = refusal(() => parseUserId(value));
    assert.deepEqual([error.message, error.statusCode], ['invalid user id', 400]);
  }
  assert.equal(parseUuid('3f1c2d4e-1234-4abc-8def-1234567890ab').length, 36);
  refusal(() => parseUuid('3f1c2d4e12344abc8def1234567890ab'));
  assert.equal(parseSlug('a-b-1'), 'a-b-1');
  refusal(() => parseSlug('a--b'));
  const sticky = identifier(/a|b/gy);
  assert.deepEqual([sticky('a'), sticky('b'), sticky('a')], ['a', 'b', 'a']);
  refusal(() => sticky('ab'));
  refusal(() => identifier(/^a$/m)('a\nb'));
  refusal(() => identifier(/(a+)+/)(`${'a'.repeat(300)}!`));
  assert.equal(integer()('0'), 0);
  for (const value of ['01', '1.0', '1e3', '-0', ' 1', '', '9007199254740993', NaN, -1, 1.5]) refusal(() => integer()(value));
  assert.equal(oneOf(['asc', 'desc'])('asc'), 'asc');
  refusal(() => oneOf(['asc'])('toString'));
});

test('memory that another thread can change is no JSON text', () => {
  const text = Buffer.from(`{"a":1,"filler":"${'x'.repeat(600)}"}`);
  const shared = new Uint8Array(new SharedArrayBuffer(text.length));
  shared.set(text);
  assert.equal(refusal(() => parseJson(shared)).code, 'ERR_INVALID_ARG_TYPE');
  assert.equal(refusal(() => parseJson(Buffer.from(shared.buffer))).code, 'ERR_INVALID_ARG_TYPE');
  assert.equal(parseJson(shared.slice()).a, 1);
});

test('quotes in Forwarded hold what a client wrote, and an open one refuses the line', () => {
  const client = clientAddress({ header: 'forwarded', proxies: ['127.0.0.1'] });
  const asked = (forwarded) => client({ headers: { forwarded }, socket: { remoteAddress: '127.0.0.1' } });
  for (const line of ['for=9.9.9.9', 'for=1.1.1.1, for="9.9.9.9:80";by="a,b"', 'for=9.9.9.9;host="a, for=6.6.6.6;x="', 'for=9.9.9.9;host="a\\", for=6.6.6.6;x=\\""', 'by="x;for=6.6.6.6";For=9.9.9.9']) {
    assert.equal(asked(line), '9.9.9.9', line);
  }
  for (const line of ['for="x, for=9.9.9.9', 'x="\\, for=9.9.9.9;host="b"', 'for=9.9.9.9"', 'for=1.1.1.1;for=9.9.9.9']) {
    assert.equal(refusal(() => asked(line)).rule, 'client-address', line);
  }
  assert.equal(refusal(() => asked(`for=9.9.9.9;${'"'.repeat(8191)}`)).rule, 'client-address');
});

test('hosts, codings and names that are none are refused as the crate refuses them', () => {
  for (const host of ['api.example.com:8443', 'a', '[2001:db8::1]', '[::1]:80', '127.0.0.1']) assert.equal(checkHeaders(['Host', host]).host, host);
  for (const host of ['a b', 'user@example.com', 'example.com/x', 'a?b', 'a#b', 'a:b', '[::1', '[x]', 'a%00', 'a'.repeat(256)]) {
    assert.equal(refusal(() => checkHeaders(['Host', host])).rule, 'bad-value', host);
  }
  assert.equal(checkHeaders(['Transfer-Encoding', 'Chunked'])['transfer-encoding'], 'Chunked');
  assert.equal(refusal(() => checkHeaders(['Transfer-Encoding', 'gzip, chunked'])).rule, 'bad-value');
  // Lower case of a Kelvin sign is a `k`.
  assert.equal(refusal(() => checkHeaders(['coo\u212aie', 'a'])).rule, 'bad-name');
  assert.equal(refusal(() => checkHeaders(['X-Forwarded-Proto', 'https', 'x-forwarded-proto', 'http'])).rule, 'duplicate-header');
});

test('a polluted prototype of every object switches nothing off', () => {
  const polluted = { depth: 1000, headers: false, http: true, links: 'beneath', maxBytes: 2 ** 29, private: ['good.test'] };
  for (const [name, value] of Object.entries(polluted)) {
    Object.defineProperty(Object.prototype, name, { configurable: true, value, writable: true }); // eslint-disable-line no-extend-native
  }
  try {
    const allowed = outbound({ hosts: ['good.test'] });
    assert.equal(refusal(() => allowed.judge('http://good.test/')).code, 'ERR_RINGFENCE_GUARD_SCHEME');
    assert.equal(refusal(() => allowed.admit('https://good.test/', ['127.0.0.1'])).code, 'ERR_RINGFENCE_GUARD_ADDRESS');
    assert.equal(refusal(() => parseJson('['.repeat(500) + ']'.repeat(500), { values: 5000 })).rule, 'too-deep');
    assert.equal(refusal(() => parseJson(`"${'x'.repeat(2 ** 21)}"`, { values: 5 })).rule, 'too-large');
    const root = new Root('/proc/self/task');
    assert.equal(refusal(() => root.readFileSync(`${process.pid}/cwd/x`)).code, 'ERR_RINGFENCE_GUARD_PATH');
    // The control: who says it gets it.
    assert.equal(outbound({ hosts: ['good.test'], http: true }).judge('http://good.test/').protocol, 'http:');
  } finally {
    for (const name of Object.keys(polluted)) delete Object.prototype[name]; // eslint-disable-line no-extend-native
  }
});
