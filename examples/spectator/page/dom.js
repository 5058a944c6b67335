// Small things that every view needs.

export const by_id = (id) => document.getElementById(id);

/** A copy of a template's first element. */
export function from_template(id) {
  return by_id(id).content.firstElementChild.cloneNode(true);
}

/** Sets only what has changed, so that nothing is announced or laid out anew for nothing. */
export function set_text(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** An error below a form; empty: none. */
export function show_error(id, text) {
  by_id(id).hidden = !text;
  set_text(by_id(id), text);
}

const time_of_day = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
export const time_text = (time) => time_of_day.format(time);

/** A colour of its own for each id. */
export function hue_of(id) {
  let hash = 7;
  for (const letter of id) hash = (hash * 31 + letter.codePointAt(0)) % 3600;
  return (hash * 47) % 360;
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

/** Calls once, when it has not been called again for so long. */
export function debounced(milliseconds, call) {
  let timer = null;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(call, milliseconds);
  };
}
