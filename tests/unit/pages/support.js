// What the page's modules are given in a browser: storage, sockets and a clock, here made by hand.

import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto; // Debian 12's node has it under another name only

/** localStorage; `room` letters of values fit in. */
export function make_area(room = Infinity) {
  const kept = new Map();
  return {
    kept,
    getItem: (name) => kept.get(name) ?? null,
    setItem(name, value) {
      const others = [...kept].reduce((sum, [key, text]) => sum + (key === name ? 0 : text.length), 0);
      if (others + value.length > room) throw new Error("QuotaExceededError");
      kept.set(name, value);
    },
    removeItem: (name) => kept.delete(name),
  };
}

export function make_clock() {
  let now = 0;
  let timers = [];
  return {
    now: () => now,
    set(milliseconds, call) {
      const timer = { at: now + milliseconds, call };
      timers.push(timer);
      return timer;
    },
    clear: (timer) => (timers = timers.filter((each) => each !== timer)),
    pass(milliseconds) {
      const end = now + milliseconds;
      for (;;) {
        const [next] = timers.filter((each) => each.at <= end).sort((a, b) => a.at - b.at);
        if (!next) break;
        now = next.at;
        this.clear(next);
        next.call();
      }
      now = end;
    },
    count: () => timers.length,
  };
}

/** Sockets as the connection makes them; `frames` is what was sent on one. */
export function make_network() {
  const sockets = [];
  return {
    sockets,
    last: () => sockets.at(-1),
    make_socket() {
      const socket = {
        frames: [],
        is_closed: false,
        send: (text) => socket.frames.push(JSON.parse(text)),
        close: () => (socket.is_closed = true),
        say: (kind, id, data) => socket.onmessage({ data: JSON.stringify({ client_id: "x", id, kind, data }) }),
        greet: (client_id) => socket.say("connection", "g", { client_id }),
        break: () => socket.onclose({}),
      };
      sockets.push(socket);
      return socket;
    },
  };
}
