// The socket.io server, as its documentation has it: what is held against bester's Socket.IO path.
// node socketio_server.mjs FOLDER: where packages are installed. Prints its port.

import { createServer } from "node:http";
import { createRequire } from "node:module";

const { Server } = createRequire(process.argv[2] + "/")("socket.io");
const http = createServer();
const io = new Server(http);

io.on("connection", (socket) => {
  socket.on("echo", (text, ack) => ack("echo", text));
});
http.listen(0, "127.0.0.1", 4096, () => console.log(http.address().port));
