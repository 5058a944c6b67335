import assert from "node:assert/strict";
import { test } from "node:test";

import { make_area } from "./support.js";
import { make_storage } from "../../../examples/texto/page/storage.js";
import { make_store } from "../../../examples/texto/page/store.js";

const fresh = (area = make_area()) => make_store(make_storage(area));
const letter = (id, time, more = {}) => ({ id, is_own: false, text: `text of ${id}`, time, state: "received", ...more });
const own = (id, time, state = "waiting") => letter(id, time, { is_own: true, state });

test("store: all of it is there after a reload", () => {
  const area = make_area();
  const store = fresh(area);
  const gustav = store.add_contact("id-g", { name: "Gustav", time: 1 });
  store.add_message(gustav.key, letter("m1", 2));
  store.change_contact(gustav.key, { draft: "half a sent" });
  store.set_own_id("me");
  const again = fresh(area);
  assert.deepEqual(again.contacts(), [{ ...gustav, draft: "half a sent", unread: 1, time: 2 }]);
  assert.deepEqual(again.messages(gustav.key), [letter("m1", 2)]);
  assert.equal(again.own_id(), "me");
});

test("store: the own id is new when there was another one before, until that is known", () => {
  const area = make_area();
  const store = fresh(area);
  store.set_own_id("a");
  assert.equal(store.own_id_is_new(), false);
  store.set_own_id("b");
  assert.equal(store.own_id_is_new(), true);
  assert.equal(fresh(area).own_id_is_new(), true);
  store.own_id_is_known();
  store.set_own_id("b");
  assert.equal(store.own_id_is_new(), false);
});

test("store: unread ones are counted, own ones are not", () => {
  const store = fresh();
  const one = store.add_contact("1", { time: 0 });
  const other = store.add_contact("2", { time: 0 });
  store.add_message(one.key, letter("a", 1));
  store.add_message(one.key, letter("b", 2));
  store.add_message(other.key, letter("c", 3));
  store.add_message(other.key, own("d", 4));
  assert.equal(store.unread(), 3);
  store.change_contact(one.key, { unread: 0 });
  assert.equal(store.unread(), 1);
});

test("store: a message that is there already is not added again", () => {
  const store = fresh();
  const { key } = store.add_contact("1");
  store.add_message(key, letter("a", 1));
  store.add_message(key, letter("a", 2));
  assert.equal(store.messages(key).length, 1);
  assert.equal(store.contact(key).unread, 1);
});

test("store: who was last written with comes first", () => {
  const store = fresh();
  for (const time of [1, 2, 3]) store.add_contact(String(time), { time });
  assert.deepEqual(store.contacts().map((each) => each.id), ["3", "2", "1"]);
  store.add_message(store.contact_with_id("1").key, letter("a", 9));
  assert.deepEqual(store.contacts().map((each) => each.id), ["1", "3", "2"]);
});

test("store: recent messages are kept, older ones are not, unsent ones always", () => {
  const store = fresh();
  const { key } = store.add_contact("1");
  store.add_message(key, own("unsent", 0));
  for (let i = 1; i <= 600; ++i) store.add_message(key, letter(`m${i}`, i));
  const kept = store.messages(key);
  assert.equal(kept.length, 501 - 1);
  assert.equal(kept[0].id, "unsent");
  assert.equal(kept[1].id, "m102");
  assert.equal(kept.at(-1).id, "m600");
});

test("store: where the browser is full, the older half is forgotten", () => {
  const area = make_area(12000);
  const store = fresh(area);
  const { key } = store.add_contact("1");
  for (let i = 1; i <= 300; ++i) store.add_message(key, letter(`m${i}`, i));
  assert.equal(store.messages(key).at(-1).id, "m300");
  assert.ok(store.messages(key).length < 300);
  assert.deepEqual(fresh(area).messages(key), store.messages(key));
});

test("store: unsent ones of all contacts, in the order in which they were written", () => {
  const area = make_area();
  const store = fresh(area);
  const [one, other] = ["1", "2"].map((id) => store.add_contact(id).key);
  store.add_message(one, own("c", 3));
  store.add_message(other, own("b", 2));
  store.add_message(one, own("sent", 1, "sent"));
  store.add_message(other, own("a", 1));
  const found = fresh(area).unsent();
  assert.deepEqual(found.map(({ key, message }) => [key, message.id]), [[other, "a"], [other, "b"], [one, "c"]]);
});

test("store: a stranger is one until written to", () => {
  const store = fresh();
  const { key } = store.add_contact("1", { is_stranger: true });
  store.add_message(key, letter("a", 1));
  assert.equal(store.contact(key).is_stranger, true);
  assert.deepEqual(store.known_keys(), []);
  store.add_message(key, own("b", 2));
  assert.equal(store.contact(key).is_stranger, false);
  assert.deepEqual(store.known_keys(), [key]);
});

test("store: a flood of strangers pushes out strangers, not friends", () => {
  const area = make_area();
  const store = fresh(area);
  const friend = store.add_contact("friend", { time: 0 });
  for (let i = 1; i <= 500; ++i) {
    const { key } = store.add_contact(`s${i}`, { is_stranger: true, time: i });
    store.add_message(key, letter(`m${i}`, i));
  }
  assert.equal(store.contacts().length, 200);
  assert.equal(store.contact(friend.key).id, "friend");
  assert.equal(store.contact_with_id("s1"), undefined);
  assert.ok([...area.kept.keys()].length <= 202, "their messages have gone with them");
});

test("store: somebody known who comes back under a new id is one person again", () => {
  const area = make_area();
  const store = fresh(area);
  const tina = store.add_contact("old", { name: "Tina", time: 0 });
  store.add_message(tina.key, letter("a", 1));
  store.add_message(tina.key, own("c", 3));
  const stranger = store.add_contact("new", { is_stranger: true, time: 0 });
  store.add_message(stranger.key, letter("b", 2));
  store.merge(stranger.key, tina.key);
  for (const each of [store, fresh(area)]) {
    assert.equal(each.contacts().length, 1);
    const { id, name, unread, time, is_stranger } = each.contacts()[0];
    assert.deepEqual({ id, name, unread, time, is_stranger }, { id: "new", name: "Tina", unread: 2, time: 3, is_stranger: false });
    assert.deepEqual(each.messages(tina.key).map((message) => message.id), ["a", "b", "c"]);
  }
  assert.equal(store.contact(stranger.key).name, "Tina", "who still holds the old key finds her");
});

test("store: who is removed is gone, with the conversation", () => {
  const area = make_area();
  const store = fresh(area);
  const { key } = store.add_contact("1");
  store.add_message(key, own("a", 1));
  store.remove_contact(key);
  store.change_message(key, "a", { state: "sent" });
  assert.equal(store.contact(key), undefined);
  assert.deepEqual(store.unsent(), []);
  assert.deepEqual([...area.kept.keys()], ["texto.v1.contacts"]);
});

test("store: listeners hear what has changed", () => {
  const store = fresh();
  const heard = [];
  store.listen((what) => heard.push(what));
  const { key } = store.add_contact("1");
  store.add_message(key, letter("a", 1));
  store.set_own_id("me");
  assert.deepEqual(heard, ["contacts", "messages", "contacts", "own"]);
});
