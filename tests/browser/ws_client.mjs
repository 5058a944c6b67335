// Clients of Node's `ws`, for tests that are written in Python.
// node ws_client.mjs FOLDER: where packages are installed

import { createRequire } from "node:module";
import { serve_lines } from "./lines.mjs";
import { make_socket } from "./page/make_socket.js";

const [folder] = process.argv.slice(2);
const { WebSocket } = createRequire(folder + "/")("ws");
const sockets = [];

await serve_lines({
  open_socket: (url, protocols) => sockets.push(make_socket(WebSocket, url, protocols)) - 1,
  next: (number, limit) => sockets[number].next(limit),
  send: (number, text) => sockets[number].send(text),
  send_bytes: (number, count) => sockets[number].send_bytes(count),
  close: (number, code, reason) => sockets[number].close(code, reason),
  /** Resolves to what the pong brought back. */
  ping: (number, text) =>
    new Promise((resolve) => {
      sockets[number].socket.once("pong", (body) => resolve(body.toString()));
      sockets[number].socket.ping(text);
    }),
  /** One message in as many frames as there are pieces. */
  send_pieces(number, pieces) {
    pieces.forEach((piece, index) => sockets[number].socket.send(piece, { fin: index === pieces.length - 1 }));
  },
});
for (const { socket } of sockets) socket.terminate();
