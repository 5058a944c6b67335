// Who is in a room; whom to whisper to.

import { by_id, from_template, paint_avatar, set_text } from "./dom.js";

export function make_members_dialog({ store, own_id, on_whisper }) {
  const dialog = by_id("members-dialog");

  function row_of(who) {
    const row = from_template("member-row");
    paint_avatar(row.querySelector(".avatar"), who.name);
    const is_me = who.id === own_id();
    set_text(row.querySelector(".name"), is_me ? `${who.name} (you)` : who.name);
    const server = who.id.includes("@") ? who.id.slice(who.id.lastIndexOf("@") + 1) : null;
    set_text(row.querySelector(".last"), server === null ? "" : `on the server ${server}`);
    const button = row.querySelector("button");
    button.hidden = is_me;
    button.setAttribute("aria-label", `Whisper to ${who.name}`);
    button.onclick = () => {
      dialog.close();
      on_whisper(who);
    };
    return row;
  }

  by_id("members-close").onclick = () => dialog.close();

  return {
    open(key) {
      const { name, members } = store.get(key);
      set_text(by_id("members-title"), `In ${name}`);
      const all = [...members.values()].sort((a, b) => a.name.localeCompare(b.name));
      by_id("members-list").replaceChildren(...all.map(row_of));
      dialog.showModal();
    },
  };
}
