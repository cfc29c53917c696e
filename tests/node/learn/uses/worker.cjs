require('fs').statSync('/etc/worker-absent', { throwIfNoEntry: false });
require('plain').inThread();
