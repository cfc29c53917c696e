/*
promise: WebSocket clients, the package ws and the built-in one, talk to a granted server
---
[net]
connect = ["127.0.0.1:${ws}"]
*/
import Ws from 'ws';

const { ws: port } = JSON.parse(process.env.PEER);

const talk = (Client) =>
  new Promise((resolve, reject) => {
    const socket = new Client(`ws://127.0.0.1:${port}`);
    socket.binaryType = 'arraybuffer';
    const heard = [];
    socket.onopen = () => {
      socket.send('text');
      socket.send(new Uint8Array(70_000).fill(7));
    };
    socket.onmessage = ({ data }) => {
      heard.push(typeof data === 'string' ? data : data.byteLength);
      if (heard.length === 2) socket.close(1000);
    };
    socket.onclose = ({ code }) => resolve(`${heard.join(' ')} closed ${code}`);
    socket.onerror = reject;
  });

console.log(await talk(Ws));
// Node 20 has it only behind a flag: the package stands in, so that the output is the same.
console.log(await talk(globalThis.WebSocket ?? Ws));
