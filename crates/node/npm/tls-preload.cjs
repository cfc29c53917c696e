'use strict';
// `node --require ringfence/tls/preload`: a start without verification is refused before any code of
// the service runs, and so is every later connection that asks for none.
require('./tls.js').enforceTlsVerification();
