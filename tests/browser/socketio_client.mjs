// The real socket.io-client, for tests that are written in Python (tests/support/socketio.py).
// node socketio_client.mjs FOLDER: where packages are installed
//
// What comes to a socket is asked for one after the other: {event: "connect", id, recovered, transport},
// {event: "connect_error", message, data}, {event: "disconnect", reason, details}, {event: name, arguments}. Bytes are
// {"_binary": "<base64>"} in both directions.

import { createRequire } from "node:module";
import { serve_lines } from "./lines.mjs";
import { as_bytes, as_text } from "./socketio_bytes.mjs";

const [folder] = process.argv.slice(2);
const require_installed = createRequire(folder + "/");
const { Manager } = require_installed("socket.io-client");
const managers = [];
const sockets = [];

/** What comes waits until it is asked for. `wanted`: names of events; others are kept for later. */
function make_inbox() {
  const events = [];
  const waiting = new Set();
  const take = (wanted) => {
    const index = events.findIndex(({ event }) => wanted === null || wanted.includes(event));
    return index < 0 ? undefined : events.splice(index, 1)[0];
  };
  return {
    tell(event) {
      events.push(event);
      for (const each of waiting) each();
    },
    next(limit, wanted = null) {
      return new Promise((resolve, reject) => {
        const attempt = () => {
          const event = take(wanted);
          if (event === undefined) return;
          finish();
          resolve(event);
        };
        const timer = setTimeout(() => {
          finish();
          reject(new Error(`no ${wanted ?? "event"} within ${limit} ms, but ${JSON.stringify(events).slice(0, 500)}`));
        }, limit);
        const finish = () => {
          clearTimeout(timer);
          waiting.delete(attempt);
        };
        waiting.add(attempt);
        attempt();
      });
    },
    /** All that have come, without waiting. */
    drain: () => events.splice(0),
  };
}

function enter(manager, namespace, auth) {
  const socket = manager.socket(namespace, { auth });
  const inbox = make_inbox();
  socket.on("connect", () =>
    inbox.tell({ event: "connect", id: socket.id, recovered: socket.recovered === true, transport: manager.engine.transport.name }));
  socket.on("connect_error", (error) =>
    inbox.tell({ event: "connect_error", message: error.message, data: error.data ?? null, status: error.description?.status ?? error.context?.status ?? null }));
  socket.on("disconnect", (reason, details) => inbox.tell({ event: "disconnect", reason }));
  socket.onAny((event, ...values) => {
    // With recovery the client shows the offset to whoever listens, too.
    const offset = socket._pid && typeof values.at(-1) === "string" ? values.pop() : null;
    inbox.tell({ event, arguments: as_text(values), offset });
  });
  if (!socket.active) socket.connect();
  return sockets.push({ socket, manager, inbox }) - 1;
}

await serve_lines({
  /** Options of socket.io-client; `namespace` and `auth` are the first socket's. */
  open(url, { namespace = "/", auth = {}, ...options } = {}) {
    const manager = new Manager(url, { autoConnect: true, forceNew: true, ...options });
    managers.push(manager);
    return enter(manager, namespace, auth);
  },
  /** One more namespace on the same connection. */
  open_namespace: (number, namespace, auth = {}) => enter(sockets[number].manager, namespace, auth),
  next: (number, limit, wanted) => sockets[number].inbox.next(limit, wanted),
  drain: (number) => sockets[number].inbox.drain(),
  emit(number, event, ...values) {
    sockets[number].socket.emit(event, ...as_bytes(values));
  },
  /** Many of one event, in order, without waiting. */
  emit_many(number, event, list) {
    for (const value of list) sockets[number].socket.emit(event, as_bytes(value));
  },
  /** What the acknowledgement says, all its arguments. */
  ask: (number, limit, event, ...values) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${event} was not acknowledged within ${limit} ms`)), limit);
      sockets[number].socket.emit(event, ...as_bytes(values), (...answer) => {
        clearTimeout(timer);
        resolve(as_text(answer));
      });
    }),
  state(number) {
    const { socket, manager } = sockets[number];
    return { connected: socket.connected, active: socket.active, id: socket.id ?? null, recovered: socket.recovered,
             transport: manager.engine?.transport?.name ?? null, engine_id: manager.engine?.id ?? null };
  },
  /** Until the connection has moved to WebSocket. */
  upgraded(number, limit) {
    const { engine } = sockets[number].manager;
    if (engine.transport.name === "websocket" && !engine.upgrading) return "websocket";
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no upgrade within ${limit} ms`)), limit);
      engine.once("upgrade", (transport) => {
        clearTimeout(timer);
        resolve(transport.name);
      });
    });
  },
  /** Takes the connection away from under the socket, as a network does. */
  cut(number) {
    const { engine } = sockets[number].manager;
    const { ws } = engine.transport;
    if (ws) ws.terminate();
    else engine.transport.onClose();
  },
  disconnect(number) {
    sockets[number].socket.disconnect();
  },
  /** With all namespaces, and the connection. */
  leave(number) {
    sockets[number].manager.reconnection(false);
    sockets[number].manager._close();
  },
  connect(number) {
    sockets[number].socket.connect();
  },
  /** For what is said in the next log-in. */
  set_auth(number, auth) {
    sockets[number].socket.auth = auth;
  },
});
for (const manager of managers) {
  manager.reconnection(false);
  manager._close();
}
process.exit(0);
