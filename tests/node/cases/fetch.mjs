/*
promise: fetch works by address and by a granted name, with bodies, and can be aborted
bare-env: UPSTREAM=127.0.0.1
inside-env: UPSTREAM=api.internal
---
[net]
connect = ["api.internal:${http}", "127.0.0.1:${http}"]
hosts = { "api.internal" = "127.0.0.1" }
*/
const { http: port } = JSON.parse(process.env.PEER);
const name = process.env.UPSTREAM;

for (const host of ['127.0.0.1', name]) {
  const answer = await fetch(`http://${host}:${port}/path`, { method: 'POST', body: 'hello' });
  console.log(answer.status, await answer.text());
}
const many = await Promise.all(Array.from({ length: 20 }, (_, i) => fetch(`http://${name}:${port}/${i}`)));
console.log(many.filter((answer) => answer.ok).length);

const aborted = await fetch(`http://${name}:${port}/`, { signal: AbortSignal.abort() }).catch((e) => e.name);
console.log(aborted);
