'use strict';
// Which URLs may be reached: judged by the addon (crate `guard`, url::judge), never by comparing texts
// here.

const { native } = require('../native.js');
const { call, GuardError, tell, typed } = require('./error.js');
const { own } = require('./grant.js');

const judges = new WeakMap();
/** Inside a boundary names resolve to addresses of the broker, which judges the real ones itself. */
const isInside = () => process[Symbol.for('ringfence.runtime')] !== undefined;

/** What may be reached; made by `outbound`. */
class Outbound {
  #urls;

  constructor(allowed) {
    const { hosts, http = false, private: inner = [], ...rest } = own(allowed);
    for (const [name, list] of [['hosts', hosts], ['private', inner]]) {
      if (!isTexts(list)) throw new GuardError('ERR_INVALID_ARG_TYPE', `${name} must be a list of hosts`);
    }
    const unknown = Object.keys(rest)[0];
    if (unknown !== undefined) throw new GuardError('ERR_INVALID_ARG_VALUE', `there is no option ${unknown}`);
    const { GuardUrls } = native();
    this.#urls = call(() => new GuardUrls([...hosts], http === true, [...inner]));
  }

  /** The judged URL; throws a GuardError for every other. */
  parse(raw) {
    return new URL(this.judge(String(raw)).href);
  }

  /** The same, as its parts: `href`, `protocol`, `host`, `port`. */
  judge(text) {
    return this.#ask(text, () => this.#urls.parse(text));
  }

  /** Where a redirect leads, judged like the first URL. */
  redirect(base, location) {
    return this.#ask(location, () => this.#urls.redirect(base, location));
  }

  /** The addresses of a URL's host, when all of them may be connected to. */
  admit(url, addresses) {
    return this.#ask(url, () => this.#urls.admit(url, addresses, isInside()));
  }

  #ask(text, act) {
    try {
      return act();
    } catch (error) {
      throw tell('url', typed(error, { statusCode: 400 }), text);
    }
  }
}

function isTexts(list) {
  const values = list instanceof Set ? [...list] : list;
  return Array.isArray(values) && values.every((value) => typeof value === 'string');
}

/** What may be reached, read once: `allowed` is `{ hosts, private, http }` or a list of hosts. */
function outbound(allowed) {
  if (allowed instanceof Outbound) return allowed;
  const isList = Array.isArray(allowed) || allowed instanceof Set;
  if (!isList && (typeof allowed !== 'object' || allowed === null)) {
    throw new GuardError('ERR_INVALID_ARG_TYPE', 'say what may be reached: { hosts: [...] }');
  }
  if (!judges.has(allowed)) judges.set(allowed, new Outbound(isList ? { hosts: [...allowed] } : allowed));
  return judges.get(allowed);
}

module.exports = { outbound, Outbound };
