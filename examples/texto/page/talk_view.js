// One conversation: its messages, and the field for the next one.

import { by_id, day_text, from_template, paint_avatar, set_text, set_time, time_text } from "./dom.js";

const ticks = {
  waiting: ["◷", "Waiting to be sent"],
  sent: ["✓", "The server has it"],
  failed: ["!", "Not sent"],
  received: ["", ""],
};

export function make_talk_view({ store, on_send, on_try_again, on_back, on_edit }) {
  let key = null;
  let rows = new Map();
  let draft_timer = null;
  const list = by_id("messages");
  const scroll = by_id("scroll");
  const field = by_id("text");

  const is_at_end = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60;
  let stays_at_end = true;
  function go_to_end() {
    stays_at_end = true;
    scroll.scrollTop = scroll.scrollHeight;
    by_id("to-end").hidden = true;
  }

  function make_row(message, before) {
    const row = from_template("message-row");
    row.classList.add(message.is_own ? "own-message" : "their-message");
    row.querySelector(".text").textContent = message.text;
    set_time(row.querySelector("time"), message.time, time_text(message.time));
    row.querySelector("button").onclick = () => on_try_again(key, message.id);
    const day = day_text(message.time);
    if (!before || day_text(before.time) !== day) row.dataset.day = day;
    if (before && before.is_own === message.is_own && !row.dataset.day && message.time - before.time < 120000)
      row.classList.add("goes-on");
    return row;
  }

  function show_state(row, message) {
    const [sign, words] = ticks[message.state];
    const tick = row.querySelector(".tick");
    set_text(tick, sign);
    row.dataset.state = message.state;
    if (words) {
      tick.setAttribute("role", "img");
      tick.setAttribute("aria-label", words);
      tick.title = words;
    }
    row.querySelector(".trouble").hidden = message.state !== "failed";
    set_text(row.querySelector(".why"), message.why ?? "");
  }

  function show_messages() {
    const messages = store.messages(key);
    const old = rows;
    rows = new Map();
    let before = null;
    let is_news = false;
    for (const message of messages) {
      const row = old.get(message.id) ?? make_row(message, before);
      is_news ||= !old.has(message.id) && !message.is_own;
      old.delete(message.id);
      show_state(row, message);
      if (list.children[rows.size] !== row) list.insertBefore(row, list.children[rows.size] ?? null);
      rows.set(message.id, row);
      before = message;
    }
    for (const row of old.values()) row.remove();
    by_id("no-messages").hidden = messages.length > 0;
    if (stays_at_end || messages.at(-1)?.is_own) go_to_end();
    else if (is_news) by_id("to-end").hidden = false;
  }

  function show_contact() {
    const contact = store.contact(key);
    paint_avatar(by_id("with-avatar"), contact);
    set_text(by_id("with-name"), contact.name);
    set_text(by_id("with-id"), contact.id);
    by_id("stranger").hidden = !contact.is_stranger;
  }

  function grow() {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
  }

  function keep_draft() {
    clearTimeout(draft_timer);
    const contact = key && store.contact(key);
    if (contact && contact.draft !== field.value) store.change_contact(key, { draft: field.value });
  }

  function send() {
    if (!field.value.trim()) return;
    const text = field.value.trim();
    field.value = "";
    keep_draft();
    grow();
    on_send(key, text);
    go_to_end();
  }

  by_id("composer").onsubmit = (event) => {
    event.preventDefault();
    send();
    field.focus();
  };
  field.oninput = () => {
    grow();
    clearTimeout(draft_timer);
    draft_timer = setTimeout(keep_draft, 300);
  };
  field.onkeydown = (event) => {
    // An Enter that ends the composing of a letter is not for us.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  };
  by_id("back").onclick = () => on_back();
  by_id("edit").onclick = by_id("name-stranger").onclick = () => on_edit(key);
  by_id("to-end").onclick = go_to_end;
  scroll.onscroll = () => {
    stays_at_end = is_at_end();
    if (stays_at_end) by_id("to-end").hidden = true;
  };
  // A keyboard that opens, or a text that grows, does not cover the newest message.
  new ResizeObserver(() => stays_at_end && go_to_end()).observe(scroll);
  window.addEventListener("pagehide", keep_draft);

  return {
    key: () => key,
    open(next) {
      keep_draft();
      key = next;
      by_id("talk").hidden = key === null;
      by_id("no-talk").hidden = key !== null;
      // The whole conversation is not news, so it is not read out.
      list.setAttribute("aria-live", "off");
      list.replaceChildren();
      rows = new Map();
      if (key === null) return;
      field.value = store.contact(key).draft;
      this.show();
      go_to_end();
      grow();
      setTimeout(() => list.setAttribute("aria-live", "polite"), 100);
    },
    show() {
      if (key === null) return;
      show_contact();
      show_messages();
    },
    keep_draft,
    /** On a phone the keyboard would open and hide the half of it: there the messages get it. */
    focus: () => (matchMedia("(pointer: coarse)").matches ? list : field).focus({ preventScroll: true }),
  };
}
