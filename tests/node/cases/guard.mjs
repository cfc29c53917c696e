/*
promise: a service with a guarded dispatcher for every fetch, a Root, uploads and kept programs works inside, and what the guard or the boundary refuses says which
bare-env: NAME=localhost
inside-env: NAME=api.internal
bare-env: OTHER=localhost
inside-env: OTHER=other.test
bare: fetch 200 /path hello
bare: safeFetch 200
bare: guard ERR_RINGFENCE_GUARD_HOST
bare: own address ERR_RINGFENCE_GUARD_ADDRESS
bare: boundary reached
bare: root kept file,folder
bare: escape ERR_RINGFENCE_GUARD_PATH
bare: elsewhere reached
bare: upload text/plain true
bare: temporary 1 0
bare: program 0 through a keeper
bare: other program reached
bare: own program reached
inside: fetch 200 /path hello
inside: safeFetch 200
inside: guard ERR_RINGFENCE_GUARD_HOST
inside: own address admitted
inside: boundary ERR_ACCESS_DENIED other.test
inside: root kept file,folder
inside: escape ERR_RINGFENCE_GUARD_PATH
inside: elsewhere ERR_ACCESS_DENIED
inside: upload text/plain true
inside: temporary 1 0
inside: program 0 through a keeper
inside: other program ENOENT
inside: own program EACCES
---
[fs]
read = ["${suite}", "${suite}/../../crates/node/npm"]
write = ["${scratch}"]
[net]
connect = ["api.internal:${http}"]
hosts = { "api.internal" = "127.0.0.1" }
[process]
children = ["${cat}"]
addons = [{ package = "ringfence", sha256 = "${addon}" }]
*/
import { acceptUpload, dispatcher, Root, run, safeFetch, setGlobalDispatcher, temporaryFolder } from '../../../crates/node/npm/guard.mjs';

const { NAME, OTHER, PEER, SCRATCH } = process.env;
const { http: port, cat, echo } = JSON.parse(PEER);
const code = (error) => (error.cause ?? error).code;
const inside = NAME !== 'localhost';
// Outside names resolve to private addresses, and that has to be said; inside they resolve to the
// broker's, which the boundary has judged.
const own = inside ? [] : [NAME, OTHER];
const allowed = { hosts: [`${NAME}:${port}`, `${OTHER}:${port}`], http: true, private: own };

setGlobalDispatcher(dispatcher(allowed));
const answer = await fetch(`http://${NAME}:${port}/path`, { method: 'POST', body: 'hello' });
console.log('fetch', answer.status, await answer.text());
console.log('safeFetch', (await safeFetch(`http://${NAME}:${port}/`, { allowed })).status);
console.log('guard', await fetch(`http://unlisted.test:${port}/`).then(() => 'reached', code));
const strict = dispatcher({ ...allowed, private: [] });
console.log('own address', await fetch(`http://${NAME}:${port}/`, { dispatcher: strict }).then(() => 'admitted', code));
console.log('boundary', await fetch(`http://${OTHER}:${port}/`).then(() => 'reached', (error) => `${code(error)} ${error.cause?.resource}`));

const root = new Root(SCRATCH);
await root.writeFile('file', 'dropped', { replace: true });
await root.writeFile('file', 'kept', { replace: true });
await root.mkdir('uploads').catch(() => {});
console.log('root', await root.readFile('file', 'utf8'), (await root.list()).filter(({ name }) => ['file', 'uploads'].includes(name)).map(({ kind }) => kind).join());
console.log('escape', await root.readFile('../../etc/passwd').catch(code));
console.log('elsewhere', await Promise.resolve().then(() => new Root('/usr/share')).then(() => 'reached', code));
const into = new Root(`${SCRATCH}/uploads`);
const { mediaType, name } = await acceptUpload(Buffer.from('an upload'), { accept: ['text/plain'], declared: 'text/plain', into });
console.log('upload', mediaType, (await into.readFile(name, 'utf8')) === 'an upload');
const folder = temporaryFolder({ parent: `${SCRATCH}/uploads` });
await folder.root.writeFile('a', 'x');
const before = (await into.list()).filter(({ kind }) => kind === 'folder').length;
folder.close();
console.log('temporary', before, (await into.list()).filter(({ kind }) => kind === 'folder').length);
const kept = await run(cat, [], { input: 'through a keeper' });
console.log('program', kept.code, `${kept.stdout}`);
console.log('other program', await run(echo, ['x']).then(() => 'reached', code));
// It is there and may be executed, but not by the service: what is started by its descriptor is judged too.
console.log('own program', await run(process.execPath, ['-p', '1'], { code: true }).then(() => 'reached', code));
process.exit();
