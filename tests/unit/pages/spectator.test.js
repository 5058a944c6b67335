// The modules of the spectator panel that need no browser.
import assert from "node:assert/strict";
import { test } from "node:test";

import { make_clock } from "./support.js";
import { make_backoff } from "../../../examples/spectator/page/backoff.js";
import { make_client } from "../../../examples/spectator/page/client.js";
import { make_connection } from "../../../examples/spectator/page/connection.js";
import { make_interpreter } from "../../../examples/spectator/page/interpreter.js";
import { words_of } from "../../../examples/spectator/page/words.js";

function make_line() {
  const sent = [];
  const pushed = [];
  const line = { is_open: true, send: (frame) => line.is_open && Boolean(sent.push(frame)) };
  const client = make_client({ connection: () => line, on_push: (kind, data) => pushed.push([kind, data]) });
  return { line, sent, pushed, client };
}

test("client: answers find their requests by id, in any order", async () => {
  const { sent, client } = make_line();
  const first = client.ask("pool", { of: "guilds" });
  const second = client.ask("spectate", { guild: "g1" });
  assert.deepEqual(sent.map(({ kind }) => kind), ["pool", "spectate"]);
  client.hear({ id: sent[1].id, kind: "reply", data: 2 });
  client.hear({ id: sent[0].id, kind: "error", data: { code: "forbidden" } });
  assert.equal(await second, 2);
  await assert.rejects(first, { code: "forbidden" });
});

test("client: a reply is acted on before what comes behind it", () => {
  const seen = [];
  const { sent, client } = make_line();
  client.ask("spectate", { guild: "g2" }, (reply) => seen.push(reply));
  client.hear({ id: sent[0].id, kind: "reply", data: "entered" });
  assert.deepEqual(seen, ["entered"]);
});

test("client: pushes have no id, and answers that nobody waits for are nothing", () => {
  const { pushed, client } = make_line();
  client.hear({ kind: "log_pool", data: { guild: "g1" } });
  client.hear({ id: 99, kind: "reply", data: 1 });
  client.hear({ kind: "token_expired" });
  assert.deepEqual(pushed, [["log_pool", { guild: "g1" }], ["token_expired", {}]]);
});

test("client: what a lost connection leaves open has failed", async () => {
  const { line, client } = make_line();
  const open = client.ask("pool", {});
  client.lost();
  await assert.rejects(open, { code: "connection_lost" });
  line.is_open = false;
  await assert.rejects(client.ask("pool", {}), { code: "connection_lost" });
});

test("interpreter: entries of a moment are one request, and a hundred at most", async () => {
  const asked = [];
  const ask = async (kind, data) => {
    asked.push(data);
    return { texts: data.entries.map(({ code }) => (code === "unknown" ? null : `${code} in words`)) };
  };
  const interpreter = make_interpreter({ ask, language: () => "de" });
  const texts = [];
  await new Promise((done) => {
    for (let n = 0; n < 130; ++n) {
      interpreter.add({ code: n === 7 ? "unknown" : `c${n}`, parameters: {} }, (text) => {
        texts.push(text);
        if (texts.length === 130) done();
      });
    }
  });
  assert.deepEqual(asked.map(({ entries, language }) => [entries.length, language]), [[100, "de"], [30, "de"]]);
  assert.equal(texts[0], "c0 in words");
  assert.equal(texts[7], "unknown");
});

test("interpreter: without an answer the code is said", async () => {
  const interpreter = make_interpreter({ ask: async () => Promise.reject({ code: "connection_lost" }), language: () => "en" });
  assert.equal(await new Promise((done) => interpreter.add({ code: "member_left" }, done)), "member_left");
});

test("words: of a code that is known, of the server's own, of nothing", () => {
  assert.match(words_of({ code: "token_expired" }), /expired/);
  assert.equal(words_of({ code: "new_code", description: "the server says so" }), "The server says so.");
  assert.equal(words_of({}), "Something went wrong.");
});

function make_way() {
  const clock = make_clock();
  const sockets = [];
  const said = [];
  const connection = make_connection({
    make_socket() {
      const socket = { frames: [], close: () => (socket.is_closed = true), send: (text) => socket.frames.push(JSON.parse(text)) };
      sockets.push(socket);
      return socket;
    },
    on_state: ({ state }) => said.push(state),
    on_open: () => said.push("opened"),
    on_lost: () => said.push("lost"),
    on_frame: (frame) => said.push(frame.kind),
    on_silence: () => said.push("silence"),
    backoff: make_backoff({ random: () => 1 }),
    clock,
  });
  return { clock, sockets, said, connection };
}

test("connection: lost, it is made again after longer and longer pauses", () => {
  const { clock, sockets, said, connection } = make_way();
  connection.start();
  assert.equal(connection.send({ kind: "x" }), false);
  sockets[0].onopen();
  assert.ok(connection.send({ kind: "x" }));
  sockets[0].onclose();
  assert.deepEqual(said, ["connecting", "open", "opened", "waiting", "lost"]);
  clock.pass(500);
  assert.equal(sockets.length, 2);
  sockets[1].onclose();
  clock.pass(999);
  assert.equal(sockets.length, 2);
  clock.pass(1);
  assert.equal(sockets.length, 3);
  sockets[0].onmessage({ data: '{"kind":"late"}' });
  assert.ok(!said.includes("late"), "an abandoned socket is not listened to");
});

test("connection: silence is asked about, and no answer is the end of it", () => {
  const { clock, sockets, said, connection } = make_way();
  connection.start();
  sockets[0].onopen();
  clock.pass(25000);
  assert.equal(said.at(-1), "silence");
  sockets[0].onmessage({ data: '{"kind":"reply"}' });
  clock.pass(24999);
  assert.equal(said.at(-1), "reply");
  clock.pass(1);
  clock.pass(10000);
  assert.deepEqual(said.slice(-3), ["silence", "waiting", "lost"]);
});

test("connection: nonsense is no frame", () => {
  const { sockets, said, connection } = make_way();
  connection.start();
  sockets[0].onopen();
  for (const data of ["", "[]", "null", "{", '{"kind":5}', '"x"']) sockets[0].onmessage({ data });
  assert.equal(said.at(-1), "opened");
});

test("connection: begun anew by hand, what was open is lost", () => {
  const { sockets, said, connection } = make_way();
  connection.start();
  sockets[0].onopen();
  connection.restart();
  assert.ok(sockets[0].is_closed);
  assert.deepEqual(said.slice(-2), ["connecting", "lost"]);
});
