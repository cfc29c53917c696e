/*
promise: what was dropped is refused with these words, and with no line to add, because the file has it
bare: bare
inside: name ERR_ACCESS_DENIED peer.test true none
inside: lookup ERR_ACCESS_DENIED peer.test true none
inside: address ERR_ACCESS_DENIED 127.0.0.1:PORT true none
inside: elsewhere ERR_ACCESS_DENIED 192.0.2.7:PORT true none
inside: listen ERR_ACCESS_DENIED true none
inside: child ERR_ACCESS_DENIED true none
---
[net]
connect = ["peer.test:${tcp}", "127.0.0.1:${http}", "192.0.2.7:${http}"]
listen = ["127.0.0.1:${listen}"]
hosts = { "peer.test" = "127.0.0.1" }
[process]
children = ["${cat}"]
[fs]
read = ["${suite}"]
*/
import { execFileSync } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';

const { permission } = process;
if (permission?.assert === undefined) {
  console.log('bare');
  process.exit();
}
const { cat, http, listen, tcp } = JSON.parse(process.env.PEER);
const says = ({ message }) => message.includes(' was dropped while the service ran');
const tell = (what, error, resource = `${error.resource} `) => {
  const line = `${what} ${error.code} ${resource}${says(error)} ${error.missingGrant ?? 'none'}`;
  console.log(line.replaceAll(/\b\d{5}\b/g, 'PORT'));
};
const failing = (port, host) =>
  new Promise((resolve, reject) => connect(port, host).on('error', resolve).on('connect', reject));

// Before it, the name is known; Node's own permissions stay, because other grants of the network do.
await lookup('peer.test');
permission.drop('net.connect', `peer.test:${tcp}`);
permission.drop('net.connect', `127.0.0.1:${http}`);
tell('name', await failing(tcp, 'peer.test').then((error) => error));
tell('lookup', await lookup('peer.test').catch((error) => error));
// The kernel itself refuses it, for lack of a listener inside.
try {
  permission.assert('net.connect', `127.0.0.1:${http}`);
} catch (error) {
  tell('address', error);
}
permission.drop('net.connect', `192.0.2.7:${http}`);
tell('elsewhere', await failing(http, '192.0.2.7'));
permission.drop('net.listen', `127.0.0.1:${listen}`);
try {
  permission.assert('net.listen', `127.0.0.1:${listen}`);
} catch (error) {
  tell('listen', error, '');
}
permission.drop('child');
try {
  permission.assert('child', cat);
  execFileSync(cat, ['/dev/null']);
} catch (error) {
  tell('child', error, '');
}
