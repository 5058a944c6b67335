import assert from "node:assert/strict";
import { test } from "node:test";

import { make_area } from "./support.js";
import { make_backoff } from "../../../examples/texto/page/backoff.js";
import { find_id, hue_of, new_id, short_id } from "../../../examples/texto/page/ids.js";
import { make_frame, read_frame } from "../../../examples/texto/page/protocol.js";
import { make_storage } from "../../../examples/texto/page/storage.js";

const id = "1b4e28ba-2fa1-41d2-883f-0016d3cca427";

test("ids: found in what people paste", () => {
  assert.equal(find_id(id), id);
  assert.equal(find_id(`  ${id.toUpperCase()}\n`), id);
  assert.equal(find_id(`https://chat.example/?to=${id}&x`), id);
  for (const text of ["", "hello", id.slice(1), id.replace("-", " "), id.replace("b", "g")]) assert.equal(find_id(text), null);
});

test("ids: made ones are UUIDs of version 4, and differ", () => {
  const made = new Set(Array.from({ length: 100 }, new_id));
  assert.equal(made.size, 100);
  for (const each of made) assert.match(each, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("ids: short ones and colours", () => {
  assert.equal(short_id(id), "1b4e28ba");
  assert.equal(hue_of(id), hue_of(id));
  assert.notEqual(hue_of(id), hue_of("x" + id));
  assert.ok(hue_of(id) >= 0 && hue_of(id) < 360);
});

test("backoff: doubles up to a bound, at least half of it, and begins anew", () => {
  for (const [random, share] of [[0, 0.5], [1, 1]]) {
    const backoff = make_backoff({ first: 100, most: 1000, random: () => random });
    const pauses = Array.from({ length: 6 }, () => backoff.next());
    assert.deepEqual(pauses, [100, 200, 400, 800, 1000, 1000].map((pause) => pause * share));
    backoff.reset();
    assert.equal(backoff.next(), 100 * share);
  }
});

test("backoff: many attempts stay within the bound", () => {
  const backoff = make_backoff({ first: 500, most: 30000, random: () => 1 });
  for (let i = 0; i < 5000; ++i) assert.ok(backoff.next() <= 30000);
});

test("protocol: a frame is made with all fields", () => {
  assert.equal(make_frame("c", "i", "send", { text: "ü" }), '{"client_id":"c","id":"i","kind":"send","data":{"text":"ü"}}');
  assert.equal(make_frame("c", "i", "ack"), '{"client_id":"c","id":"i","kind":"ack","data":{}}');
});

test("protocol: what a server says is read", () => {
  const cases = [
    ["connection", { client_id: "c" }],
    ["ack", {}],
    ["receive", { sender_id: "s", text: "" }],
    ["error", { code: "EKIND", description: "…" }],
  ];
  for (const [kind, data] of cases)
    assert.deepEqual(read_frame(JSON.stringify({ client_id: "c", id: "i", kind, data })), { id: "i", kind, data });
  assert.deepEqual(read_frame('{"id":"i","kind":"ack"}'), { id: "i", kind: "ack", data: {} });
});

test("protocol: anything else is nothing", () => {
  const cases = [
    "", "{", "null", "7", "[]", "{}", '{"kind":"ack"}', '{"id":7,"kind":"ack"}', '{"id":"i","kind":"dance"}',
    '{"id":"i","kind":"toString"}', '{"id":"i","kind":"connection","data":{}}', '{"id":"i","kind":"connection","data":null}',
    '{"id":"i","kind":"receive","data":{"sender_id":"s"}}', '{"id":"i","kind":"receive","data":{"sender_id":1,"text":"t"}}',
    '{"id":"i","kind":"error","data":{"description":"d"}}',
  ];
  for (const text of cases) assert.equal(read_frame(text), null, text);
});

test("storage: what is kept is loaded, what is not JSON is not", () => {
  const area = make_area();
  const storage = make_storage(area);
  assert.deepEqual(storage.load("a", ["otherwise"]), ["otherwise"]);
  assert.equal(storage.save("a", { b: [1] }), true);
  assert.deepEqual(make_storage(area).load("a", null), { b: [1] });
  area.kept.set("texto.v1.a", "{");
  assert.equal(storage.load("a", 5), 5);
  storage.remove("a");
  assert.equal(area.kept.size, 0);
});

test("storage: a browser that keeps nothing is told of, and nothing breaks", () => {
  let told = 0;
  const refuse = () => {
    throw new Error("SecurityError");
  };
  const storage = make_storage({ getItem: refuse, setItem: refuse, removeItem: refuse }, () => ++told);
  assert.equal(storage.load("a", 1), 1);
  assert.equal(storage.save("a", 2), false);
  storage.remove("a");
  assert.equal(told, 1);
});
