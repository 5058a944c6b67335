// Puts the parts together: the connection, who is signed in, which community is looked at.

import { make_client } from "./client.js";
import { make_connection } from "./connection.js";
import { by_id, toast } from "./dom.js";
import { make_guild_view } from "./guild_view.js";
import { make_guilds_view } from "./guilds_view.js";
import { make_interpreter } from "./interpreter.js";
import { make_sign_in_view } from "./sign_in_view.js";
import { make_state_view } from "./state_view.js";
import { words_of } from "./words.js";

let token = sessionStorage.getItem("token");
/** Who is signed in: {user, roles, expires_at}; null: nobody. */
let me = null;
/** What one wants to look at, also while it cannot be had: {guild, log}; null: nothing. */
let wanted = null;

function make_socket() {
  const address = new URL("v1/spectator", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  address.search = address.hash = "";
  return new WebSocket(address);
}

const client = make_client({ connection: () => connection, on_push: hear_push });
const language = () => by_id("language").value;
const interpreter = make_interpreter({ ask: client.ask, language });

const connection = make_connection({
  make_socket,
  on_state: (now) => state.show(now),
  on_open: opened,
  on_lost: lost,
  on_frame: client.hear,
  on_silence: () => client.ask("interpret", { entries: [] }).catch(() => {}),
});

const state = make_state_view({ on_try_now: () => connection.try_now(), on_sign_out: sign_out });
const sign_in = make_sign_in_view({ ask: client.ask, language, on_token: use_token });
const guilds = make_guilds_view({ ask: client.ask, on_choose: choose, on_names: show_names });
const guild = make_guild_view({ ask: client.ask, interpreter, on_log: (log) => wanted && look({ ...wanted, log }), on_back: leave });

// ---- who one is ----

/** Resolves when one is signed in; throws the server's error. */
async function use_token(next) {
  await client.ask("authenticate", { token: next }, (reply) => {
    token = next;
    sessionStorage.setItem("token", token);
    me = reply;
    sign_in.hide_notice();
    state.show_user(me);
    guild.show_rights(me);
    // The server goes on with the view of before where it can; else it is asked for.
    if (reply.view) guild.entered(reply.view);
    show_screen();
  });
  guilds.fetch().then(() => wanted && guilds.learn_name(wanted.guild));
  if (wanted && !me.view) await look(wanted);
}

function sign_out() {
  token = me = wanted = null;
  sessionStorage.removeItem("token");
  history.replaceState(null, "", location.pathname);
  guild.left();
  guilds.clear();
  state.show_user(null);
  sign_in.hide_notice();
  show_screen();
  // What the server knows of this session ends with it.
  connection.restart();
}

async function sign_in_again() {
  if (!token) return;
  try {
    await use_token(token);
  } catch (error) {
    if (error.code === "connection_lost") return;
    if (error.code === "token_expired" && wanted && me) return sign_in.ask_for_token("Your token has expired. With a new one you go on where you are.", null);
    me = null;
    show_screen();
    sign_in.refuse(words_of(error));
  }
}

function opened() {
  show_screen();
  sign_in_again();
}

function lost() {
  client.lost();
  guild.paused();
}

function hear_push(kind, data) {
  if (kind === "log_pool") return guild.hear(data);
  if (kind === "token_expired") {
    return sign_in.ask_for_token("Your token has expired. With a new one you go on where you are.", Date.now() + data.grace_ms);
  }
  if (kind === "view_dropped") {
    guild.paused();
    return sign_in.ask_for_token("Your token has expired, and updates have ended. A new one brings them back.", null);
  }
  if (kind === "signed_out") sign_in_again();
}

// ---- what one looks at ----

async function look(next) {
  wanted = next;
  history.replaceState(history.state, "", `#guild=${next.guild}${next.log ? "" : "&log=off"}`);
  guilds.mark(next.guild);
  guild.expect(next.guild, guilds.name_of(next.guild));
  show_screen();
  try {
    await client.ask("spectate", next, guild.entered);
  } catch (error) {
    if (error.code === "connection_lost" || error.code === "token_expired") return;
    if (error.code === "forbidden" && next.log) {
      // Without the log there may still be something to see.
      toast("Your token does not show this community's log");
      return look({ ...next, log: false });
    }
    guild.refuse(words_of(error));
  }
}

/** The browser's Back leads from a community to all of them. */
function choose(id) {
  if (wanted?.guild === id) return show_screen();
  if (!history.state?.chosen) history.pushState({ chosen: true }, "");
  look({ guild: id, log: by_id("with-log").checked });
}

function leave() {
  if (history.state?.chosen) history.back();
  else unlook();
}

function unlook() {
  const last = wanted?.guild;
  wanted = null;
  history.replaceState(null, "", location.pathname);
  guild.left();
  guilds.mark(null);
  show_screen();
  if (last) guilds.focus(last);
  client.ask("spectate", { guild: null }).catch(() => {});
}

/** Names come later than ids where the address says what to look at. */
function show_names() {
  if (!wanted) return;
  guild.rename(guilds.name_of(wanted.guild));
  show_screen();
}

function show_screen() {
  const screen = !me ? "sign-in" : wanted ? "guild" : "guilds";
  by_id("app").dataset.screen = screen;
  document.title = wanted && me ? `${guilds.name_of(wanted.guild)} · Spectator` : "Spectator";
  if (screen === "sign-in") sign_in.show();
}

window.addEventListener("popstate", () => wanted && unlook());
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && wanted && !event.isComposing && !guild.escape()) leave();
  if (event.key === "/" && me && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
    event.preventDefault();
    if (wanted) guild.focus_search();
    else guilds.focus_search();
  }
});

// ---- what the address says ----

function read_address() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (given.get("token")) {
    // Not to be left in the history.
    token = given.get("token");
    given.delete("token");
    history.replaceState(null, "", given.size > 0 ? `#${given}` : location.pathname);
  }
  if (given.get("guild")) wanted = { guild: given.get("guild"), log: given.get("log") !== "off" };
  by_id("with-log").checked = wanted?.log ?? true;
}

by_id("language").value = localStorage.getItem("language") ?? "en";
by_id("language").onchange = () => {
  localStorage.setItem("language", language());
  guild.say_anew();
};
window.addEventListener("online", () => connection.try_now());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible") return;
  connection.try_now();
  connection.probe();
});

read_address();
show_screen();
connection.start();
