// Small things that every view needs.

import { hue_of } from "./ids.js";

export const by_id = (id) => document.getElementById(id);

/** A copy of a template's first element. */
export function from_template(id) {
  return by_id(id).content.firstElementChild.cloneNode(true);
}

/** Sets only what has changed, so that nothing is announced or laid out anew for nothing. */
export function set_text(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function paint_avatar(element, contact) {
  set_text(element, Array.from(contact.name)[0]?.toUpperCase() ?? "?");
  element.style.setProperty("--hue", hue_of(contact.key));
}

const time_of_day = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const all_of_it = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

export const time_text = (time) => time_of_day.format(time);
export const whole_time_text = (time) => all_of_it.format(time);

export function day_text(time, now = Date.now()) {
  const days = Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(time).setHours(0, 0, 0, 0)) / 86400000);
  return days === 0 ? "Today" : days === 1 ? "Yesterday" : day.format(time);
}

export function set_time(element, time, text) {
  element.dateTime = new Date(time).toISOString();
  element.title = whole_time_text(time);
  set_text(element, text);
}

/** Says something for a few seconds, below everything else. */
export function toast(text) {
  const holder = by_id("toasts");
  if ([...holder.children].some((each) => each.textContent === text)) return;
  const note = document.createElement("p");
  note.textContent = text;
  holder.append(note);
  while (holder.children.length > 2) holder.firstChild.remove();
  // Long enough to be read, by how much there is to read.
  setTimeout(() => note.remove(), 1800 + 60 * text.length);
}

/** The clipboard interface is there over TLS and on localhost only. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "hidden";
    document.body.append(field);
    field.select();
    const is_copied = document.execCommand("copy");
    field.remove();
    return is_copied;
  }
}
