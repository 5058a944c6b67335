import assert from "node:assert/strict";
import { test } from "node:test";

import { make_clock, make_network } from "./support.js";
import { make_backoff } from "../../../examples/texto/page/backoff.js";
import { make_connection } from "../../../examples/texto/page/connection.js";

/** A started connection, with all that it says. Pauses are 500, 1000, 2000 … ms. */
function started(more = {}) {
  const network = make_network();
  const clock = make_clock();
  const said = [];
  const connection = make_connection({
    make_socket: network.make_socket,
    clock,
    backoff: make_backoff({ random: () => 1 }),
    on_state: ({ state }) => said.push(state),
    on_open: (id) => said.push(`open as ${id}`),
    on_frame: (frame) => said.push(frame.kind),
    ...more,
  });
  connection.start();
  return { network, clock, said, connection };
}

test("connection: it is open when the server has said who one is", () => {
  const { network, said, connection } = started();
  assert.deepEqual(said, ["connecting"]);
  assert.equal(connection.is_open(), false);
  network.last().greet("me");
  assert.deepEqual(said, ["connecting", "open as me", "open"]);
  assert.equal(connection.is_open(), true);
});

test("connection: sends with its id, and only while it is open", () => {
  const { network, connection } = started();
  assert.equal(connection.send("send", "m1", { text: "early" }), false);
  network.last().greet("me");
  assert.equal(connection.send("send", "m1", { text: "x" }), true);
  assert.deepEqual(network.last().frames, [{ client_id: "me", id: "m1", kind: "send", data: { text: "x" } }]);
});

test("connection: tries again, after longer and longer pauses", () => {
  const { network, clock, said } = started();
  for (const pause of [500, 1000, 2000, 4000]) {
    const count = network.sockets.length;
    network.last().break();
    assert.equal(said.at(-1), "waiting");
    clock.pass(pause - 1);
    assert.equal(network.sockets.length, count);
    clock.pass(1);
    assert.equal(network.sockets.length, count + 1);
  }
});

test("connection: after one that lasted, the next attempt is soon", () => {
  const { network, clock } = started();
  for (const _ of [1, 2, 3]) {
    network.last().break();
    clock.pass(10000);
  }
  network.last().greet("me");
  clock.pass(6000);
  network.last().break();
  clock.pass(500);
  assert.equal(network.sockets.length, 5);
});

test("connection: a server that takes it and drops it at once is not hammered", () => {
  const { network, clock } = started();
  for (let i = 0; i < 200 && clock.now() < 60000; ++i) {
    network.last().greet(`me${i}`);
    network.last().break();
    clock.pass(30000 > 500 * 2 ** i ? 500 * 2 ** i : 30000);
  }
  assert.ok(network.sockets.length <= 8);
});

test("connection: one that does not come to stand is given up", () => {
  const { network, clock, said } = started();
  clock.pass(10000);
  assert.equal(said.at(-1), "waiting");
  assert.equal(network.sockets[0].is_closed, true);
});

test("connection: silence is asked about, and an answer is enough", () => {
  const { network, clock, said } = started();
  network.last().greet("me");
  for (const round of [1, 2, 3]) {
    clock.pass(25000);
    assert.equal(network.last().frames.length, round);
    assert.equal(network.last().frames.at(-1).kind, "registration");
    network.last().greet("me");
  }
  assert.deepEqual(said, ["connecting", "open as me", "open"], "the same id again is no news");
});

test("connection: no answer is the end of it", () => {
  const { network, clock, said } = started();
  network.last().greet("me");
  clock.pass(35000);
  assert.equal(said.at(-1), "waiting");
  assert.equal(network.last().is_closed, true);
});

test("connection: an abandoned socket is not listened to", () => {
  const { network, clock, said, connection } = started();
  const old = network.last();
  clock.pass(10500);
  network.last().greet("me");
  const count = said.length;
  old.greet("ghost");
  old.break();
  assert.equal(said.length, count);
  assert.equal(connection.is_open(), true);
});

test("connection: frames are handed on, nonsense is not", () => {
  const { network, said } = started();
  network.last().greet("me");
  network.last().say("ack", "m1", {});
  network.last().onmessage({ data: "nonsense" });
  network.last().say("dance", "m1", {});
  assert.deepEqual(said.slice(3), ["ack"]);
});

test("connection: somebody who does not want to wait need not", () => {
  const { network, connection } = started();
  network.last().break();
  connection.try_now();
  assert.equal(network.sockets.length, 2);
  connection.try_now();
  assert.equal(network.sockets.length, 2, "it is being made already");
});

test("connection: a browser that refuses to make a socket is tried again", () => {
  let count = 0;
  const refuse = () => {
    ++count;
    throw new Error("SecurityError");
  };
  const { clock, said } = started({ make_socket: refuse });
  assert.equal(said.at(-1), "waiting");
  clock.pass(500);
  assert.equal(count, 2);
});

test("connection: stopped, it stays so", () => {
  const { network, clock, said, connection } = started();
  network.last().greet("me");
  connection.stop();
  assert.equal(network.last().is_closed, true);
  assert.equal(clock.count(), 0);
  connection.try_now();
  connection.probe();
  clock.pass(100000);
  assert.equal(network.sockets.length, 1);
  assert.equal(said.at(-1), "stopped");
});
