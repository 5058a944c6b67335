// Contacts, conversations and drafts: kept in the browser, so that a reload or an outage loses nothing.
// All of it is bounded. Listeners hear ("contacts" | "messages" | "own", key).
//
// A contact: {key, id, name, is_stranger, unread, time, draft}. Its id may change, its key does not.
// A message: {id, is_own, text, time, state, why}; its state is "waiting", "sent" (the server has it),
// "failed" or "received".

import { new_id, short_id } from "./ids.js";

const most_messages = 500;
const most_contacts = 200;

const is_waiting = (message) => message.state === "waiting";

/** Without the oldest, if there are too many; what has not been sent is kept. */
function bounded(messages, most) {
  let surplus = messages.length - most;
  return surplus <= 0 ? messages : messages.filter((message) => is_waiting(message) || surplus-- <= 0);
}

export function make_store(storage) {
  const contacts = new Map(storage.load("contacts", []).map((contact) => [contact.key, contact]));
  const conversations = new Map();
  const moved = new Map(); // keys of contacts that have become another one
  const listeners = new Set();
  let own = storage.load("own", { id: null, is_new: false });

  function tell(what, key) {
    for (const listener of listeners) listener(what, key);
  }

  function save_contacts(key) {
    storage.save("contacts", [...contacts.values()]);
    tell("contacts", key);
  }

  function messages(key) {
    if (!conversations.has(key)) conversations.set(key, storage.load("messages." + key, []));
    return conversations.get(key);
  }

  function save_messages(key, list) {
    let kept = bounded(list, most_messages);
    // A full store makes room by forgetting the older half of this conversation.
    while (!storage.save("messages." + key, kept) && kept.length > 20) kept = bounded(kept, kept.length >> 1);
    conversations.set(key, kept);
    tell("messages", key);
  }

  function remove(key) {
    contacts.delete(key);
    conversations.delete(key);
    storage.remove("messages." + key);
  }

  /** Strangers can write to anybody: the oldest of them makes room for the next. */
  function make_room() {
    if (contacts.size < most_contacts) return;
    const oldest = [...contacts.values()].sort((a, b) => b.is_stranger - a.is_stranger || a.time - b.time)[0];
    remove(oldest.key);
  }

  const store = {
    listen: (listener) => listeners.add(listener),

    own_id: () => own.id,
    own_id_is_new: () => own.is_new,
    set_own_id(id) {
      if (id === own.id) return;
      own = { id, is_new: own.id !== null };
      storage.save("own", own);
      tell("own");
    },
    own_id_is_known() {
      own = { ...own, is_new: false };
      storage.save("own", own);
      tell("own");
    },

    contact: (key) => contacts.get(store.key_now(key)),
    /** The contact that this one has become. */
    key_now: (key) => (moved.has(key) ? store.key_now(moved.get(key)) : key),
    contact_with_id: (id) => [...contacts.values()].find((contact) => contact.id === id),
    /** The one last written with comes first. */
    contacts: () => [...contacts.values()].sort((a, b) => b.time - a.time),
    /** Those whom one has written to or named. */
    known_keys: () => [...contacts.values()].filter((contact) => !contact.is_stranger).map((contact) => contact.key),
    unread: () => [...contacts.values()].reduce((sum, contact) => sum + contact.unread, 0),

    add_contact(id, { name = "", is_stranger = false, time = Date.now() } = {}) {
      make_room();
      const contact = { key: new_id(), id, name: name || short_id(id), is_stranger, unread: 0, time, draft: "" };
      contacts.set(contact.key, contact);
      save_contacts(contact.key);
      return contact;
    },
    change_contact(key, change) {
      const contact = contacts.get(key);
      if (!contact) return;
      Object.assign(contact, change);
      save_contacts(key);
    },
    remove_contact(key) {
      remove(key);
      save_contacts(key);
    },
    /** `key` is the person who was known as `into`: one conversation, the newer id, the older name. */
    merge(key, into) {
      const from = contacts.get(key);
      const to = contacts.get(into);
      const all = [...messages(into), ...messages(key)].sort((a, b) => a.time - b.time);
      Object.assign(to, { id: from.id, is_stranger: false, time: Math.max(from.time, to.time), unread: to.unread + from.unread });
      remove(key);
      moved.set(key, into);
      save_messages(into, all);
      save_contacts(into);
    },

    messages,
    /** A message that is there already is not added again. */
    add_message(key, message) {
      const list = messages(key);
      if (list.some((each) => each.id === message.id)) return;
      const contact = contacts.get(key);
      if (!message.is_own) contact.unread += 1;
      else contact.is_stranger = false;
      contact.time = message.time;
      save_messages(key, [...list, message]);
      save_contacts(key);
    },
    change_message(key, id, change) {
      if (!contacts.has(key)) return;
      save_messages(key, messages(key).map((each) => (each.id === id ? { ...each, ...change } : each)));
    },
    /** In the order in which they were written. */
    unsent() {
      const found = [];
      for (const key of contacts.keys())
        for (const message of messages(key)) if (is_waiting(message)) found.push({ key, message });
      return found.sort((a, b) => a.message.time - b.message.time);
    },
  };
  return store;
}
