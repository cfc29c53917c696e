import http from 'node:http';

const port = Number(process.env.LISTEN);
const keep = new http.Agent({ keepAlive: true, maxSockets: 4 });

function request(agent, method, path, body) {
  return new Promise((resolve, reject) => {
    const outgoing = http.request({ host: '127.0.0.1', port, method, path, agent }, async (incoming) => {
      let text = '';
      for await (const part of incoming) text += part;
      resolve(text);
    });
    outgoing.on('error', reject).end(body);
  });
}

for (const agent of [keep, undefined]) {
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, i) => request(agent, 'POST', `/${i}`, 'x'.repeat(i * 100))),
  );
  console.log(answers.every((text, i) => text === `POST /${i} ${i * 100}`));
}
keep.destroy();
