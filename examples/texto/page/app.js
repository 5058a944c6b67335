// Puts the parts together: store, connection, chat and views.

import { make_chat } from "./chat.js";
import { make_connection } from "./connection.js";
import { make_contact_dialog } from "./contact_dialog.js";
import { by_id, toast } from "./dom.js";
import { find_id } from "./ids.js";
import { make_me_view } from "./me_view.js";
import { make_people_view } from "./people_view.js";
import { make_storage } from "./storage.js";
import { make_store } from "./store.js";
import { be_the_only_tab } from "./tabs.js";
import { make_talk_view } from "./talk_view.js";

const store = make_store(make_storage(localStorage, () => toast("The browser's storage is full: older messages are forgotten")));

function make_socket() {
  const address = new URL("v1/texto", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  address.search = address.hash = "";
  return new WebSocket(address);
}

const connection = make_connection({
  make_socket,
  on_state: (state) => me.show_connection(state),
  on_open: (id) => chat.opened(id),
  on_frame: (frame) => chat.frame(frame),
});
const chat = make_chat({ store, connection, on_trouble: toast });

const me = make_me_view({ store, on_try_now: () => connection.try_now(), on_tell: () => chat.tell_own_id() });
const people = make_people_view({ store, on_open: (key) => open(key) });
const talk = make_talk_view({ store, on_send: chat.send, on_try_again: chat.try_again, on_back: leave, on_edit: (key) => dialog.open(key) });
const dialog = make_contact_dialog({ store, on_moved: (key) => show_talk(key), on_removed: () => show_talk(null) });

// ---- which conversation: the browser's Back leads from it to the contacts ----

function show_talk(key) {
  const left = talk.key();
  by_id("app").dataset.screen = key === null ? "people" : "talk";
  talk.open(key);
  people.mark_open(key);
  read();
  if (key !== null) talk.focus();
  else if (left) people.focus(left);
}

function open(key) {
  if (history.state?.key) history.replaceState({ key }, "");
  else history.pushState({ key }, "");
  show_talk(key);
}

function leave() {
  if (history.state?.key) history.back();
  else show_talk(null);
}

window.addEventListener("popstate", (event) => {
  const contact = event.state?.key ? store.contact(event.state.key) : null;
  show_talk(contact?.key ?? null);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && talk.key() !== null && !dialog.is_open() && !event.isComposing) leave();
});

/** What is in sight is read. */
function read() {
  const contact = talk.key() && store.contact(talk.key());
  if (contact && contact.unread > 0 && document.visibilityState === "visible") store.change_contact(contact.key, { unread: 0 });
}

// ---- what changes is shown, at most once a frame ----

let is_asked = false;
function show() {
  is_asked = false;
  if (talk.key() !== null && !store.contact(talk.key())) return show_talk(null);
  read();
  me.show_own();
  people.show();
  talk.show();
}
store.listen(() => {
  if (is_asked) return;
  is_asked = true;
  // Not an animation frame: in a hidden tab none comes, and the title counts there.
  setTimeout(show, 0);
});

window.addEventListener("online", () => connection.try_now());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible") return talk.keep_draft();
  connection.try_now();
  connection.probe();
  show();
});

// ---- ?to=… is somebody to write to ----

function open_invitation() {
  const id = find_id(new URLSearchParams(location.search).get("to") ?? "");
  if (location.search) history.replaceState(null, "", location.pathname);
  if (id && id !== store.own_id()) open((store.contact_with_id(id) ?? store.add_contact(id)).key);
}

people.show();
be_the_only_tab({
  on_start() {
    const last = history.state?.key;
    if (last && store.contact(last)) show_talk(last);
    open_invitation();
    connection.start();
  },
  on_stop: () => connection.stop(),
});
