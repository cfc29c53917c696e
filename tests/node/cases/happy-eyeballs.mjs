/*
promise: a name with two addresses is reached at the one that answers
needs: ipv6
---
[net]
connect = ["[::1]:${tcp}", "127.0.0.1:${tcp}"]
*/
import { connect } from 'node:net';

const { tcp } = JSON.parse(process.env.PEER);
// Nobody listens on [::1] at this port: the second address must be tried.
const lookup = (name, options, callback) =>
  callback(null, [
    { address: '::1', family: 6 },
    { address: '127.0.0.1', family: 4 },
  ]);
const attempts = [];
const socket = connect({ host: 'two.internal', port: tcp, lookup, autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 60_000 }, () => {
  console.log(socket.remoteAddress, attempts);
  socket.write('hello');
});
socket.on('connectionAttemptFailed', (address, port, family, error) => attempts.push(`${address} ${error.code}`));
socket.on('data', (data) => {
  console.log(data.toString());
  socket.destroy();
});
socket.on('error', (error) => console.log(error.code));
