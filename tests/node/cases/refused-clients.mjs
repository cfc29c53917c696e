/*
promise: clients of every kind, and a program with hooks for its modules, learn who refused
bare-env: NAME=127.0.0.1
inside-env: NAME=peer.test
bare: tls reached
bare: http2 reached
bare: one of several reached
bare: datagram reached
bare: hooked reached
inside: tls ERR_ACCESS_DENIED Net peer.test:PORT
inside: http2 ERR_ACCESS_DENIED Net peer.test:PORT
inside: one of several ERR_ACCESS_DENIED Net two.test:PORT ERR_ACCESS_DENIED,ERR_ACCESS_DENIED
inside: datagram ERR_ACCESS_DENIED Net 192.0.2.1:PORT
inside: hooked ERR_ACCESS_DENIED Net peer.test:PORT
---
[net]
connect = ["peer.test:${tcp}"]
hosts = { "peer.test" = "127.0.0.1" }
[process]
workers = true
*/
import { createSocket } from 'node:dgram';
import http2 from 'node:http2';
import { register } from 'node:module';
import { connect } from 'node:net';
import tls from 'node:tls';

const { NAME, PEER } = process.env;
const { https, h2c, other, udp } = JSON.parse(PEER);
const inside = NAME !== '127.0.0.1';

const tell = (what, error) => {
  if (!error) return console.log(what, 'reached');
  console.error(error);
  const { code, permission, resource, errors } = error;
  const each = errors?.map((one) => one.code) ?? [];
  const text = [what, code, permission, resource, ...(errors ? [each.join()] : [])].join(' ');
  return console.log(text.replaceAll(/\d{5}/g, 'PORT'));
};
const once = (emitter, good) =>
  new Promise((resolve) => emitter.on(good, () => resolve()).on('error', resolve));

tell('tls', await once(tls.connect({ host: NAME, port: https, rejectUnauthorized: false }), 'secureConnect'));
tell('http2', await once(http2.connect(`http://${NAME}:${h2c}`), 'connect'));
const addresses = inside ? ['192.0.2.1', '192.0.2.2'] : ['127.0.0.1', '127.0.0.1'];
const lookup = (name, options, done) => done(null, addresses.map((address) => ({ address, family: 4 })));
const several = connect({ host: 'two.test', port: other, autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 60_000, lookup });
tell('one of several', await once(several, 'connect'));
const socket = createSocket('udp4');
socket.on('error', () => {});
tell('datagram', await new Promise((resolve) => socket.connect(udp, inside ? '192.0.2.1' : NAME, resolve)));
// Hooks run in a thread of their own.
register(`data:text/javascript,${encodeURIComponent('export const resolve = (name, context, next) => next(name, context);')}`);
const { connect: hooked } = await import('data:text/javascript,export { connect } from "node:net"');
tell('hooked', await once(hooked(other, NAME), 'connect'));
process.exit();
