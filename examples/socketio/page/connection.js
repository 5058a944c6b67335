// The way to the server: one socket of the unmodified client, and what became of it in words.
//
// on_state({state, words}): "connecting", "open", "waiting", "sent away".
// on_open({is_recovered, away}): `away` in milliseconds, null at the first time.

import { span_text } from "./dom.js";

const patience = 10000;

export function make_connection({ name, on_state, on_open, on_event }) {
  // Beside the page, wherever that is.
  const path = new URL("socket.io/", location.href).pathname;
  // eslint-disable-next-line no-undef -- `io` is what socket.io.min.js brings
  const socket = io(location.origin, { path, query: { name }, reconnectionDelay: 500, reconnectionDelayMax: 5000 });
  let lost_at = null;
  let farewell = null;

  const way = () => (socket.io.engine.transport.name === "websocket" ? "WebSocket" : "long-polling");
  const show_open = () => on_state({ state: "open", words: `Connected by ${way()}` });

  socket.on("connect", () => {
    const away = lost_at === null ? null : Date.now() - lost_at;
    lost_at = farewell = null;
    show_open();
    socket.io.engine.once("upgrade", show_open);
    on_open({ is_recovered: socket.recovered, away });
  });
  socket.on("disconnect", (reason) => {
    lost_at = Date.now();
    if (reason === "io server disconnect") on_state({ state: "sent away", words: farewell ?? "The server has closed the connection" });
    else on_state({ state: "waiting", words: "No connection. Trying again…" });
  });
  socket.on("connect_error", (error) => {
    const why = error.data?.reason ?? error.data?.code;
    // What the server refuses is not tried again by itself, a way that is not there is.
    if (socket.active) on_state({ state: "waiting", words: "No connection. Trying again…" });
    else on_state({ state: "sent away", words: `Not let in: ${why ?? error.message}` });
  });
  socket.on("bester", (note) => {
    if (note.notice === "disconnected") farewell = `You were sent away${note.reason ? `: ${note.reason}` : ""}`;
  });
  socket.onAny((event, ...values) => {
    if (event !== "bester") on_event(event, values[0]);
  });
  // A page that is closed says farewell; a connection that is merely lost is kept for a while.
  addEventListener("pagehide", (event) => event.persisted || socket.disconnect());
  on_state({ state: "connecting", words: "Connecting…" });

  return {
    id: () => socket.id,
    is_open: () => socket.connected,
    /** Resolves to the answer; fails with an error whose message is for people. */
    async ask(event, value) {
      let answer;
      try {
        answer = await socket.timeout(patience).emitWithAck(event, value);
      } catch {
        throw new Error(socket.connected ? "The server did not answer" : "The connection broke first; it may have arrived");
      }
      if (answer?.error) throw Object.assign(new Error(answer.error.reason || answer.error.code), { code: answer.error.code });
      return answer;
    },
    /** Not worth being sent later. */
    tell: (event, value) => socket.volatile.emit(event, value),
    come_back: () => socket.connect(),
    away_words: (away) => span_text(away),
  };
}
