// Between the store and the connection: what is to be sent is sent and sent again until the server has
// acknowledged it, what comes is kept. A message keeps its id over all attempts, so its sender sees it
// once, whatever becomes of the connection.

import { new_id } from "./ids.js";

// So many wait for their ack at once; more would only fill queues on the way.
const most_on_the_way = 32;

const words = {
  ENOENT: "Nobody has this id now",
  EINVAL: "The server does not take this text",
};

export function make_chat({ store, connection, now = () => Date.now(), on_trouble = () => {} }) {
  const on_the_way = new Map(); // frame ids: keys of their contacts

  function flush() {
    if (!connection.is_open()) return;
    for (const { key, message } of store.unsent()) {
      if (on_the_way.size >= most_on_the_way) return;
      if (on_the_way.has(message.id)) continue;
      const receiver_id = store.contact(key).id;
      if (!connection.send("send", message.id, { receiver_id, text: message.text })) return;
      on_the_way.set(message.id, key);
    }
  }

  function settle(id, change) {
    const key = on_the_way.get(id);
    on_the_way.delete(id);
    if (key === undefined) return false;
    store.change_message(store.key_now(key), id, change);
    flush();
    return true;
  }

  const take = {
    ack(frame) {
      settle(frame.id, { state: "sent" });
    },
    error(frame) {
      const { code, description = "" } = frame.data;
      const why = words[code] ?? `${code}: ${description}`;
      if (!settle(frame.id, { state: "failed", why })) on_trouble(why);
    },
    receive(frame) {
      const { sender_id, text } = frame.data;
      const contact = store.contact_with_id(sender_id) ?? store.add_contact(sender_id, { is_stranger: true });
      store.add_message(contact.key, { id: frame.id, is_own: false, text, time: now(), state: "received" });
      connection.send("ack", frame.id);
    },
  };

  return {
    /** For the connection: it stands, under this id. */
    opened(own_id) {
      on_the_way.clear();
      store.set_own_id(own_id);
      flush();
    },
    frame(frame) {
      take[frame.kind]?.(frame);
    },
    send(key, text) {
      store.add_message(key, { id: new_id(), is_own: true, text, time: now(), state: "waiting" });
      flush();
    },
    try_again(key, id) {
      store.change_message(key, id, { state: "waiting", why: undefined });
      flush();
    },
    /** Tells everybody who was written to that the id is a new one. Returns how many. */
    tell_own_id() {
      const keys = store.known_keys();
      for (const key of keys) this.send(key, `My Texto id is now ${store.own_id()}`);
      return keys.length;
    },
  };
}
