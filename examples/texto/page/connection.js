// The way to the server: a WebSocket that is made again whenever it is lost, and asked for a sign of
// life when it has been silent. It knows of frames only `connection`, which ends the making.
//
// on_state({state, retry_at}): "connecting", "open", "waiting" (until retry_at), "stopped".
// on_open(own id), on_frame({id, kind, data}) as they come.

import { make_backoff } from "./backoff.js";
import { new_id } from "./ids.js";
import { make_frame, read_frame } from "./protocol.js";

const silence = 25000;
const patience = 10000;
// A connection that lasted so long was a good one: the next is tried soon.
const good_age = 5000;

export function make_connection({
  make_socket,
  on_state = () => {},
  on_open = () => {},
  on_frame = () => {},
  backoff = make_backoff(),
  clock = {
    now: () => Date.now(),
    set: (milliseconds, call) => setTimeout(call, milliseconds),
    clear: (timer) => clearTimeout(timer),
  },
}) {
  let socket = null;
  let state = "stopped";
  let own_id = null;
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
    try {
      socket = make_socket();
    } catch {
      return retry();
    }
    const made = socket;
    // What an abandoned socket still says is about nothing any more.
    const if_current = (call) => (event) => {
      if (made === socket) call(event);
    };
    made.onmessage = if_current((event) => hear(event.data));
    made.onclose = if_current(retry);
    made.onerror = () => {};
    wait(patience, retry);
  }

  function hear(text) {
    wait(silence, probe);
    const frame = read_frame(text);
    if (frame === null) return;
    if (frame.kind !== "connection") return on_frame(frame);
    if (frame.data.client_id === own_id && state === "open") return;
    own_id = frame.data.client_id;
    opened_at = clock.now();
    state = "open";
    on_open(own_id);
    become("open");
  }

  /** Registration is answered by whoever lives; its answer changes nothing. */
  function probe() {
    if (state !== "open") return;
    send("registration", new_id());
    wait(patience, retry);
  }

  function retry() {
    if (state === "open" && clock.now() - opened_at >= good_age) backoff.reset();
    drop();
    const pause = backoff.next();
    become("waiting", clock.now() + pause);
    wait(pause, connect);
  }

  function drop() {
    clock.clear(timer);
    const old = socket;
    socket = null;
    own_id = null;
    if (old) old.close();
  }

  function send(kind, id, data) {
    if (state !== "open") return false;
    socket.send(make_frame(own_id, id, kind, data));
    return true;
  }

  return {
    start() {
      if (state === "stopped") connect();
    },
    stop() {
      drop();
      become("stopped");
    },
    /** Somebody wants it now, or the network has come back. */
    try_now() {
      if (state === "waiting") connect();
    },
    probe,
    /** False if there is no connection. */
    send,
    is_open: () => state === "open",
  };
}
