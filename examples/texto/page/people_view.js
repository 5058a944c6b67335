// The contacts, the newest first, and the form that adds one.

import { by_id, day_text, from_template, paint_avatar, set_text, set_time, time_text } from "./dom.js";
import { find_id, short_id } from "./ids.js";

export function make_people_view({ store, on_open }) {
  const rows = new Map();
  let open_key = null;

  function row_of(contact) {
    if (!rows.has(contact.key)) {
      const row = from_template("contact-row");
      row.querySelector("button").onclick = () => on_open(contact.key);
      rows.set(contact.key, row);
    }
    return rows.get(contact.key);
  }

  function last_words(contact) {
    if (contact.draft.trim() && contact.key !== open_key) return `Draft: ${contact.draft}`;
    const last = store.messages(contact.key).at(-1);
    if (!last) return `id ${short_id(contact.id)}…`;
    return (last.is_own ? "You: " : "") + last.text;
  }

  function show_row(contact) {
    const row = row_of(contact);
    const part = (name) => row.querySelector(name);
    paint_avatar(part(".avatar"), contact);
    set_text(part(".name"), contact.name);
    set_text(part(".last"), last_words(contact).slice(0, 120));
    const day = day_text(contact.time);
    set_time(part("time"), contact.time, day === "Today" ? time_text(contact.time) : day);
    part(".unread").hidden = contact.unread === 0;
    set_text(part(".unread"), contact.unread > 99 ? "99+" : String(contact.unread));
    part(".unread").setAttribute("aria-label", `${contact.unread} unread`);
    part("button").setAttribute("aria-current", contact.key === open_key ? "true" : "false");
    return row;
  }

  function show() {
    const contacts = store.contacts();
    const wanted = contacts.map(show_row);
    const list = by_id("contacts");
    // Moved only where the order has changed: whoever is on a row keeps the focus.
    wanted.forEach((row, index) => {
      if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
    });
    while (list.children.length > wanted.length) list.lastChild.remove();
    for (const key of rows.keys()) if (!store.contact(key) || store.key_now(key) !== key) rows.delete(key);
    by_id("no-contacts").hidden = contacts.length > 0;
    const unread = store.unread();
    document.title = unread > 0 ? `(${unread}) Texto` : "Texto";
  }

  function complain(text) {
    set_text(by_id("add-error"), text);
    by_id("add-error").hidden = text === "";
  }

  by_id("add").onsubmit = (event) => {
    event.preventDefault();
    const id = find_id(by_id("add-id").value);
    if (!id) return complain("There is no id in this. It looks like 1b4e28ba-2fa1-41d2-883f-0016d3cca427.");
    complain("");
    by_id("add-id").value = "";
    on_open((store.contact_with_id(id) ?? store.add_contact(id)).key);
  };
  by_id("add-id").oninput = () => complain("");

  return {
    show,
    mark_open(key) {
      open_key = key;
      show();
    },
    focus(key) {
      rows.get(key)?.querySelector("button").focus();
    },
  };
}
