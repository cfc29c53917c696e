import ringfence from './tls.js';

export const {
  ClientFiles,
  PinnedAgent,
  TlsError,
  assertTlsVerification,
  clientOptions,
  enforceTlsVerification,
  pinOf,
  renewing,
  undiciConnect,
} = ringfence;
export default ringfence;
