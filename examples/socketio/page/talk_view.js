// One conversation: who is in it, what was said, who is writing, and the field for the next text.

import { by_id, from_template, hue_of, paint_avatar, set_text, set_time } from "./dom.js";

const ticks = { waiting: ["◷", "Waiting to be sent"], sent: ["✓", "The server has it"], failed: ["!", "Not sent"] };

export function make_talk_view({ store, on_send, on_image, on_typed, on_back, on_leave, on_members }) {
  let key = null;
  let rows = new Map();
  let stays_at_end = true;
  const list = by_id("messages");
  const scroll = by_id("scroll");
  const field = by_id("text");

  const is_at_end = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60;
  function go_to_end() {
    stays_at_end = true;
    scroll.scrollTop = scroll.scrollHeight;
    by_id("to-end").hidden = true;
  }

  function make_row(message, before) {
    if (message.note) {
      const row = from_template("note-row");
      row.textContent = message.note;
      return row;
    }
    const row = from_template("message-row");
    const goes_on = before && !before.note && before.is_own === message.is_own && before.from?.id === message.from?.id;
    row.classList.add(message.is_own ? "own-message" : "their-message");
    if (goes_on) row.classList.add("goes-on");
    const author = row.querySelector(".author");
    author.hidden = message.is_own || goes_on;
    author.textContent = message.from?.name ?? "";
    if (message.from) author.style.setProperty("--hue", hue_of(message.from.name));
    const text = row.querySelector(".text");
    if (message.url) {
      const picture = document.createElement("img");
      picture.src = message.url;
      picture.alt = message.is_own ? "A picture that you sent" : `A picture from ${message.from.name}`;
      picture.onload = () => stays_at_end && go_to_end();
      text.classList.add("picture");
      text.append(picture);
    } else {
      text.textContent = message.text;
    }
    row.querySelector("button").onclick = () => message.again();
    return row;
  }

  function show_state(row, message) {
    if (message.note) return;
    row.dataset.state = message.state;
    set_time(row.querySelector("time"), message.time);
    const [sign, words] = ticks[message.state] ?? ["", ""];
    const tick = row.querySelector(".tick");
    set_text(tick, sign);
    if (words) {
      tick.setAttribute("role", "img");
      tick.setAttribute("aria-label", words);
      tick.title = words;
    }
    row.querySelector(".trouble").hidden = message.state !== "failed";
    set_text(row.querySelector(".why"), message.why ?? "");
  }

  function show_messages({ messages }) {
    const old = rows;
    rows = new Map();
    let before = null;
    let is_news = false;
    for (const message of messages) {
      const row = old.get(message.number) ?? make_row(message, before);
      is_news ||= !old.has(message.number);
      old.delete(message.number);
      show_state(row, message);
      if (list.children[rows.size] !== row) list.insertBefore(row, list.children[rows.size] ?? null);
      rows.set(message.number, row);
      before = message;
    }
    for (const row of old.values()) row.remove();
    by_id("no-messages").hidden = messages.length > 0;
    if (stays_at_end || (is_news && messages.at(-1)?.is_own)) go_to_end();
    else if (is_news) by_id("to-end").hidden = false;
  }

  function show_head(it) {
    paint_avatar(by_id("with-avatar"), it.name, it.is_room);
    set_text(by_id("with-name"), it.name);
    const names = [...it.members.values()].map(({ name }) => name).sort();
    set_text(by_id("with-members"), it.is_room ? `${names.length} here: ${names.join(", ")}` : "Whispers: nobody else hears them");
    by_id("members").hidden = by_id("picture").hidden = !it.is_room;
    by_id("leave").setAttribute("aria-label", it.is_room ? `Leave ${it.name}` : `Close the whispers with ${it.name}`);
    const now = Date.now();
    const writers = [...it.typing.values()].filter(({ until }) => until > now).map(({ name }) => name);
    const words = writers.length > 2 ? "Several are writing…" : `${writers.join(" and ")} ${writers.length > 1 ? "are" : "is"} writing…`;
    set_text(by_id("typing"), writers.length > 0 ? words : "");
  }

  function grow() {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
  }

  function keep_draft() {
    const it = key && store.get(key);
    if (it) it.draft = field.value;
  }

  function send() {
    const text = field.value.trim();
    if (!text) return;
    field.value = "";
    keep_draft();
    grow();
    on_send(key, text);
    go_to_end();
  }

  const take_files = (files) => {
    if (!store.get(key)?.is_room) return;
    for (const file of files) on_image(key, file);
  };

  by_id("composer").onsubmit = (event) => {
    event.preventDefault();
    send();
    field.focus();
  };
  field.oninput = () => {
    grow();
    keep_draft();
    if (field.value.trim()) on_typed(key);
  };
  field.onkeydown = (event) => {
    // An Enter that ends the composing of a letter is not for us.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  };
  field.onpaste = (event) => {
    if (event.clipboardData.files.length === 0) return;
    event.preventDefault();
    take_files(event.clipboardData.files);
  };
  scroll.ondragover = (event) => event.preventDefault();
  scroll.ondrop = (event) => {
    event.preventDefault();
    take_files(event.dataTransfer.files);
  };
  by_id("picture").onclick = () => by_id("file").click();
  by_id("file").onchange = () => {
    take_files(by_id("file").files);
    by_id("file").value = "";
  };
  by_id("back").onclick = () => on_back();
  by_id("leave").onclick = () => on_leave(key);
  by_id("members").onclick = () => on_members(key);
  by_id("to-end").onclick = go_to_end;
  scroll.onscroll = () => {
    stays_at_end = is_at_end();
    if (stays_at_end) by_id("to-end").hidden = true;
  };
  // A keyboard that opens, or a text that grows, does not cover the newest message.
  new ResizeObserver(() => stays_at_end && go_to_end()).observe(scroll);

  return {
    key: () => key,
    open(next) {
      key = next;
      by_id("talk").hidden = key === null;
      by_id("no-talk").hidden = key !== null;
      // The whole conversation is not news, so it is not read out.
      list.setAttribute("aria-live", "off");
      list.replaceChildren();
      rows = new Map();
      if (key === null) return;
      field.value = store.get(key).draft;
      this.show();
      go_to_end();
      grow();
      setTimeout(() => list.setAttribute("aria-live", "polite"), 100);
    },
    show() {
      const it = key && store.get(key);
      if (!it) return;
      show_head(it);
      show_messages(it);
    },
    /** On a phone the keyboard would open and hide the half of it: there the messages get it. */
    focus: () => (matchMedia("(pointer: coarse)").matches ? list : field).focus({ preventScroll: true }),
  };
}
