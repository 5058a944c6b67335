// The rooms' modules that need no browser.
import assert from "node:assert/strict";
import { test } from "node:test";

import { make_chat } from "../../../examples/socketio/page/chat.js";
import { hue_of, span_text } from "../../../examples/socketio/page/dom.js";
import { make_store } from "../../../examples/socketio/page/store.js";

function make_storage() {
  const kept = new Map();
  return { kept, getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value) };
}

const ann = { id: "a1", user: "ann", name: "Ann" };
const turn = () => new Promise((done) => setTimeout(done, 0));

/** A chat whose server is `answers`: functions by event. */
function make(answers = {}, in_sight = null) {
  const store = make_store(make_storage());
  const asked = [];
  const troubles = [];
  const chat = make_chat({ store, is_in_sight: (key) => key === in_sight, on_trouble: (words) => troubles.push(words) });
  chat.use({
    id: () => "me",
    tell: (event, value) => asked.push([event, value]),
    async ask(event, value) {
      asked.push([event, value]);
      return answers[event]?.(value) ?? { room: value, members: [ann], time: 5 };
    },
  });
  return { store, chat, asked, troubles };
}

const notes = (store, key) => store.get(key).messages.filter((each) => each.note).map((each) => each.note);

test("store: name and rooms outlive the page, whispers do not", () => {
  const storage = make_storage();
  const store = make_store(storage);
  store.set_name("Tina");
  store.open_room("garden");
  store.open_room("hall");
  store.open_whispers(ann);
  store.close("hall");
  const again = make_store(storage);
  assert.equal(again.name(), "Tina");
  assert.deepEqual(again.kept_rooms(), ["garden"]);
  assert.deepEqual(again.all(), []);
});

test("store: a storage that fails, or holds something else, is none", () => {
  const broken = { getItem: () => "{", setItem: () => { throw new Error("full"); } };
  const store = make_store(broken);
  store.set_name("Tina");
  assert.equal(store.name(), "");
  assert.deepEqual(store.kept_rooms(), []);
  assert.equal(store.open_room("garden").name, "garden");
});

test("store: the oldest of more than 500 messages go, and what is unseen is counted", () => {
  const store = make_store(make_storage());
  store.open_room("garden");
  for (let number = 0; number < 510; number++) store.add("garden", { from: ann, text: String(number) }, number < 500);
  store.add("garden", { note: "Ann left" }, false);
  assert.equal(store.get("garden").messages.length, 500);
  assert.equal(store.get("garden").messages[0].text, "11");
  assert.equal(store.unread(), 10);
  assert.equal(store.add("elsewhere", { text: "x" }, true), null);
});

test("chat: what comes is put where it belongs", async () => {
  const { chat, store } = make({}, "garden");
  await chat.join("garden");
  await chat.join("hall");
  chat.event("message", { room: "garden", from: ann, text: "seen", time: 1 });
  chat.event("message", { room: "hall", from: ann, text: "unseen", time: 2 });
  chat.event("message", { room: "no room of mine", from: ann, text: "x", time: 3 });
  chat.event("whisper", { from: ann, text: "psst" });
  chat.event("an event of tomorrow", {});
  assert.equal(store.get("garden").unread, 0);
  assert.equal(store.get("hall").unread, 1);
  assert.equal(store.get("@a1").messages[0].text, "psst");
  assert.equal(store.all().length, 3);
});

test("chat: who comes and goes", async () => {
  const { chat, store } = make();
  await chat.join("garden");
  const bob = { id: "b1", user: "bob", name: "Bob" };
  chat.event("presence", { room: "garden", who: bob, is_here: true });
  assert.deepEqual([...store.get("garden").members.keys()], ["a1", "b1"]);
  chat.event("typing", { room: "garden", from: bob });
  assert.equal(store.get("garden").typing.size, 1);
  chat.event("presence", { room: "garden", who: bob, is_here: false });
  assert.equal(store.get("garden").typing.size, 0);
  assert.deepEqual(notes(store, "garden"), ["Bob came", "Bob left"]);
});

test("chat: a text is sent, or it is said why not, and can be sent again", async () => {
  let is_broken = false;
  const { chat, store } = make({ message: () => { if (is_broken) throw new Error("The server did not answer"); } });
  await chat.join("garden");
  chat.send_text("garden", "one");
  assert.equal(store.get("garden").messages[0].state, "waiting");
  await turn();
  assert.deepEqual([store.get("garden").messages[0].state, store.get("garden").messages[0].time], ["sent", 5]);
  is_broken = true;
  chat.send_text("garden", "two");
  await turn();
  const second = store.get("garden").messages[1];
  assert.deepEqual([second.state, second.why], ["failed", "The server did not answer"]);
  is_broken = false;
  second.again();
  await turn();
  assert.equal(second.state, "sent");
});

test("chat: the first time, the rooms of last time are joined; a session that came back joins none", async () => {
  const { chat, store, asked } = make();
  store.open_room("garden");
  await chat.opened({ is_recovered: false, away: null });
  assert.deepEqual(asked, [["join room", "garden"]]);
  assert.deepEqual(notes(store, "garden"), []);
  await chat.opened({ is_recovered: true, away: 4000 });
  assert.equal(asked.length, 1);
  assert.deepEqual(notes(store, "garden"), ["Back after 4 s. Nothing was missed."]);
  await chat.opened({ is_recovered: false, away: 180000 });
  assert.equal(asked.length, 2);
  assert.match(notes(store, "garden")[1], /^Back after 3 min, as somebody new/);
});

test("chat: a room that cannot be joined is said", async () => {
  const { chat, store, troubles } = make({ "join room": () => { throw new Error("too many groups"); } });
  assert.equal(await chat.join("garden"), false);
  assert.deepEqual(troubles, ["too many groups"]);
  assert.equal(store.get("garden"), undefined);
});

test("chat: typing is told now and then, and only in rooms", async () => {
  const { chat, store, asked } = make();
  await chat.join("garden");
  store.open_whispers(ann);
  for (let count = 0; count < 5; count++) chat.typed("garden");
  chat.typed("@a1");
  assert.deepEqual(asked.slice(1), [["typing", "garden"]]);
});

test("words: spans and colours", () => {
  assert.deepEqual([10, 1400, 119000, 180000].map(span_text), ["1 s", "1 s", "119 s", "3 min"]);
  assert.equal(hue_of("Ann"), hue_of("Ann"));
  assert.ok(hue_of("Grüße 👋") >= 0 && hue_of("Grüße 👋") < 360);
});
