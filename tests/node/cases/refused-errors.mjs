/*
promise: what the boundary refuses arrives as ERR_ACCESS_DENIED, however the program connects
bare-env: NAME=127.0.0.1
inside-env: NAME=peer.test
bare-env: OTHER=localhost
inside-env: OTHER=other.test
bare: net reached
bare: address reached
bare: http reached
bare: fetch reached
bare: lookup reached
bare: promises.lookup reached
bare: resolve4 not asked
bare: listen reached
inside: net ERR_ACCESS_DENIED Net peer.test:PORT connect EACCES -13 PORT net.connect = ["peer.test:PORT"]
inside: address ERR_ACCESS_DENIED Net 192.0.2.1:PORT connect EACCES -13 PORT net.connect = ["192.0.2.1:PORT"]
inside: http ERR_ACCESS_DENIED Net peer.test:PORT connect EACCES -13 PORT net.connect = ["peer.test:PORT"]
inside: fetch ERR_ACCESS_DENIED Net peer.test:PORT connect EACCES -13 PORT net.connect = ["peer.test:PORT"]
inside: lookup ERR_ACCESS_DENIED Net other.test getaddrinfo ENOTFOUND -3008 none none
inside: promises.lookup ERR_ACCESS_DENIED Net other.test getaddrinfo ENOTFOUND -3008 none none
inside: resolve4 ERR_ACCESS_DENIED Net other.test queryA ENOTFOUND none none none
inside: listen ERR_ACCESS_DENIED Net 0.0.0.0:PORT listen EACCES -13 PORT net.listen = ["0.0.0.0:PORT"]
---
[net]
connect = ["peer.test:${tcp}"]
listen = ["127.0.0.1:${listen}", "127.0.0.2:${listen}"]
hosts = { "peer.test" = "127.0.0.1" }
[fs]
read = ["${suite}"]
*/
import dns, { lookup } from 'node:dns';
import { get } from 'node:http';
import { connect, createServer } from 'node:net';

const { NAME, OTHER, PEER } = process.env;
const { http, other, listen } = JSON.parse(PEER);
const inside = NAME !== '127.0.0.1';

const tell = (what) => (error) => {
  if (!error) return console.log(what, 'reached');
  console.error(error);
  const { code, permission, resource, syscall, cause, errno, port, missingGrant } = error;
  const line = [what, code, permission, resource, syscall, cause?.code, errno ?? 'none', port ?? 'none'];
  const text = [...line, missingGrant ?? 'none'].join(' ');
  console.log(text.replaceAll(/\b(PORT|\d{5})\b/g, 'PORT'));
};
const once = (emitter, good) =>
  new Promise((resolve) => emitter.on(good, () => resolve()).on('error', resolve));
const socket = async (what, ...to) => {
  const opened = connect(...to);
  tell(what)(await once(opened, 'connect'));
  opened.destroy();
};

await socket('net', other, NAME);
await socket('address', other, inside ? '192.0.2.1' : '127.0.0.1');
tell('http')(await once(get({ host: NAME, port: inside ? other : http }), 'response'));
tell('fetch')(await fetch(`http://${NAME}:${inside ? other : http}/`).then(() => {}, (e) => e.cause));
await new Promise((resolve) => lookup(OTHER, (error) => resolve(tell('lookup')(error))));
tell('promises.lookup')(await dns.promises.lookup(OTHER).then(() => {}, (error) => error));
if (inside) await new Promise((go) => dns.resolve4(OTHER, (error) => go(tell('resolve4')(error))));
else console.log('resolve4 not asked');
const server = createServer();
tell('listen')(await once(server.listen(listen, '0.0.0.0'), 'listening'));
process.exit();
