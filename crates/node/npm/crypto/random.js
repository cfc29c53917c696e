'use strict';
// Random identifiers, and comparing secrets.

const { native } = require('../native.js');
const { refused } = require('./errors.js');
const { bytes, whole } = require('./values.js');

/** A random text of at least `bits` bits (128 to 4096) in the letters of base64url. */
function randomToken(bits = 256) {
  whole(bits, 'bits', { least: 128, most: 4096 });
  return made('randomToken', bits);
}

/** A random UUID. */
function uuidV4() {
  return made('uuidV4');
}

/** A UUID that sorts by time and tells when it was made. */
function uuidV7() {
  return made('uuidV7');
}

/** Whether two secrets are equal, of any lengths, in time that depends on the lengths alone. */
function secretEquals(left, right) {
  return native().secretEquals(bytes(left, 'left'), bytes(right, 'right'));
}

function made(name, ...values) {
  try {
    return native()[name](...values);
  } catch (error) {
    throw refused(error, name);
  }
}

module.exports = { randomToken, secretEquals, uuidV4, uuidV7 };
