// The socket.io server itself, doing what examples/socketio does: the tests that it passes say what is expected of
// bester. Its recovery window is in milliseconds; it serves the files of a folder, too.
// node socketio_reference_server.mjs FOLDER RECOVERY [FILES]: where packages are installed

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { basename, extname, join } from "node:path";

const [folder, recovery, files] = process.argv.slice(2);
const { Server } = createRequire(folder + "/")("socket.io");
const kinds = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

/** One folder, without folders in it. */
async function serve_file(request, response) {
  const name = basename(new URL(request.url, "http://localhost").pathname) || "index.html";
  try {
    const body = await readFile(join(files, name));
    response.writeHead(200, { "Content-Type": kinds[extname(name)] ?? "application/octet-stream" }).end(body);
  } catch {
    response.writeHead(404).end();
  }
}

const http = createServer(files ? serve_file : undefined);
const io = new Server(http, {
  maxHttpBufferSize: 1 << 20,
  cors: { origin: "https://app.example.org", credentials: true },
  ...(Number(recovery) > 0 ? { connectionStateRecovery: { maxDisconnectionDuration: Number(recovery) } } : {}),
});

const failed = (code, reason) => ({ error: { code, reason } });

function log_in(socket, next) {
  const { username, password } = socket.handshake.auth;
  if (username === undefined) {
    socket.data.name = socket.handshake.query.name ?? `guest ${socket.id.slice(0, 4)}`;
    return next();
  }
  if (password === `secret of ${username}`) {
    socket.data.user = socket.data.name = username;
    return next();
  }
  const error = new Error("authentication_failed");
  error.data = { code: "authentication_failed", reason: "wrong" };
  next(error);
}

const described = (socket) => ({ id: socket.id, user: socket.data.user ?? socket.id, name: socket.data.name });
const described_wholly = (socket) =>
  ({ ...described(socket), server: "home", rooms: [...socket.rooms].filter((room) => room !== socket.id) });
const here = () => [...io.of("/").sockets.values()];
const members = (room) => here().filter((each) => each.rooms.has(room));
const panel = io.of("/admin");

io.of("/").use(log_in);
panel.use(log_in);
panel.use((socket, next) => {
  if (socket.data.user === "tina") return next();
  const error = new Error("forbidden");
  error.data = { code: "forbidden", reason: "not for you" };
  next(error);
});

io.on("connection", (socket) => {
  const others = (room, event, what) => socket.to(room).emit(event, { room, from: described(socket), ...what });
  const presence = (room, is_here) =>
    socket.to(room).emit("presence", { room, who: described(socket), is_here, members: members(room).length - (is_here ? 0 : 1) });
  const in_room = (room, ack, then) => {
    if (!socket.rooms.has(room)) return ack?.(failed("not_in_room", `join ${room} first`));
    then();
  };
  if (!socket.recovered) {
    socket.emit("welcome", described_wholly(socket));
    panel.emit("online", described_wholly(socket));
  }
  socket.on("join room", (room, ack) => {
    if (!/^[\w-]{1,40}$/.test(room)) return ack(failed("bad_room", "a room's name"));
    const is_new = !socket.rooms.has(room);
    socket.join(room);
    if (is_new) presence(room, true);
    panel.emit("online", described_wholly(socket));
    ack({ room, members: members(room).map(described) });
  });
  socket.on("leave room", (room, ack) => in_room(room, ack, () => {
    presence(room, false);
    socket.leave(room);
    panel.emit("online", described_wholly(socket));
    ack({ room });
  }));
  socket.on("message", ({ room, text }, ack) => in_room(room, ack, () => {
    const time = Date.now();
    others(room, "message", { text, time });
    ack?.({ time });
  }));
  socket.on("image", ({ room, type, image }, ack) => in_room(room, ack, () => {
    const time = Date.now();
    others(room, "image", { type, image, time });
    ack?.({ time });
  }));
  socket.on("typing", (room) => in_room(room, null, () => others(room, "typing", {})));
  socket.on("whisper", ({ to, text }, ack) => {
    const found = io.of("/").sockets.get(to);
    if (!found) return ack(failed("nobody_there", "nobody has this id now"));
    found.emit("whisper", { from: described(socket), text });
    ack(described(found));
  });
  socket.on("disconnecting", () => {
    for (const room of socket.rooms) if (room !== socket.id) presence(room, false);
  });
  socket.on("disconnect", () => panel.emit("offline", { id: socket.id }));
});

panel.on("connection", (socket) => {
  socket.on("who is online", (ack) => ack(here().map(described_wholly)));
  socket.on("kick", ({ id, reason }, ack) => {
    const found = io.of("/").sockets.get(id);
    if (!found) return ack(failed("nobody_there", "nobody has this id now"));
    found.emit("bester", { notice: "disconnected", code: "disconnected", reason });
    found.disconnect();
    ack(described(found));
  });
});

http.listen(0, "127.0.0.1", () => console.log(http.address().port));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
