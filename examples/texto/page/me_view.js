// The top of the left column: the connection's state in words, the own id, what to do when it is new.

import { by_id, copy, set_text, toast } from "./dom.js";

export function make_me_view({ store, on_try_now, on_tell }) {
  let shown = { state: "connecting", retry_at: null };

  function state_words() {
    if (shown.state === "open") return "Connected";
    if (shown.state === "connecting") return "Connecting…";
    if (shown.state === "stopped") return "Not connected";
    const seconds = Math.ceil((shown.retry_at - Date.now()) / 1000);
    const words = navigator.onLine === false ? "No network" : "No connection";
    return seconds > 0 ? `${words}. Next try in ${seconds} s` : `${words}. Trying…`;
  }

  function show_state() {
    by_id("state").dataset.state = shown.state;
    set_text(by_id("state-words"), state_words());
    by_id("try-now").hidden = shown.state !== "waiting";
    // In a conversation there is no room for more: what is wrong stands where the id stood.
    set_text(by_id("with-state"), state_words());
    by_id("with-state").hidden = shown.state === "open";
    by_id("with-id").hidden = shown.state !== "open";
  }

  const share_link = () => `${location.origin}${location.pathname}?to=${store.own_id()}`;

  function show_own() {
    const is_there = store.own_id() !== null && shown.state === "open";
    set_text(by_id("own-id"), is_there ? store.own_id() : "You get one when you are connected");
    by_id("own-id").classList.toggle("pending", !is_there);
    by_id("copy-id").disabled = by_id("share").disabled = !is_there;
    by_id("new-id").hidden = !(is_there && store.own_id_is_new());
    const known = store.known_keys().length;
    by_id("tell").hidden = known === 0;
    set_text(by_id("tell"), known === 1 ? "Tell my contact" : `Tell my ${known} contacts`);
  }

  async function say_copied(text, what) {
    toast((await copy(text)) ? `${what} copied` : "This browser does not let pages copy");
  }

  by_id("try-now").onclick = on_try_now;
  by_id("copy-id").onclick = () => say_copied(store.own_id(), "Id");
  by_id("share").onclick = async () => {
    if (!navigator.share) return say_copied(share_link(), "Link");
    try {
      await navigator.share({ title: "Write to me on Texto", url: share_link() });
    } catch {
      // Closed without choosing: that is their right.
    }
  };
  by_id("tell").onclick = () => {
    const count = on_tell();
    toast(count === 1 ? "One contact is told" : `${count} contacts are told`);
    store.own_id_is_known();
  };
  by_id("new-id-done").onclick = () => store.own_id_is_known();
  setInterval(show_state, 1000);

  return {
    show_connection(now) {
      shown = now;
      show_state();
      show_own();
      // In a conversation on a phone the note about it is out of sight.
      const is_unseen = !by_id("new-id").hidden && by_id("new-id").offsetParent === null;
      if (now.state === "open" && is_unseen) toast("Connected, with a new id: share it again");
    },
    show_own,
  };
}
