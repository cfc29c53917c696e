const net = require('net');
const once = (socket) =>
  new Promise((resolve, reject) => {
    socket.on('error', reject).on('connect', () => resolve(socket.destroy()));
  });
exports.connect = (port) => once(net.connect(port, 'localhost'));
exports.joins = (path) => once(net.connect(path));
