// Small things that every view needs.

export const by_id = (id) => document.getElementById(id);

/** A copy of a template's first element. */
export const from_template = (id) => by_id(id).content.firstElementChild.cloneNode(true);

/** Sets only what has changed, so that nothing is announced or laid out anew for nothing. */
export function set_text(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Everybody has a colour of their own, which follows from the name. */
export function hue_of(text) {
  let hash = 7;
  for (const letter of text) hash = (hash * 31 + letter.codePointAt(0)) % 3600;
  return hash / 10;
}

export function paint_avatar(element, name, is_room = false) {
  set_text(element, is_room ? "#" : Array.from(name)[0]?.toUpperCase() ?? "?");
  element.style.setProperty("--hue", hue_of(name));
}

const time_of_day = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const all_of_it = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

export function set_time(element, time) {
  element.dateTime = new Date(time).toISOString();
  element.title = all_of_it.format(time);
  set_text(element, time_of_day.format(time));
}

/** "4 s", "3 min". */
export function span_text(milliseconds) {
  const seconds = Math.max(1, Math.round(milliseconds / 1000));
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

/** Says something for a few seconds, below everything else. */
export function toast(text) {
  const holder = by_id("toasts");
  if ([...holder.children].some((each) => each.textContent === text)) return;
  const note = document.createElement("p");
  note.textContent = text;
  holder.append(note);
  while (holder.children.length > 2) holder.firstChild.remove();
  setTimeout(() => note.remove(), 1800 + 60 * text.length);
}
