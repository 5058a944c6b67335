// What the browser keeps: JSON under names of our own. Where it keeps nothing (private windows, a full
// disk), everything still works until the page is closed, and `on_full` is told.

const prefix = "texto.v1.";

export function make_storage(area, on_full = () => {}) {
  return {
    load(name, otherwise) {
      try {
        const text = area.getItem(prefix + name);
        return text === null ? otherwise : JSON.parse(text);
      } catch {
        return otherwise;
      }
    },
    /** False if it was not kept. */
    save(name, value) {
      try {
        area.setItem(prefix + name, JSON.stringify(value));
        return true;
      } catch {
        on_full();
        return false;
      }
    },
    remove(name) {
      try {
        area.removeItem(prefix + name);
      } catch {
        // What cannot be written cannot have been kept.
      }
    },
  };
}
