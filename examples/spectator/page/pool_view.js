// Members, channels, roles, emoji and bans of a community: searched and fetched page by page at the
// server, and kept up to date by what happens meanwhile.

import { by_id, debounced, from_template, hue_of, set_text } from "./dom.js";
import { count_words, words_of } from "./words.js";

const page_size = 30;
const one_and_many = {
  members: ["member", "members"],
  channels: ["channel", "channels"],
  roles: ["role", "roles"],
  emoji: ["emoji", "emoji"],
  bans: ["ban", "bans"],
};

export function make_pool_view({ ask }) {
  /** {guild, kind}; null: nothing is shown. */
  let place = null;
  let cursor = null;
  let total = 0;
  let round = 0;

  async function fetch(is_more = false) {
    const mine = ++round;
    const text = by_id("search").value.trim();
    const wish = {
      guild: place.guild,
      of: place.kind,
      limit: page_size,
      ...(text ? { get: "search", text } : { get: "all" }),
      ...(is_more && cursor ? { cursor } : {}),
    };
    try {
      const page = await ask("pool", wish);
      if (mine !== round) return;
      cursor = page.cursor;
      total = page.total;
      const rows = page.items.map(make_row);
      if (is_more) by_id("items").append(...rows);
      else by_id("items").replaceChildren(...rows);
      show_count();
    } catch (error) {
      if (mine !== round) return;
      set_text(by_id("count"), words_of(error));
    }
  }

  function show_count() {
    set_text(by_id("count"), count_words(total, ...one_and_many[place.kind]));
    by_id("more").hidden = cursor === null;
    by_id("no-items").hidden = by_id("items").children.length > 0;
  }

  function make_row(item) {
    const row = from_template("item-row");
    row.dataset.item = item.id;
    fill(row, item);
    return row;
  }

  function fill(row, item) {
    const mark = row.querySelector(".mark");
    set_text(mark, item.symbol ?? (place.kind === "channels" ? "#" : Array.from(item.name)[0]));
    mark.dataset.kind = place.kind;
    mark.style.setProperty("--hue", hue_of(item.id + item.name));
    if (item.colour) mark.style.setProperty("--colour", item.colour);
    set_text(row.querySelector(".name"), place.kind === "emoji" ? `:${item.name}:` : item.name);
    set_text(row.querySelector(".more"), item.role ?? item.topic ?? item.reason ?? item.colour ?? "");
    set_text(row.querySelector("code"), item.id);
  }

  function flash(row) {
    row.classList.remove("changed");
    // Begins the animation anew, should it run already.
    void row.offsetWidth;
    row.classList.add("changed");
  }

  by_id("search").oninput = debounced(150, () => place && fetch());
  by_id("pool-form").onsubmit = (event) => event.preventDefault();
  by_id("more").onclick = () => fetch(true);

  return {
    open(guild, kind) {
      if (place?.guild === guild && place.kind === kind) return;
      place = { guild, kind };
      cursor = null;
      total = 0;
      by_id("search").value = "";
      by_id("items").replaceChildren();
      by_id("items").dataset.kind = kind;
      by_id("no-items").hidden = by_id("more").hidden = true;
      set_text(by_id("count"), "…");
      fetch();
    },
    close() {
      ++round;
      place = null;
    },
    hear(update) {
      if (place === null || update.guild !== place.guild || update.category !== place.kind) return;
      const id = update.gone ?? update.item?.id;
      const row = id && by_id("items").querySelector(`[data-item="${CSS.escape(id)}"]`);
      const is_searching = by_id("search").value.trim() !== "";
      if (update.gone) {
        row?.remove();
        if (!is_searching || row) total -= 1;
      } else if (row) {
        fill(row, update.item);
        flash(row);
      } else if (update.item && !is_searching && /_(joined|created|added|banned)$/.test(update.code)) {
        total += 1;
        // It belongs at the end, which is there only when all has been fetched.
        if (cursor === null) {
          const added = make_row(update.item);
          by_id("items").append(added);
          flash(added);
        }
      }
      show_count();
    },
  };
}
