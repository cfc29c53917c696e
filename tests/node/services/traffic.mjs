// What every smoke.mjs uses: requests whose answers become lines that two runs can be compared by.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/// The folder that the service may write to.
export const run = process.env.RUN;

/// What `${name}` stands for in the boundary file.
export const facts = JSON.parse(process.env.FACTS ?? '{}');

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

/// Fetches, prints "LABEL STATUS TYPE LENGTH HASH" and returns the body.
export async function show(label, url, options = {}) {
  const answer = await fetch(url, { redirect: 'manual', ...options });
  const body = Buffer.from(await answer.arrayBuffer());
  const type = answer.headers.get('content-type') ?? '-';
  console.log(label, answer.status, type.replaceAll(' ', ''), body.length, sha256(body));
  return body;
}

/// As JSON; prints only the status, because such answers hold times and identifiers.
export async function ask(label, url, options = {}) {
  const { json, ...rest } = options;
  if (json !== undefined) {
    rest.method ??= 'POST';
    rest.body = JSON.stringify(json);
    rest.headers = { 'content-type': 'application/json', ...rest.headers };
  }
  const answer = await fetch(url, rest);
  const text = await answer.text();
  console.log(label, answer.status);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/// Prints the names of the files below a folder, and their number.
export function files(label, folder) {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true });
  const names = found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const relative = names.map((name) => name.slice(folder.length + 1)).sort();
  console.log(label, relative.length, relative.join(' '));
}

/// Asks again until the answer is true: what a service does after it has answered.
export async function until(what, check) {
  const deadline = Date.now() + 300_000;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`did not come within five minutes: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/// For a service that says that it listens before it does.
export const listening = (base) => until(base, () => fetch(base).then(() => true, () => false));

/// Whether all these are below a folder.
export const all = (folder, names) => names.every((name) => existsSync(join(folder, name)));

export const content = (...parts) => readFileSync(join(...parts));

/// Connects, sends what it is given one by one, and prints each answer to its question. A service
/// that also speaks unasked says by `wanted` what is an answer.
export async function talk(label, url, questions, show = (text) => text, wanted = () => true) {
  const socket = new WebSocket(url);
  const waiting = [];
  const heard = [];
  socket.addEventListener('message', ({ data }) => {
    if (!wanted(data)) return;
    const next = waiting.shift();
    if (next) next(data);
    else heard.push(data);
  });
  const failed = new Promise((_, reject) => {
    socket.addEventListener('error', () => reject(new Error(`${url}: the WebSocket failed`)));
  });
  await Promise.race([failed, new Promise((open) => socket.addEventListener('open', open))]);
  for (const question of questions) {
    if (question !== undefined) socket.send(question);
    const answer = heard.length ? heard.shift() : await Promise.race([failed, new Promise((next) => waiting.push(next))]);
    console.log(label, show(answer));
  }
  const closed = new Promise((close) => socket.addEventListener('close', close));
  socket.close();
  await closed;
}
