// Where one signs in, what works before that, and the notice that asks for a new token.

import { by_id, set_text, show_error } from "./dom.js";
import { words_of } from "./words.js";

export function make_sign_in_view({ ask, language, on_token }) {
  let ends_at = null;
  let reason = "";

  async function enter(field, error_id) {
    show_error(error_id, "");
    const token = field.value.trim();
    try {
      await on_token(token);
      field.value = "";
    } catch (error) {
      show_error(error_id, words_of(error));
      field.focus();
    }
  }

  by_id("enter").onsubmit = (event) => {
    event.preventDefault();
    enter(by_id("token"), "enter-error");
  };
  // A token has no line breaks: Enter sends it.
  by_id("token").onkeydown = (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    by_id("enter").requestSubmit();
  };
  by_id("renew").onsubmit = (event) => {
    event.preventDefault();
    enter(by_id("new-token"), "renew-error");
  };
  by_id("interpret").onsubmit = async (event) => {
    event.preventDefault();
    try {
      const { text } = await ask("interpret", { language: language(), line: by_id("line").value });
      set_text(by_id("meaning"), text);
    } catch (error) {
      set_text(by_id("meaning"), words_of(error));
    }
  };

  function show_notice() {
    if (by_id("notice").hidden) return;
    const seconds = ends_at === null ? 0 : Math.max(0, Math.ceil((ends_at - Date.now()) / 1000));
    // The time left is not announced each second: it stands beside what is.
    by_id("notice").dataset.left = seconds > 0 ? `Updates go on for ${seconds} s` : "";
    set_text(by_id("notice-words"), reason);
  }
  setInterval(show_notice, 1000);

  return {
    show() {
      if (document.activeElement === document.body) by_id("token").focus();
    },
    refuse: (words) => show_error("enter-error", words),
    ask_for_token(words, until) {
      reason = words;
      ends_at = until;
      const was_hidden = by_id("notice").hidden;
      by_id("notice").hidden = false;
      show_error("renew-error", "");
      show_notice();
      if (was_hidden) by_id("new-token").focus();
    },
    hide_notice() {
      by_id("notice").hidden = true;
    },
  };
}
