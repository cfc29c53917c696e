/*
promise: a granted listener serves WebSocket connections
stop: SIGTERM
---
[net]
listen = ["127.0.0.1:${listen}"]
*/
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.env.LISTEN) });
server.on('connection', (socket) => socket.on('message', (data) => socket.send(`heard ${data}`)));
server.on('listening', () => console.log('ready {}'));
process.on('SIGTERM', () => server.close(() => console.log('closed')));
