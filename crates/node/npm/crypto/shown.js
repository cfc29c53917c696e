'use strict';
// How keys show themselves: by name, never by what they are.

const { inspect } = require('node:util');

/** Lets instances show themselves as `what` says, in util.inspect, JSON and as text. */
function hidden(Class, what) {
  const shown = {
    [inspect.custom]() {
      return what(this);
    },
    toJSON() {
      return what(this);
    },
    toString() {
      return what(this);
    },
  };
  for (const name of Reflect.ownKeys(shown)) {
    Object.defineProperty(Class.prototype, name, { value: shown[name], configurable: true, writable: true });
  }
}

module.exports = { hidden };
