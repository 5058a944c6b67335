// One community: its name, whether it is live, the tabs, and what comes for it.

import { by_id, set_text } from "./dom.js";
import { make_log_view } from "./log_view.js";
import { make_pool_view } from "./pool_view.js";

const kinds = ["log", "members", "channels", "roles", "emoji", "bans"];

export function make_guild_view({ ask, interpreter, on_log, on_back }) {
  /** Whose updates come: as the server said last. */
  let current = null;
  let tab = "log";
  const log = make_log_view({ interpreter });
  const pool = make_pool_view({ ask });

  function show_state(words) {
    set_text(by_id("guild-state"), words);
  }

  function choose(next, is_focused = false) {
    tab = next;
    for (const kind of kinds) {
      const button = by_id(`tab-${kind}`);
      button.setAttribute("aria-selected", String(kind === tab));
      button.tabIndex = kind === tab ? 0 : -1;
      if (kind === tab && is_focused) button.focus();
    }
    by_id("panel-log").hidden = tab !== "log";
    by_id("panel-pool").hidden = tab === "log";
    by_id("panel-pool").setAttribute("aria-labelledby", `tab-${tab}`);
    if (tab !== "log" && current) pool.open(current.guild, tab);
  }

  for (const kind of kinds) by_id(`tab-${kind}`).onclick = () => choose(kind);
  by_id("tabs").onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const shown = kinds.filter((kind) => !by_id(`tab-${kind}`).hidden);
    choose(shown[(shown.indexOf(tab) + step + shown.length) % shown.length], true);
  };
  by_id("with-log").onchange = () => on_log(by_id("with-log").checked);
  by_id("back").onclick = on_back;

  return {
    /** It was chosen; what comes until the server's word is still the former one's. */
    expect(id, name) {
      by_id("no-guild").hidden = true;
      by_id("guild-inside").hidden = false;
      set_text(by_id("guild-name"), name);
      if (current?.guild !== id) show_state("Opening…");
    },
    rename: (name) => set_text(by_id("guild-name"), name),
    /** The server's word: from here on everything is of this one. */
    entered(view) {
      if (!view.guild) return;
      const is_other = current?.guild !== view.guild;
      current = view;
      by_id("guild-inside").dataset.guild = view.guild;
      by_id("no-guild").hidden = true;
      by_id("guild-inside").hidden = false;
      by_id("with-log").checked = view.log;
      show_state(view.log ? "Live, with its log" : "Live, changes only");
      if (is_other) log.clear();
      log.show_choices(view.categories);
      if (tab === "bans" && by_id("tab-bans").hidden) choose("log");
      if (tab !== "log") pool.open(view.guild, tab);
    },
    hear(update) {
      // Of what was left: the server has not heard of it yet.
      if (current === null) return;
      // The server promises that this does not happen; a page that mixed two communities would be worse than a loud one.
      if (update.guild !== current.guild) return console.error(`an update of ${update.guild} in the view of ${current.guild}`);
      log.add(update);
      pool.hear(update);
    },
    refuse(words) {
      show_state(words);
    },
    /** No updates come for now; what is there stays. */
    paused() {
      if (current) show_state("No updates now");
    },
    left() {
      current = null;
      delete by_id("guild-inside").dataset.guild;
      by_id("no-guild").hidden = false;
      by_id("guild-inside").hidden = true;
      log.clear();
      pool.close();
    },
    show_rights(me) {
      by_id("tab-bans").hidden = !me.roles.includes("administrator");
    },
    say_anew: log.say_anew,
    focus_search: () => by_id(tab === "log" ? "filter" : "search").focus(),
    /** Escape empties a search first. True if it did. */
    escape() {
      const field = document.activeElement;
      if (field.type !== "search" || field.value === "") return false;
      field.value = "";
      field.dispatchEvent(new Event("input"));
      return true;
    },
  };
}
