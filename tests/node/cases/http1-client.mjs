/*
promise: HTTP/1.1 requests over kept-alive connections reach a granted upstream
---
[net]
connect = ["127.0.0.1:${http}"]
*/
import http from 'node:http';

const { http: port } = JSON.parse(process.env.PEER);
const agent = new http.Agent({ keepAlive: true, maxSockets: 2 });
let reused = 0;

function request(method, path, body) {
  const { promise, resolve, reject } = Promise.withResolvers?.() ?? deferred();
  const outgoing = http.request({ host: '127.0.0.1', port, method, path, agent }, (incoming) => {
    let text = '';
    incoming.setEncoding('utf8').on('data', (part) => (text += part));
    incoming.on('end', () => resolve(`${incoming.statusCode} ${incoming.headers['x-method']} ${text}`));
  });
  outgoing.on('error', reject);
  outgoing.on('socket', () => (reused += outgoing.reusedSocket ? 1 : 0));
  outgoing.end(body);
  return promise;
}

function deferred() {
  const all = {};
  all.promise = new Promise((resolve, reject) => Object.assign(all, { resolve, reject }));
  return all;
}

console.log(await request('GET', '/one'));
console.log(await request('POST', '/two', 'body'));
console.log(await request('PUT', '/three', 'x'.repeat(10)));
const many = await Promise.all(Array.from({ length: 50 }, (_, i) => request('GET', `/${i}`)));
console.log(many.length, many.every((line, i) => line === `200 GET /${i} `), reused > 10);
agent.destroy();
