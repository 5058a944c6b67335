// What is sent, what comes, and what it does to the conversations.

import { span_text } from "./dom.js";
import { image_url } from "./images.js";

const typing_lasts = 4000;

export function make_chat({ store, is_in_sight, on_trouble }) {
  let connection = null;
  let me = null;
  let typed_at = 0;

  const note = (text) => store.all().forEach(({ key }) => store.add(key, { note: text, time: Date.now() }, true));

  async function join(room) {
    const is_new = !store.get(room);
    try {
      const { members } = await connection.ask("join room", room);
      const it = store.open_room(room);
      it.members = new Map(members.map((who) => [who.id, who]));
      store.tell();
      return true;
    } catch (error) {
      on_trouble(is_new ? error.message : `${room}: ${error.message}`);
      return false;
    }
  }

  function heard({ room, from, ...what }) {
    const it = store.get(room);
    if (!it) return;
    it.typing.delete(from.id);
    store.add(room, { from, state: "received", ...what }, is_in_sight(room));
  }

  const events = {
    welcome(told) {
      me = told;
    },
    message: heard,
    image: ({ type, image, ...more }) => heard({ ...more, url: image_url({ type, image }) }),
    typing({ room, from }) {
      const it = store.get(room);
      if (!it) return;
      it.typing.set(from.id, { name: from.name, until: Date.now() + typing_lasts });
      store.tell();
      setTimeout(store.tell, typing_lasts + 50);
    },
    presence({ room, who, is_here }) {
      const it = store.get(room);
      if (!it) return;
      if (is_here) it.members.set(who.id, who);
      else it.members.delete(who.id), it.typing.delete(who.id);
      store.add(room, { note: `${who.name} ${is_here ? "came" : "left"}`, time: Date.now() }, true);
    },
    whisper({ from, text }) {
      const { key } = store.open_whispers(from);
      store.add(key, { from, text, time: Date.now(), state: "received" }, is_in_sight(key));
    },
  };

  /** `send` resolves when the server has it. */
  async function deliver(message, send) {
    message.state = "waiting";
    message.again = () => deliver(message, send);
    store.tell();
    try {
      message.time = (await send()).time ?? message.time;
      message.state = "sent";
    } catch (error) {
      message.state = "failed";
      message.why = error.message;
    }
    store.tell();
  }

  return {
    use: (made) => (connection = made),
    me: () => me,
    join,
    event: (name, value) => events[name]?.(value),
    async leave(key) {
      if (store.get(key)?.is_room) connection.ask("leave room", key).catch(() => {});
      store.close(key);
    },
    send_text(key, text) {
      const it = store.get(key);
      typed_at = 0;
      const message = store.add(key, { is_own: true, text, time: Date.now(), state: "waiting" }, true);
      deliver(message, () => (it.is_room ? connection.ask("message", { room: key, text })
                                         : connection.ask("whisper", { to: key.slice(1), text })));
    },
    send_image(key, picture) {
      const message = store.add(key, { is_own: true, url: image_url(picture), time: Date.now(), state: "waiting" }, true);
      deliver(message, () => connection.ask("image", { room: key, ...picture }));
    },
    typed(key) {
      if (!store.get(key)?.is_room || Date.now() - typed_at < typing_lasts / 2) return;
      typed_at = Date.now();
      connection.tell("typing", key);
    },
    /** The first time, or again: then it is said whether anything was missed. */
    async opened({ is_recovered, away }) {
      if (is_recovered) return note(`Back after ${span_text(away)}. Nothing was missed.`);
      const rooms = away === null ? store.kept_rooms() : store.rooms();
      if (away !== null) note(`Back after ${span_text(away)}, as somebody new: what was said meanwhile is not here.`);
      for (const room of rooms) await join(room);
    },
  };
}
