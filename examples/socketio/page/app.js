// Puts the parts together: the client, the conversations and the views.

import { make_chat } from "./chat.js";
import { make_connection } from "./connection.js";
import { by_id, set_text, toast } from "./dom.js";
import { read_image } from "./images.js";
import { make_members_dialog } from "./members_dialog.js";
import { make_people_view } from "./people_view.js";
import { make_store } from "./store.js";
import { make_talk_view } from "./talk_view.js";

const store = make_store(localStorage);
let connection = null;

const is_in_sight = (key) => talk.key() === key && document.visibilityState === "visible";
const chat = make_chat({ store, is_in_sight, on_trouble: toast });
const people = make_people_view({
  store,
  on_open: (key) => open(key),
  on_come_back: () => connection.come_back(),
  async on_join(room) {
    if (store.get(room) || (await chat.join(room))) open(room);
  },
});
const talk = make_talk_view({
  store,
  on_send: chat.send_text,
  on_typed: chat.typed,
  on_back: leave_talk,
  on_leave: (key) => {
    chat.leave(key);
    leave_talk();
  },
  on_members: (key) => members.open(key),
  async on_image(key, file) {
    try {
      chat.send_image(key, await read_image(file));
    } catch (error) {
      toast(error.message);
    }
  },
});
const members = make_members_dialog({ store, own_id: () => connection.id(), on_whisper: (who) => open(store.open_whispers(who).key) });

// ---- which conversation: the browser's Back leads from it to the list ----

function show_talk(key) {
  const left = talk.key();
  by_id("app").dataset.screen = key === null ? "people" : "talk";
  talk.open(key);
  read();
  people.mark_open(key);
  if (key !== null) talk.focus();
  else if (left) people.focus(left);
}

function open(key) {
  if (history.state?.key) history.replaceState({ key }, "");
  else history.pushState({ key }, "");
  show_talk(key);
}

function leave_talk() {
  if (history.state?.key) history.back();
  else show_talk(null);
}

window.addEventListener("popstate", (event) => show_talk(store.get(event.state?.key)?.key ?? null));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && talk.key() !== null && !document.querySelector("dialog[open]") && !event.isComposing) leave_talk();
});

/** What is in sight is read. */
function read() {
  const it = talk.key() && store.get(talk.key());
  if (it && document.visibilityState === "visible") it.unread = 0;
}

// ---- what changes is shown, at most once a turn ----

let is_asked = false;
store.listen(() => {
  if (is_asked) return;
  is_asked = true;
  // Not an animation frame: in a hidden tab none comes, and the title counts there.
  setTimeout(() => {
    is_asked = false;
    if (talk.key() !== null && !store.get(talk.key())) return show_talk(null);
    read();
    people.show();
    talk.show();
  }, 0);
});
document.addEventListener("visibilitychange", store.tell);

// ---- a name first: it goes with the connection ----

function start(name) {
  people.show_name(name);
  connection = make_connection({
    name,
    on_state: people.show_state,
    on_open: chat.opened,
    on_event: chat.event,
  });
  chat.use(connection);
}

function ask_name() {
  by_id("name").value = store.name();
  by_id("name-dialog").showModal();
}

by_id("name-dialog").oncancel = (event) => event.preventDefault();
by_id("name-form").onsubmit = () => {
  store.set_name(by_id("name").value.trim());
  if (connection === null) start(store.name());
  else location.reload(); // one name for each connection
};
by_id("rename").onclick = () => {
  by_id("name-dialog").oncancel = null;
  ask_name();
};

people.show();
if (typeof io === "undefined") {
  people.show_state({ state: "sent away", words: "socket.io.min.js is not beside this page: run fetch_client.sh" });
  set_text(by_id("own-name"), "nobody");
  by_id("come-back").hidden = by_id("rename").hidden = true;
} else if (store.name()) {
  start(store.name());
} else {
  ask_name();
}
