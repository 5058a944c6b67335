// The top: the connection's state in words, and who is signed in.

import { by_id, set_text } from "./dom.js";

export function make_state_view({ on_try_now, on_sign_out }) {
  let shown = { state: "connecting", retry_at: null };

  function words() {
    if (shown.state === "open") return "Live";
    if (shown.state === "connecting") return "Connecting…";
    const seconds = Math.ceil((shown.retry_at - Date.now()) / 1000);
    const what = navigator.onLine === false ? "No network" : "No connection";
    return seconds > 0 ? `${what}. Next try in ${seconds} s` : `${what}. Trying…`;
  }

  function show() {
    by_id("state").dataset.state = shown.state;
    set_text(by_id("state-words"), words());
    by_id("try-now").hidden = shown.state !== "waiting";
  }

  by_id("try-now").onclick = on_try_now;
  by_id("sign-out").onclick = on_sign_out;
  setInterval(show, 1000);

  return {
    show(now) {
      shown = now;
      show();
    },
    show_user(me) {
      by_id("sign-out").hidden = me === null;
      set_text(by_id("user"), me?.user ?? "");
    },
  };
}
