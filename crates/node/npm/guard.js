'use strict';
// What a service calls at its own edges. Everything is loaded when it is first used: the addon with
// the first path, URL or webhook, undici with the first dispatcher.

const PARTS = {
  './guard/archive.js': ['extract'],
  './guard/error.js': ['GuardError'],
  './guard/fetch.js': ['dispatcher', 'safeFetch'],
  './guard/headers.js': ['checkHeaders', 'clientAddress'],
  './guard/http.js': ['answer', 'expressJson', 'fastifyJson', 'jsonHandler', 'readJson'],
  './guard/identifier.js': ['identifier', 'integer', 'oneOf', 'parseSlug', 'parseUserId', 'parseUuid'],
  './guard/json.js': ['isJson', 'parseJson'],
  './guard/merge.js': ['safeMerge'],
  './guard/path.js': ['Root'],
  './guard/query.js': ['query'],
  './guard/spawn.js': ['run', 'spawn', 'userData'],
  './guard/temp.js': ['temporaryFolder'],
  './guard/undici.js': ['setGlobalDispatcher'],
  './guard/upload.js': ['acceptUpload'],
  './guard/url.js': ['outbound'],
  './guard/webhook.js': ['signWebhook', 'Webhook'],
};

for (const [file, names] of Object.entries(PARTS)) {
  for (const name of names) {
    Object.defineProperty(module.exports, name, { configurable: true, enumerable: true, get: () => settle(file, name) });
  }
}

/** From the first use on a plain value: asking `require` at every call takes a quarter of a microsecond. */
function settle(file, name) {
  const value = require(file)[name];
  Object.defineProperty(module.exports, name, { configurable: false, enumerable: true, value, writable: false });
  return value;
}
