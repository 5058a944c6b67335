// The live log, newest first: what is kept, what of it the filter lets through, and its words.

import { by_id, from_template, set_text, time_text } from "./dom.js";

const most_kept = 500;
const most_shown = 200;
const kind_words = { changes: "Change", log: "Message", audit: "Setting", bans: "Ban" };

export function make_log_view({ interpreter }) {
  /** {update, text, is_ready, is_shown}, oldest first. */
  let entries = [];
  let is_paused = false;
  let unseen = 0;
  let timer = null;

  const fits = (entry) => {
    const kind = by_id("kind").value;
    const wanted = by_id("filter").value.trim().toLowerCase();
    return (kind === "" || entry.update.log === kind) && (wanted === "" || entry.text.toLowerCase().includes(wanted));
  };

  function make_row(entry) {
    const row = from_template("log-row");
    const time = row.querySelector("time");
    time.dateTime = new Date(entry.update.at).toISOString();
    set_text(time, time_text(entry.update.at));
    row.dataset.kind = entry.update.log;
    row.dataset.guild = entry.update.guild;
    set_text(row.querySelector(".kind"), kind_words[entry.update.log] ?? entry.update.log);
    set_text(row.querySelector(".words"), entry.text);
    return row;
  }

  /** Everything anew, for another filter. */
  function show_all() {
    const rows = [];
    for (const entry of entries) entry.is_shown = entry.is_ready;
    for (let at = entries.length - 1; at >= 0 && rows.length < most_shown; --at) {
      const entry = entries[at];
      if (entry.is_ready && fits(entry)) rows.push(make_row(entry));
    }
    by_id("log").replaceChildren(...rows);
    show_emptiness();
  }

  function show_emptiness() {
    const is_empty = by_id("log").children.length === 0;
    by_id("no-log").hidden = !is_empty;
    set_text(by_id("no-log"), entries.length > 0 ? "Nothing fits the filter." : "Nothing has happened yet.");
    set_text(by_id("pause"), is_paused ? `Go on${unseen > 0 ? ` (${Math.min(unseen, most_kept)})` : ""}` : "Pause");
  }

  /** At most some times a second, however much comes. */
  function show_soon() {
    timer ??= setTimeout(() => {
      timer = null;
      show_new();
    }, 80);
  }

  function show_new() {
    if (is_paused) return show_emptiness();
    const fresh = [];
    for (const entry of entries) {
      if (!entry.is_ready || entry.is_shown) continue;
      entry.is_shown = true;
      if (fits(entry)) fresh.push(make_row(entry));
    }
    const list = by_id("log");
    list.prepend(...fresh.reverse());
    while (list.children.length > most_shown) list.lastChild.remove();
    show_emptiness();
  }

  function say(entry) {
    interpreter.add(entry.update, (text) => {
      entry.text = text;
      entry.is_ready = true;
      show_soon();
    });
  }

  by_id("filter").oninput = show_all;
  by_id("kind").onchange = show_all;
  by_id("pause").onclick = () => {
    is_paused = !is_paused;
    unseen = 0;
    by_id("pause").setAttribute("aria-pressed", String(is_paused));
    show_new();
  };

  return {
    add(update) {
      const entry = { update, text: update.code, is_ready: false, is_shown: false };
      entries.push(entry);
      if (entries.length > most_kept) entries = entries.slice(-most_kept);
      if (is_paused) ++unseen;
      say(entry);
    },
    /** Which kinds of entries come here: others need not be offered. */
    show_choices(categories) {
      const comes = { log: "log", audit: "audit", bans: "bans" };
      for (const option of by_id("kind").options) option.hidden = option.value in comes && !categories.includes(comes[option.value]);
      if (by_id("kind").selectedOptions[0].hidden) by_id("kind").value = "";
    },
    /** In another language. */
    say_anew() {
      interpreter.clear();
      for (const entry of entries) {
        interpreter.add(entry.update, (text) => {
          entry.text = text;
          entry.is_ready = true;
          clearTimeout(timer);
          timer = setTimeout(() => {
            timer = null;
            show_all();
          }, 80);
        });
      }
    },
    clear() {
      interpreter.clear();
      entries = [];
      unseen = 0;
      is_paused = false;
      by_id("pause").setAttribute("aria-pressed", "false");
      show_all();
    },
  };
}
