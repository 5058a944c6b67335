// The conversations: rooms, and whispers with somebody. Kept while the page is open; only the own name and the rooms
// one is in are kept longer. Pure but for the storage it is given.

const most_messages = 500;
const prefix = "socketio-chat.";

export function make_store(storage) {
  const conversations = new Map();
  const listeners = [];
  let last = 0;

  const load = (name, otherwise) => {
    try {
      return JSON.parse(storage.getItem(prefix + name)) ?? otherwise;
    } catch {
      return otherwise;
    }
  };
  const save = (name, value) => {
    try {
      storage.setItem(prefix + name, JSON.stringify(value));
    } catch {
      // A browser that keeps nothing: all works until the page is closed.
    }
  };
  const tell = () => listeners.forEach((each) => each());
  const rooms = () => [...conversations.values()].filter(({ is_room }) => is_room).map(({ key }) => key);

  function open(key, name, is_room) {
    if (!conversations.has(key))
      conversations.set(key, { key, name, is_room, messages: [], members: new Map(), typing: new Map(), unread: 0, draft: "", time: ++last });
    if (is_room) save("rooms", rooms());
    tell();
    return conversations.get(key);
  }

  return {
    listen: (call) => listeners.push(call),
    tell,
    name: () => load("name", ""),
    set_name: (name) => save("name", name),
    kept_rooms: () => load("rooms", []),
    open_room: (name) => open(name, name, true),
    /** Whoever it is has an id, under which they can be whispered to. */
    open_whispers: (who) => open(`@${who.id}`, who.name, false),
    close(key) {
      for (const message of conversations.get(key)?.messages ?? []) if (message.url) URL.revokeObjectURL(message.url);
      conversations.delete(key);
      save("rooms", rooms());
      tell();
    },
    get: (key) => conversations.get(key),
    all: () => [...conversations.values()],
    rooms,
    unread: () => [...conversations.values()].reduce((sum, { unread }) => sum + unread, 0),
    /** `message`: {from, text or url, time, state}; or {note} of something that happened. Returns it, to be changed. */
    add(key, message, is_seen) {
      const it = conversations.get(key);
      if (!it) return null;
      message.number = ++last;
      it.messages.push(message);
      it.time = last;
      if (it.messages.length > most_messages) {
        const [gone] = it.messages.splice(0, 1);
        if (gone.url) URL.revokeObjectURL(gone.url);
      }
      if (!is_seen && !message.note) it.unread++;
      tell();
      return message;
    },
  };
}
