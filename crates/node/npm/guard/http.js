'use strict';
// The guards where requests come in: a reader for node:http, a middleware for Express, a plugin for
// Fastify. They stand before the application's own schema (ajv, zod), which then gets plain JSON
// within bounds, and answer 413, 415, 431 and 400 by the error's `statusCode`.

const { GuardError, tell } = require('./error.js');
const { own } = require('./grant.js');
const { checkHeaders } = require('./headers.js');
const { isJson, limits, parseJson, tooLong } = require('./json.js');

/** Reads and parses the JSON body of a request of node:http. */
async function readJson(request, given) {
  const options = own(given);
  return (await body(request, limits(options), options)).value;
}

async function body(request, bounds, options) {
  if (options.headers !== false) checkHeaders(request, options.headers);
  checkContent(request.headers, bounds);
  const bytes = await collect(request, bounds.maxBytes);
  return { bytes, value: parseJson(bytes, bounds) };
}

/** What the headers say of the body, before a byte of it is read. */
function checkContent(headers, bounds) {
  const type = headers['content-type'];
  if (!isJson(type)) throw unsupported('content-type', 'the content type is not application/json', type);
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') throw unsupported('content-encoding', 'the body is compressed', encoding);
  const length = Number(headers['content-length'] ?? 0);
  if (length > bounds.maxBytes) throw tooLong(bounds.maxBytes, '', length);
}

function unsupported(rule, message, value) {
  const error = new GuardError('ERR_RINGFENCE_GUARD_CONTENT_TYPE', message, { rule, statusCode: 415 });
  return tell('json', error, value ?? '');
}

/** The bytes of a request; reading stops when they are too many. */
function collect(request, most) {
  // Nothing would ever be heard of a body that is gone already.
  if (request.readableDidRead || typeof request.readableEncoding === 'string') return Promise.reject(gone());
  if (request.destroyed) return Promise.reject(aborted());
  return new Promise((resolve, reject) => {
    const chunks = [];
    let size = 0;
    const stop = (error) => {
      request.off('data', data).off('end', end).off('error', stop).off('close', close);
      request.pause();
      reject(error);
    };
    const data = (chunk) => {
      size += chunk.length;
      if (size > most) stop(tooLong(most, chunks[0] ?? chunk, size));
      else chunks.push(chunk);
    };
    const end = () => {
      request.off('error', stop).off('close', close);
      resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, size));
    };
    const close = () => stop(aborted());
    request.on('data', data).on('end', end).on('error', stop).on('close', close);
  });
}

function aborted() {
  return new GuardError('ERR_RINGFENCE_GUARD_ABORTED', 'the request ended before its body', { statusCode: 400 });
}

/** A mistake of the service: what came is not known any more. */
function gone() {
  return new GuardError('ERR_RINGFENCE_GUARD_BODY_READ', 'the body was read or decoded by something else before', { statusCode: 500 });
}

/** Answers a refused request as its error says; the rest of its body is not waited for. */
function answer(response, error) {
  const status = error instanceof GuardError ? error.statusCode ?? 400 : 500;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { code, message, rule } = error instanceof GuardError ? error : { code: 'ERR_INTERNAL', message: 'internal error' };
  const headers = { 'content-type': 'application/json; charset=utf-8' };
  // A body that was not read would be taken for the next request.
  if (!response.req?.complete) headers.connection = 'close';
  response.writeHead(status, headers).end(JSON.stringify({ statusCode: status, code, rule, message }));
}

/** A handler for node:http that gets the parsed body as a third argument. */
function jsonHandler(handler, given) {
  const options = own(given);
  const bounds = limits(options);
  return async function guarded(request, response) {
    try {
      const value = hasBody(request) ? (await body(request, bounds, options)).value : empty(request, options);
      await handler(request, response, value);
    } catch (error) {
      answer(response, error);
    }
  };
}

/** Whether a request says that it has a body (RFC 9112, section 6). */
function hasBody({ headers }) {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function empty(request, options) {
  if (options.headers !== false) checkHeaders(request, options.headers);
  return undefined;
}

/** A middleware for Express: `request.body`, and `request.rawBody` for signatures. */
function expressJson(given) {
  const options = own(given);
  const bounds = limits(options);
  return function guardJson(request, response, next) {
    const read = async () => {
      if (!hasBody(request)) return empty(request, options);
      const { bytes, value } = await body(request, bounds, options);
      request.rawBody = bytes;
      request.body = value;
      return undefined;
    };
    read().then(() => next(), (error) => {
      if (!request.complete && !response.headersSent) response.setHeader('connection', 'close');
      next(error);
    });
  };
}

/** A plugin for Fastify: its parser of JSON, and a check of headers before everything else. */
async function fastifyJson(fastify, given) {
  const options = own(given);
  const bounds = limits(options);
  for (const type of ['application/json', 'text/plain']) {
    // Fastify's own: a text would come to a handler that expects JSON.
    if (fastify.hasContentTypeParser(type)) fastify.removeContentTypeParser(type);
  }
  const parse = (request, bytes, done) => {
    try {
      const type = request.headers['content-type'];
      if (!isJson(type)) throw unsupported('content-type', 'the content type is not application/json', type);
      if (options.raw === true) request.rawBody = bytes;
      done(null, parseJson(bytes, bounds));
    } catch (error) {
      done(error);
    }
  };
  if (options.raw === true && !fastify.hasRequestDecorator('rawBody')) fastify.decorateRequest('rawBody', null);
  const how = { bodyLimit: bounds.maxBytes, parseAs: 'buffer' };
  fastify.addContentTypeParser('application/json', how, parse);
  fastify.addContentTypeParser(/^application\/[\w.!#$&^-]+\+json(?:;|$)/, how, parse);
  fastify.addHook('onRequest', (request, _reply, done) => {
    try {
      if (options.headers !== false) checkHeaders(request.raw, options.headers);
      const encoding = request.headers['content-encoding'] ?? 'identity';
      if (encoding !== 'identity') throw unsupported('content-encoding', 'the body is compressed', encoding);
      done();
    } catch (error) {
      done(error);
    }
  });
  fastify.addHook('onError', (request, _reply, error, done) => {
    tellOfFastify(request, error);
    done();
  });
}
// Parsers and hooks hold for what registers the plugin, and not for the plugin alone.
fastifyJson[Symbol.for('skip-override')] = true;
fastifyJson[Symbol.for('fastify.display-name')] = 'ringfence-guard';

/** What Fastify itself refuses before a parser is called is an event too. */
function tellOfFastify(request, { code }) {
  const rule = { FST_ERR_CTP_BODY_TOO_LARGE: 'too-large', FST_ERR_CTP_INVALID_MEDIA_TYPE: 'content-type' }[code];
  if (rule === undefined) return;
  const size = Number(request.headers['content-length'] ?? 0);
  tell('json', new GuardError(code, 'refused by Fastify', { rule }), rule === 'content-type' ? request.headers['content-type'] ?? '' : '', size);
}

module.exports = { answer, expressJson, fastifyJson, jsonHandler, readJson };
