// Name, id and removal of a contact; and that a new id belongs to somebody known.

import { by_id, set_text } from "./dom.js";
import { find_id } from "./ids.js";

export function make_contact_dialog({ store, on_moved, on_removed }) {
  const dialog = by_id("dialog");
  let key = null;

  function complain(text) {
    set_text(by_id("dialog-error"), text);
    by_id("dialog-error").hidden = text === "";
  }

  function option(value, text) {
    const made = document.createElement("option");
    made.value = value;
    made.textContent = text;
    return made;
  }

  function save() {
    const into = by_id("dialog-same").value;
    if (into) {
      store.merge(key, into);
      return on_moved(into);
    }
    const id = find_id(by_id("dialog-id").value);
    const other = id && store.contact_with_id(id);
    if (!id) return complain("There is no id in this.");
    if (other && other.key !== key) return complain(`This is the id of ${other.name}.`);
    const name = by_id("dialog-name").value.trim();
    if (!name) return complain("A name, please.");
    store.change_contact(key, { id, name, is_stranger: false });
    dialog.close();
  }

  by_id("dialog-form").onsubmit = (event) => {
    event.preventDefault();
    save();
    if (store.key_now(key) !== key) dialog.close();
  };
  by_id("dialog-same").onchange = () => {
    const is_known = by_id("dialog-same").value !== "";
    by_id("dialog-name").disabled = by_id("dialog-id").disabled = is_known;
  };
  by_id("dialog-cancel").onclick = () => dialog.close();
  by_id("dialog-remove").onclick = () => {
    const { name } = store.contact(key);
    if (!confirm(`Remove ${name} and the whole conversation?`)) return;
    dialog.close();
    store.remove_contact(key);
    on_removed(key);
  };

  return {
    open(which) {
      key = which;
      const contact = store.contact(key);
      const others = store.contacts().filter((each) => each.key !== key && !each.is_stranger);
      by_id("dialog-name").value = contact.is_stranger ? "" : contact.name;
      by_id("dialog-id").value = contact.id;
      by_id("dialog-name").disabled = by_id("dialog-id").disabled = false;
      by_id("dialog-same").replaceChildren(option("", "No"), ...others.map((each) => option(each.key, each.name)));
      by_id("dialog-same-row").hidden = !contact.is_stranger || others.length === 0;
      complain("");
      dialog.showModal();
      by_id("dialog-name").select();
    },
    is_open: () => dialog.open,
  };
}
