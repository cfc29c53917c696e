// Runs JavaScript probes one after another and prints one line of JSON for each.
// `ACTS` and `PARAMS` are put in front by `prove`; nothing is loaded from a file.
const fs = require('node:fs');

class NotApplicable extends Error {}
class Absent extends NotApplicable {}

const params = new Proxy(PARAMS, {
  get(all, name) {
    const value = all[name];
    if (value === undefined) throw new NotApplicable(`no parameter ${String(name)}`);
    if (typeof value === 'object') throw new NotApplicable(value.why);
    return value;
  },
});

const refusal = (code, message) => Object.assign(new Error(message), { code });

const harness = {
  Absent,
  refusal,
  /** Takes a grant away through the control channel; without one there is nothing to attack. */
  drop(scope, reference) {
    const channel = Number(process.env.RINGFENCE_CONTROL);
    if (!channel) throw new Absent('this service has no control channel');
    fs.writeSync(channel, JSON.stringify({ v: 1, id: 1, op: 'drop', scope, reference }));
    const room = Buffer.alloc(8192);
    const answer = JSON.parse(room.toString('utf8', 0, fs.readSync(channel, room)));
    if (!answer.ok) throw new NotApplicable(`not dropped: ${answer.error?.code}, ${answer.error?.message}`);
  },
  /** The canary's number must not name a process of this namespace. */
  canary() {
    const stat = (() => {
      try {
        return fs.readFileSync(`/proc/${params.canary_pid}/stat`, 'utf8');
      } catch {
        return undefined;
      }
    })();
    if (stat === undefined) return;
    const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    if (start !== params.canary_start) throw refusal('ESRCH', 'the number names another process');
  },
  expect(text, success) {
    if (!text.startsWith(params.token)) throw refusal('other-content', 'not the canary');
    return success;
  },
  host: (address) => address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, ''),
  module(name) {
    try {
      return require(name);
    } catch (error) {
      if (error.code !== 'ERR_UNKNOWN_BUILTIN_MODULE' && error.code !== 'MODULE_NOT_FOUND') throw error;
      throw new Absent(`this Node has no ${name}`);
    }
  },
  pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  port: (address) => Number(address.slice(address.lastIndexOf(':') + 1)),
  async stream(socket) {
    try {
      const answer = new Promise((resolve, reject) => {
        socket.once('data', resolve);
        socket.once('error', reject);
        socket.once('close', () => reject(refusal('no-answer', 'closed without a word')));
      });
      return harness.expect(String(await harness.within(1000, answer)), 'read the canary');
    } finally {
      socket.destroy();
    }
  },
  within(milliseconds, promise) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(refusal('no-answer', 'nothing came')), milliseconds);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
  },
  async worker(body, env = {}) {
    const { Worker } = require('node:worker_threads');
    const source = `
      const { parentPort: parent, workerData: data } = require('node:worker_threads');
      try { ${body} } catch (error) { parent.postMessage({ code: error.code, message: error.message }); }
    `;
    const given = Object.entries(PARAMS).filter(([, value]) => typeof value === 'string');
    const worker = new Worker(source, {
      env,
      eval: true,
      execArgv: [],
      workerData: Object.fromEntries(given),
    });
    try {
      const answer = new Promise((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
      const message = await harness.within(2500, answer);
      if (typeof message === 'string') return `${message} in a worker`;
      throw refusal(message.code ?? 'no-effect', message.message ?? 'refused in the worker');
    } finally {
      await worker.terminate();
    }
  },
};

/** The code of an error, or of the error beneath it. */
function codeOf(error) {
  for (let at = error, depth = 0; at && depth < 5; at = at.cause, depth += 1) {
    const text = `${at.code ?? ''} ${at.message ?? ''}`;
    const found = /UVWASI_E[A-Z]+|ERR_ACCESS_DENIED/.exec(text);
    if (found) return found[0];
    if (typeof at.code === 'string') return at.code;
    if (at.errors?.length > 0) return codeOf(at.errors[0]);
  }
  return 'no-code';
}

/** An act that hangs was not refused: it must not look like one that waited in vain. */
class Late extends Error {}

function deadline(act) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Late()), 4000);
  });
  return Promise.race([act, late]).finally(() => clearTimeout(timer));
}

const print = (line) => fs.writeSync(1, `${JSON.stringify(line)}\n`);

async function run() {
  for (const [probe, act] of Object.entries(ACTS)) {
    try {
      const detail = await deadline(act(params, harness));
      print({ probe, outcome: 'succeeded', detail });
    } catch (error) {
      if (error instanceof Late) {
        print({ probe, outcome: 'timed-out', detail: 'still running at its deadline' });
      } else if (error instanceof NotApplicable) {
        const code = error instanceof Absent ? 'absent' : '';
        print({ probe, outcome: 'not-applicable', code, detail: error.message });
      } else {
        const detail = String(error?.message ?? error).split('\n')[0];
        print({ probe, outcome: 'failed', code: codeOf(error), detail });
      }
    }
  }
}

// An error that belongs to no probe any more must not end the rest.
process.on('uncaughtException', () => {});
run().finally(() => process.exit(0));
