const socket = new WebSocket(`ws://127.0.0.1:${process.env.LISTEN}`);
socket.onopen = () => socket.send('hello');
socket.onmessage = ({ data }) => {
  console.log(data);
  socket.close();
};
socket.onerror = ({ message }) => console.log('error', message);
