// The communities that one may see: searched and fetched page by page at the server.

import { by_id, debounced, from_template, hue_of, set_text } from "./dom.js";
import { count_words, words_of } from "./words.js";

const page_size = 50;

export function make_guilds_view({ ask, on_choose, on_names }) {
  const names = new Map();
  let chosen = null;
  let cursor = null;
  let round = 0;

  async function fetch(is_more = false) {
    const mine = ++round;
    const text = by_id("guild-search").value.trim();
    const wish = { of: "guilds", limit: page_size, ...(text ? { get: "search", text } : { get: "all" }), ...(is_more && cursor ? { cursor } : {}) };
    try {
      const page = await ask("pool", wish);
      // What was asked before the last letter was typed is of no interest any more.
      if (mine === round) show(page, is_more);
    } catch (error) {
      if (mine !== round || error.code === "connection_lost") return;
      by_id("no-guilds").hidden = false;
      set_text(by_id("no-guilds"), words_of(error));
    }
  }

  function show(page, is_more) {
    cursor = page.cursor;
    const rows = page.items.map(make_row);
    if (is_more) by_id("guilds").append(...rows);
    else by_id("guilds").replaceChildren(...rows);
    by_id("no-guilds").hidden = by_id("guilds").children.length > 0;
    set_text(by_id("no-guilds"), by_id("guild-search").value.trim() ? "No community fits." : "Your token shows no community.");
    by_id("more-guilds").hidden = cursor === null;
    mark(chosen);
    on_names();
  }

  function make_row(guild) {
    names.set(guild.id, guild.name);
    const row = from_template("guild-row");
    const button = row.querySelector("button");
    button.dataset.guild = guild.id;
    const badge = row.querySelector(".badge");
    set_text(badge, guild.name.split(" ").map((word) => word[0]).join("").slice(0, 2));
    badge.style.setProperty("--hue", hue_of(guild.id));
    set_text(row.querySelector(".name"), guild.name);
    set_text(row.querySelector(".members"), count_words(guild.members, "member", "members"));
    button.onclick = () => on_choose(guild.id);
    return row;
  }

  const button_of = (id) => by_id("guilds").querySelector(`[data-guild="${CSS.escape(id)}"]`);

  function mark(id) {
    chosen = id;
    for (const button of by_id("guilds").querySelectorAll("button")) {
      if (button.dataset.guild === id) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }

  by_id("guild-search").oninput = debounced(150, () => fetch());
  by_id("guild-form").onsubmit = (event) => event.preventDefault();
  by_id("more-guilds").onclick = () => fetch(true);
  // Up and down lead through the list, as in any list of choices.
  by_id("guilds").onkeydown = (event) => {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    const next = step && event.target.closest("li")?.[step]?.querySelector("button");
    if (!next) return;
    event.preventDefault();
    next.focus();
  };

  return {
    fetch: () => fetch(),
    mark,
    name_of: (id) => names.get(id) ?? id,
    /** Of one that is on no page that has been fetched. */
    async learn_name(id) {
      if (names.has(id)) return;
      try {
        const { items } = await ask("pool", { of: "guilds", get: "search", text: id, limit: 200 });
        for (const guild of items) names.set(guild.id, guild.name);
        on_names();
      } catch {
        // Then it is called by its id.
      }
    },
    focus: (id) => button_of(id)?.focus(),
    focus_search: () => by_id("guild-search").focus(),
    clear() {
      ++round;
      names.clear();
      by_id("guilds").replaceChildren();
      by_id("guild-search").value = "";
    },
  };
}
