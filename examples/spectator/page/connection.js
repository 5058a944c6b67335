// The way to the server: a WebSocket that is made again whenever it is lost, and asked for a sign of
// life when it has been silent. It knows nothing of what the frames say.
//
// on_state({state, retry_at}): "connecting", "open", "waiting" (until retry_at).
// on_open(), on_lost(), on_frame(frame) as they come; on_silence() shall make the server say something.

import { make_backoff } from "./backoff.js";

const silence = 25000;
const patience = 10000;
// A connection that lasted so long was a good one: the next is tried soon.
const good_age = 5000;

export function make_connection({
  make_socket,
  on_state,
  on_open,
  on_lost,
  on_frame,
  on_silence,
  backoff = make_backoff(),
  clock = {
    now: () => Date.now(),
    set: (milliseconds, call) => setTimeout(call, milliseconds),
    clear: (timer) => clearTimeout(timer),
  },
}) {
  let socket = null;
  let state = "waiting";
  let opened_at = 0;
  let timer = null;

  function become(next, retry_at = null) {
    state = next;
    on_state({ state, retry_at });
  }

  function wait(milliseconds, call) {
    clock.clear(timer);
    timer = clock.set(milliseconds, call);
  }

  function connect() {
    drop();
    become("connecting");
    const made = (socket = make_socket());
    // What an abandoned socket still says is about nothing any more.
    const if_current = (call) => (event) => {
      if (made === socket) call(event);
    };
    made.onopen = if_current(() => {
      opened_at = clock.now();
      wait(silence, probe);
      become("open");
      on_open();
    });
    made.onmessage = if_current((event) => {
      wait(silence, probe);
      const frame = read(event.data);
      if (frame) on_frame(frame);
    });
    made.onclose = if_current(retry);
    made.onerror = () => {};
    wait(patience, retry);
  }

  function read(text) {
    try {
      const frame = JSON.parse(text);
      return typeof frame === "object" && frame !== null && typeof frame.kind === "string" ? frame : null;
    } catch {
      return null;
    }
  }

  function probe() {
    if (state !== "open") return;
    wait(patience, retry);
    on_silence();
  }

  function retry() {
    const was_open = state === "open";
    if (was_open && clock.now() - opened_at >= good_age) backoff.reset();
    drop();
    const pause = backoff.next();
    become("waiting", clock.now() + pause);
    wait(pause, connect);
    if (was_open) on_lost();
  }

  function drop() {
    clock.clear(timer);
    const old = socket;
    socket = null;
    if (old) old.close();
  }

  return {
    start: connect,
    /** Ends this connection and makes another one. */
    restart() {
      const was_open = state === "open";
      connect();
      if (was_open) on_lost();
    },
    /** Somebody wants it now, or the network has come back. */
    try_now() {
      if (state === "waiting") connect();
    },
    probe,
    /** False if there is no connection. */
    send(frame) {
      if (state !== "open") return false;
      socket.send(JSON.stringify(frame));
      return true;
    },
  };
}
