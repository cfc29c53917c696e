'use strict';
// `ringfence/crypto`: the cryptography a service calls. The native half is loaded by the first call.

const { nativeOf: _nativeOf, sealKeyOf: _sealKeyOf, ...envelope } = require('./crypto/envelope.js');
const { invalid: _invalid, refused: _refused, refusedElsewhere: _elsewhere, tell: _tell, ...errors } = require('./crypto/errors.js');
const { keySetOf: _keySetOf, signingKeyOf: _signingKeyOf, ...signature } = require('./crypto/signature.js');

module.exports = {
  ...errors,
  ...envelope,
  ...require('./crypto/keyring.js'),
  ...require('./crypto/mac.js'),
  ...require('./crypto/manual.js'),
  ...require('./crypto/password.js'),
  ...require('./crypto/random.js'),
  ...signature,
  ...require('./crypto/token.js'),
};
