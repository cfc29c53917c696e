'use strict';
// What stands between undici and whoever waits for a response: counts its bytes, looks at its time,
// and translates between handlers of undici 6 (old) and of undici 7 and 8 (new), whichever the caller
// has and the Agent wants.

const { GuardError } = require('./error.js');

/** One request's handler, for either kind of Agent; also what a clock waits for. */
class Guarded {
  /** When its time is over (clock.js). */
  end = 0;
  #abort;
  #controller;
  #done = false;
  #handler;
  #isNew;
  #limits;
  #refused;
  #seen = 0;

  constructor(handler, limits) {
    this.#handler = handler;
    this.#isNew = typeof handler.onRequestStart === 'function';
    this.#limits = limits;
  }

  // The new kind, called by undici 7 and 8.

  onRequestStart(controller, context) {
    this.#controller = controller;
    this.#start();
    if (this.#isNew) {
      return this.#handler.onRequestStart(controller, context);
    }
    return this.#handler.onConnect?.((reason) => controller.abort(reason ?? new Error('aborted')), context);
  }

  onRequestUpgrade(controller, status, headers, socket) {
    this.#end();
    if (this.#isNew) return this.#handler.onRequestUpgrade?.(controller, status, headers, socket);
    return this.#handler.onUpgrade?.(status, raw(controller.rawHeaders ?? headers), socket);
  }

  onResponseStart(controller, status, headers, message) {
    if (status >= 200) {
      const refused = this.#judge(headers['content-length'], headers['content-encoding']);
      if (refused !== undefined) return controller.abort(refused);
    }
    if (this.#isNew) return this.#handler.onResponseStart?.(controller, status, headers, message);
    const list = raw(controller.rawHeaders ?? headers);
    const go = this.#handler.onHeaders?.(status, list, () => controller.resume(), message);
    if (go === false) controller.pause();
    return undefined;
  }

  onResponseStarted() {
    return this.#handler.onResponseStarted?.();
  }

  onResponseData(controller, chunk) {
    if (this.#isTooMuch(chunk)) return controller.pause();
    if (this.#isNew) return this.#handler.onResponseData?.(controller, chunk);
    if (this.#handler.onData?.(chunk) === false) controller.pause();
    return undefined;
  }

  onResponseEnd(controller, trailers) {
    this.#end();
    if (this.#refused !== undefined) return undefined;
    if (this.#isNew) return this.#handler.onResponseEnd?.(controller, trailers);
    return this.#handler.onComplete?.(raw(controller?.rawTrailers ?? trailers ?? {}));
  }

  onResponseError(controller, error) {
    this.#end();
    if (this.#done) return undefined;
    this.#done = true;
    if (this.#isNew) return this.#handler.onResponseError?.(controller, error);
    return this.#handler.onError?.(error);
  }

  onBodySent(...values) {
    return this.#handler.onBodySent?.(...values);
  }

  onRequestSent(...values) {
    return this.#handler.onRequestSent?.(...values);
  }

  // The old kind, called by undici 6.

  onConnect(abort, context) {
    this.#abort = abort;
    this.#start();
    if (!this.#isNew) return this.#handler.onConnect?.(abort, context);
    this.#controller = new Controller(abort);
    return this.#handler.onRequestStart(this.#controller, context);
  }

  onUpgrade(status, headers, socket) {
    this.#end();
    if (!this.#isNew) return this.#handler.onUpgrade?.(status, headers, socket);
    this.#controller.rawHeaders = headers;
    return this.#handler.onRequestUpgrade?.(this.#controller, status, named(headers), socket);
  }

  onHeaders(status, headers, resume, message) {
    if (status >= 200) {
      const refused = this.#judge(one(headers, 'content-length'), one(headers, 'content-encoding'));
      if (refused !== undefined) {
        this.#stop(refused);
        return false;
      }
    }
    if (!this.#isNew) return this.#handler.onHeaders?.(status, headers, resume, message);
    this.#controller.resumes = resume;
    this.#controller.rawHeaders = headers;
    this.#handler.onResponseStart?.(this.#controller, status, named(headers), message);
    return !this.#controller.paused;
  }

  onData(chunk) {
    if (this.#isTooMuch(chunk)) return false;
    if (!this.#isNew) return this.#handler.onData?.(chunk);
    this.#handler.onResponseData?.(this.#controller, chunk);
    return !this.#controller.paused;
  }

  onComplete(trailers) {
    this.#end();
    if (this.#refused !== undefined) return undefined;
    if (!this.#isNew) return this.#handler.onComplete?.(trailers);
    return this.#handler.onResponseEnd?.(this.#controller, named(trailers ?? []));
  }

  onError(error) {
    this.#end();
    if (this.#done) return undefined;
    this.#done = true;
    if (!this.#isNew) return this.#handler.onError?.(error);
    return this.#handler.onResponseError?.(this.#controller ?? null, error);
  }

  /** Called by the clock. */
  expire() {
    this.#stop(new GuardError('ERR_RINGFENCE_GUARD_TIMEOUT', `it took longer than ${this.#limits.timeout} ms`));
  }

  #start() {
    this.#seen = 0;
    this.#limits.clock.start(this);
  }

  #end() {
    this.#limits.clock.stop(this);
  }

  #stop(error) {
    if (this.#abort === undefined) this.#controller?.abort(error);
    else this.#abort(error);
  }

  #judge(length, encoding) {
    const { compressed, maxBytes } = this.#limits;
    if (length !== undefined && Number(length) > maxBytes) return tooLarge(maxBytes);
    if (compressed || encoding === undefined || encoding === 'identity') return undefined;
    return new GuardError('ERR_RINGFENCE_GUARD_ENCODING', 'the response is compressed: its size is not bounded then');
  }

  /**
   * Counts, and ends it when it is too much: after this turn, because a fetch that gets its headers
   * and an error in one turn waits for its body for ever (undici 6 to 8).
   */
  #isTooMuch({ length }) {
    if (this.#refused !== undefined) return true;
    this.#seen += length;
    if (this.#seen <= this.#limits.maxBytes) return false;
    this.#refused = tooLarge(this.#limits.maxBytes);
    setImmediate(() => {
      this.#stop(this.#refused);
      // What has ended meanwhile cannot be aborted any more.
      this.onError(this.#refused);
    });
    return true;
  }
}

/** What a handler of the new kind steers an Agent of the old kind by. */
class Controller {
  aborted = false;
  paused = false;
  rawHeaders;
  reason = null;
  resumes;
  #abort;

  constructor(abort) {
    this.#abort = abort;
  }

  abort(reason) {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    this.#abort(reason);
  }

  pause() {
    this.paused = true;
  }

  resume() {
    if (!this.paused) return;
    this.paused = false;
    this.resumes?.();
  }
}

function tooLarge(most) {
  return new GuardError('ERR_RINGFENCE_GUARD_TOO_LARGE', `the response is longer than ${most} bytes`);
}

/** Names and values in turn, as Buffers, as old handlers take them. */
function raw(headers) {
  const list = Array.isArray(headers) ? headers : Object.entries(headers).flatMap(pairs);
  return list.map((value) => (typeof value === 'string' ? Buffer.from(value, 'latin1') : value));
}

function pairs([name, value]) {
  return Array.isArray(value) ? value.flatMap((one) => [name, one]) : [name, value];
}

/** An object of lower-case names, as new handlers take it. */
function named(list) {
  const headers = {};
  for (let at = 0; at + 1 < list.length; at += 2) {
    const name = list[at].toString('latin1').toLowerCase();
    const value = list[at + 1].toString('latin1');
    if (name === '__proto__') continue;
    const known = headers[name];
    headers[name] = known === undefined ? value : Array.isArray(known) ? [...known, value] : [known, value];
  }
  return headers;
}

/** One header of a raw list; names are compared by length first. */
function one(list, name) {
  for (let at = 0; at + 1 < list.length; at += 2) {
    if (list[at].length === name.length && list[at].toString('latin1').toLowerCase() === name) {
      return list[at + 1].toString('latin1');
    }
  }
  return undefined;
}

module.exports = { Guarded };
