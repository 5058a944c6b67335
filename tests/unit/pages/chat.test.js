import assert from "node:assert/strict";
import { test } from "node:test";

import { make_area } from "./support.js";
import { make_chat } from "../../../examples/texto/page/chat.js";
import { make_storage } from "../../../examples/texto/page/storage.js";
import { make_store } from "../../../examples/texto/page/store.js";

/** A chat whose connection is a list of what was sent. */
function made(area = make_area()) {
  const sent = [];
  const troubles = [];
  const store = make_store(make_storage(area));
  let is_open = false;
  const connection = {
    is_open: () => is_open,
    send: (kind, id, data) => is_open && sent.push({ kind, id, data }) > 0,
  };
  let time = 0;
  const chat = make_chat({ store, connection, now: () => ++time, on_trouble: (words) => troubles.push(words) });
  const open = (id = "me") => {
    is_open = true;
    chat.opened(id);
  };
  return { area, chat, store, sent, troubles, open, close: () => (is_open = false) };
}

const states = (store, key) => store.messages(key).map((message) => message.state);
const ack = (id) => ({ id, kind: "ack", data: {} });
const error = (id, code, description = "") => ({ id, kind: "error", data: { code, description } });
const receive = (id, sender_id, text) => ({ id, kind: "receive", data: { sender_id, text } });

test("chat: a text is sent, and ticked when the server has it", () => {
  const { chat, store, sent, open } = made();
  open();
  const { key } = store.add_contact("g");
  chat.send(key, "Hallo");
  assert.deepEqual(sent, [{ kind: "send", id: store.messages(key)[0].id, data: { receiver_id: "g", text: "Hallo" } }]);
  assert.deepEqual(states(store, key), ["waiting"]);
  chat.frame(ack(sent[0].id));
  assert.deepEqual(states(store, key), ["sent"]);
});

test("chat: what is written without a connection goes out with one, in order, once", () => {
  const { chat, store, sent, open } = made();
  const { key } = store.add_contact("g");
  for (const text of ["1", "2", "3"]) chat.send(key, text);
  assert.deepEqual(sent, []);
  open();
  assert.deepEqual(sent.map((frame) => frame.data.text), ["1", "2", "3"]);
  chat.frame(ack(sent[0].id));
  assert.equal(sent.length, 3);
});

test("chat: it goes out after a reload too", () => {
  const first = made();
  const { key } = first.store.add_contact("g");
  first.chat.send(key, "kept");
  const second = made(first.area);
  second.open();
  assert.deepEqual(second.sent.map((frame) => frame.data.text), ["kept"]);
});

test("chat: what was not acknowledged goes out again under the same id, and is there once", () => {
  const { chat, store, sent, open, close } = made();
  open();
  const { key } = store.add_contact("g");
  chat.send(key, "a");
  chat.send(key, "b");
  chat.frame(ack(sent[0].id));
  close();
  open("another");
  assert.deepEqual(sent.map((frame) => frame.data.text), ["a", "b", "b"]);
  assert.equal(sent[1].id, sent[2].id);
  chat.frame(ack(sent[2].id));
  chat.frame(ack(sent[2].id));
  assert.deepEqual(states(store, key), ["sent", "sent"]);
});

test("chat: a long queue goes out in portions", () => {
  const { chat, store, sent, open } = made();
  const { key } = store.add_contact("g");
  for (let i = 0; i < 100; ++i) chat.send(key, String(i));
  open();
  assert.equal(sent.length, 32);
  for (let i = 0; i < 100; ++i) chat.frame(ack(sent[i].id));
  assert.deepEqual(sent.map((frame) => frame.data.text), Array.from({ length: 100 }, (_, i) => String(i)));
});

test("chat: a refusal is shown with the message, which can be tried again", () => {
  const { chat, store, sent, troubles, open } = made();
  open();
  const { key } = store.add_contact("g");
  chat.send(key, "a");
  chat.frame(error(sent[0].id, "ENOENT"));
  assert.deepEqual(states(store, key), ["failed"]);
  assert.equal(store.messages(key)[0].why, "Nobody has this id now");
  open("later");
  assert.equal(sent.length, 1, "it does not go out by itself");
  chat.try_again(key, sent[0].id);
  assert.equal(sent.length, 2);
  assert.equal(store.messages(key)[0].why, undefined);
  chat.frame(ack(sent[1].id));
  assert.deepEqual(states(store, key), ["sent"]);
  assert.deepEqual(troubles, []);
});

test("chat: an error about nothing that is known is told", () => {
  const { chat, troubles, open } = made();
  open();
  chat.frame(error("x", "ESYNTAX", "this is not JSON"));
  assert.deepEqual(troubles, ["ESYNTAX: this is not JSON"]);
});

test("chat: what comes is kept and acknowledged", () => {
  const { chat, store, sent, open } = made();
  open();
  const { key } = store.add_contact("g", { name: "Gustav" });
  chat.frame(receive("r1", "g", "Hallo"));
  const [{ text, is_own, state }] = store.messages(key);
  assert.deepEqual({ text, is_own, state }, { text: "Hallo", is_own: false, state: "received" });
  assert.deepEqual(sent, [{ kind: "ack", id: "r1", data: undefined }]);
});

test("chat: who is not known is a stranger, once", () => {
  const { chat, store, open } = made();
  open();
  chat.frame(receive("r1", "s", "1"));
  chat.frame(receive("r2", "s", "2"));
  assert.equal(store.contacts().length, 1);
  assert.equal(store.contacts()[0].is_stranger, true);
  assert.equal(store.unread(), 2);
});

test("chat: contacts are told of a new id, strangers are not", () => {
  const { chat, store, sent, open } = made();
  open("me-2");
  store.add_contact("g");
  store.add_contact("s", { is_stranger: true });
  assert.equal(chat.tell_own_id(), 1);
  assert.deepEqual(sent.map((frame) => frame.data), [{ receiver_id: "g", text: "My Texto id is now me-2" }]);
});

test("chat: an ack finds its message after its contact was merged with another", () => {
  const { chat, store, sent, open } = made();
  open();
  const old = store.add_contact("g-old", { name: "Gustav" });
  const stranger = store.add_contact("g-new", { is_stranger: true });
  chat.send(stranger.key, "is it you?");
  store.merge(stranger.key, old.key);
  chat.frame(ack(sent[0].id));
  assert.deepEqual(states(store, old.key), ["sent"]);
});

test("chat: an ack for somebody who was removed is about nothing", () => {
  const { chat, store, sent, open } = made();
  open();
  const { key } = store.add_contact("g");
  chat.send(key, "a");
  store.remove_contact(key);
  chat.frame(ack(sent[0].id));
  assert.deepEqual(store.contacts(), []);
});
