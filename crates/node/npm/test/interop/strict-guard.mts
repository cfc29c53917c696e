// Compiled, never run: how a program uses the guards of `ringfence/guard`.
import * as guard from 'ringfence/guard';
import { acceptUpload, dispatcher, GuardError, integer, oneOf, outbound, parseJson, query, Root, run, safeFetch, spawn, temporaryFolder, userData, Webhook } from 'ringfence/guard';

export async function use(): Promise<void> {
  const root = new Root('/srv/uploads');
  const text: string = await root.readFile('a.txt', 'utf8');
  const bytes: Buffer = await root.readFile('a.txt');
  const handle = await root.open('a.txt');
  await handle.close();
  const value: unknown = parseJson(bytes, { depth: 8, maxBytes: 1000 });
  const read = query({ ids: { array: true, most: 3, parse: integer() }, order: { parse: oneOf(['asc', 'desc']), required: true }, q: 'once' });
  const { ids, order, q } = read('q=a');
  const numbers: number[] = ids;
  const direction: 'asc' | 'desc' = order;
  const perhaps: string | undefined = q;
  const agent = dispatcher({ hosts: ['api.stripe.com'] }, { maxBytes: 1000 });
  const response: Response = await safeFetch('https://api.stripe.com/', { dispatcher: agent, method: 'POST' });
  const url: URL = outbound(new Set(['api.stripe.com'])).parse('https://api.stripe.com/');
  const child = spawn('/usr/bin/convert', [userData('in.png'), 'out.png'], { shell: false, stdio: ['ignore', 'pipe', 'pipe'] });
  const { code } = await child.finished;
  const { stdout } = await run('/bin/cat', [], { input: 'x' });
  const ended = await run('/usr/bin/node', ['-p', '1'], { code: true, limits: { memory: 2 ** 30 }, signal: AbortSignal.timeout(1000) });
  const folder = temporaryFolder({ parent: '/var/tmp' });
  await folder.root.writeFile('a', stdout, { replace: true });
  const kinds: ('file' | 'folder' | 'link' | 'other')[] = (await root.list('in')).map(({ kind }) => kind);
  const kept = await acceptUpload(child.stdout!, { accept: ['image/png'], clamd: '/run/clamd.sock', declared: 'image/png', into: folder.root });
  const name: string = kept.name;
  await acceptUpload(response.body!, { accept: ['image/png'], declared: 'image/png', into: root });
  folder.close();
  // @ts-expect-error: a program under the keeper has no streams
  await run('/bin/ls', [], { stdio: 'pipe' });
  // @ts-expect-error: a folder is opened as a Root first
  await acceptUpload(stdout, { accept: ['image/png'], declared: 'image/png', into: '/srv' });
  const accepted = await new Webhook({ scheme: 'stripe', secrets: ['whsec'] }).verify({}, stdout);
  if (new Error() instanceof GuardError) guard.parseUserId(accepted.id);
  // @ts-expect-error: there is no shell
  spawn('/bin/ls', [], { shell: true });
  // @ts-expect-error: verification stays on
  dispatcher({ hosts: [] }, { tls: { rejectUnauthorized: false } });
  console.log(text, value, numbers, direction, perhaps, response, url, code, ended.signal, kinds, name);
}
