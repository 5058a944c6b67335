// The left column: the state of the connection in words, the conversations, and the form to join a room.

import { by_id, from_template, paint_avatar, set_text } from "./dom.js";

export function make_people_view({ store, on_open, on_join, on_come_back }) {
  const rows = new Map();
  let open_key = null;

  function last_words({ messages, draft, key }) {
    if (draft.trim() && key !== open_key) return `Draft: ${draft}`;
    const last = messages.at(-1);
    if (!last) return "Nothing was said yet";
    if (last.note) return last.note;
    return `${last.is_own ? "You" : last.from.name}: ${last.url ? "a picture" : last.text}`;
  }

  function show_row(it) {
    if (!rows.has(it.key)) {
      const made = from_template("contact-row");
      made.querySelector("button").onclick = () => on_open(it.key);
      rows.set(it.key, made);
    }
    const row = rows.get(it.key);
    const part = (name) => row.querySelector(name);
    paint_avatar(part(".avatar"), it.name, it.is_room);
    set_text(part(".name"), it.name);
    set_text(part(".last"), last_words(it).slice(0, 120));
    part(".unread").hidden = it.unread === 0;
    set_text(part(".unread"), it.unread > 99 ? "99+" : String(it.unread));
    part(".unread").setAttribute("aria-label", `${it.unread} unread`);
    part("button").setAttribute("aria-current", it.key === open_key ? "true" : "false");
    return row;
  }

  function show() {
    const conversations = store.all().sort((a, b) => b.time - a.time);
    const list = by_id("contacts");
    conversations.map(show_row).forEach((row, index) => {
      if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
    });
    while (list.children.length > conversations.length) list.lastChild.remove();
    for (const key of rows.keys()) if (!store.get(key)) rows.delete(key);
    by_id("no-contacts").hidden = conversations.length > 0;
    const unread = store.unread();
    document.title = unread > 0 ? `(${unread}) Rooms` : "Rooms";
  }

  function complain(text) {
    set_text(by_id("add-error"), text);
    by_id("add-error").hidden = text === "";
  }

  by_id("add").onsubmit = (event) => {
    event.preventDefault();
    const room = by_id("add-room").value.trim().replace(/^#/, "").replace(/\s+/g, "-");
    if (!/^[\w-]{1,40}$/.test(room)) return complain("A room's name has letters, digits, - and _, at most 40.");
    complain("");
    by_id("add-room").value = "";
    on_join(room);
  };
  by_id("add-room").oninput = () => complain("");
  by_id("come-back").onclick = on_come_back;

  return {
    show,
    show_name: (name) => set_text(by_id("own-name"), name),
    show_state({ state, words }) {
      by_id("state").dataset.state = state;
      set_text(by_id("state-words"), words);
      by_id("come-back").hidden = state !== "sent away";
      set_text(by_id("with-state"), words);
      by_id("with-state").hidden = state === "open";
      by_id("with-members").hidden = state !== "open";
    },
    mark_open(key) {
      open_key = key;
      show();
    },
    focus: (key) => rows.get(key)?.querySelector("button").focus(),
  };
}
