// One tab at a time is connected and writes to the store: two would send everything twice. The others
// say so, and can take over. Where the browser has no locks (clear text from another machine), nobody
// is kept out.

import { by_id } from "./dom.js";

export function be_the_only_tab({ on_start, on_stop }) {
  if (!navigator.locks) return on_start();
  const dialog = by_id("elsewhere");
  // Escape would leave a page that does nothing.
  dialog.oncancel = (event) => event.preventDefault();

  async function take(options) {
    try {
      await navigator.locks.request("texto", options, (lock) => {
        if (!lock) return dialog.showModal();
        dialog.close();
        on_start();
        return new Promise(() => {});
      });
    } catch {
      on_stop();
      dialog.showModal();
    }
  }

  // What the other tab has stored since is read anew.
  by_id("use-here").onclick = () => {
    sessionStorage.setItem("texto.take-over", "yes");
    location.reload();
  };
  const takes_over = sessionStorage.getItem("texto.take-over") === "yes";
  sessionStorage.removeItem("texto.take-over");
  take(takes_over ? { steal: true } : { ifAvailable: true });
}
