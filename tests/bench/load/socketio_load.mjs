// Load by the real socket.io-client, for servers of Socket.IO of any kind.
// node socketio_load.mjs FOLDER URL SERVER_PIDS HANDLER_PIDS WORKLOAD WARMUP_MS MEASURE_MS
//
// WORKLOAD: CONNECTIONSxIN_FLIGHTxPROCESSES for round trips (an event and its acknowledgement), CONNECTIONS for idle ones. Prints one
// line of JSON, as bench_load does. Every answer is checked; one that is wrong ends the run.

import { fork } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, url, server_pids, handler_pids, workload, warmup_ms, measure_ms, role] = process.argv.slice(2);
const { io } = createRequire(folder + "/")("socket.io-client");
const [connections, in_flight, processes] = workload.split("x").map(Number);
const numbers = (list) => list.split(",").filter(Boolean).map(Number);
const servers = numbers(server_pids);
const handlers = numbers(handler_pids);
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const fail = (why) => {
  console.error(why);
  process.exit(1);
};

/** Nanoseconds of all threads. */
function cpu_ns(pids) {
  let sum = 0;
  for (const pid of pids)
    for (const thread of readdirSync(`/proc/${pid}/task`))
      sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ")[0]);
  return sum;
}

function resident_bytes(pids) {
  return pids.reduce((sum, pid) => sum + 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))[1]), 0);
}

function connect() {
  const socket = io(url, { transports: ["websocket"], forceNew: true, reconnection: false });
  socket.on("disconnect", (reason) => is_over || fail(`a connection ended: ${reason}`));
  return new Promise((resolve) => {
    socket.on("connect_error", (error) => fail(`no connection: ${error.message}`));
    socket.on("connect", () => resolve(socket));
  });
}

let is_over = false;
async function connect_all(count) {
  const sockets = [];
  while (sockets.length < count)
    sockets.push(...(await Promise.all(Array.from({ length: Math.min(32, count - sockets.length) }, connect))));
  return sockets;
}

/** A process of clients: begins when it is told to, and tells how far it is whenever it is asked. */
async function be_clients() {
  const sockets = await connect_all(connections / processes);
  const padding = "x".repeat(120);
  let done = 0;
  let latencies = [];

  function ask(socket, number) {
    const text = `${String(number).padStart(8, "0")}${padding}`;
    const sent_at = process.hrtime.bigint();
    socket.emit("echo", text, (event, answer) => {
      if (answer !== text) fail(`a wrong answer: ${JSON.stringify([event, answer])}`);
      done++;
      latencies.push(Number(process.hrtime.bigint() - sent_at));
      ask(socket, number + 1);
    });
  }
  process.on("message", (wish) => {
    if (wish === "begin") for (const socket of sockets) for (let each = 0; each < in_flight; each++) ask(socket, each * 1_000_000);
    if (wish === "count") process.send({ done });
    if (wish === "forget") latencies = [];
    if (wish === "end") {
      latencies.sort((a, b) => a - b);
      const at = (share) => latencies[Math.floor(latencies.length * share)];
      process.send({ p50: at(0.5), p99: at(0.99) });
    }
  });
  process.on("disconnect", () => process.exit(0));
  process.send({ ready: true });
}

async function measure_round_trips() {
  const children = Array.from({ length: processes }, () => fork(process.argv[1], [...process.argv.slice(2), "clients"]));
  for (const child of children) child.on("exit", () => is_over || fail("a process of clients has ended"));
  const answers = () => Promise.all(children.map((child) => new Promise((resolve) => child.once("message", resolve))));
  const tell = (wish) => children.forEach((child) => child.send(wish));
  async function look() {
    const counts = answers();
    tell("count");
    const done = (await counts).reduce((sum, each) => sum + each.done, 0);
    return { done, server: cpu_ns(servers), handler: cpu_ns(handlers), time: process.hrtime.bigint() };
  }
  await answers();
  tell("begin");
  await wait(Number(warmup_ms));
  tell("forget");
  const before = await look();
  await wait(Number(measure_ms));
  const after = await look();
  const ends = answers();
  tell("end");
  const latencies = await ends;
  is_over = true;
  children.forEach((child) => child.disconnect());
  const count = after.done - before.done;
  const server = after.server - before.server;
  const handler = after.handler - before.handler;
  return {
    throughput: (count * 1e9) / Number(after.time - before.time),
    // All that serves: the server, and the handler behind it, where there is one.
    cpu_us: (server + handler) / 1000 / count,
    handler_cpu_us: handler / 1000 / count,
    p50_ns: latencies.reduce((sum, { p50 }) => sum + p50, 0) / processes,
    p99_ns: Math.max(...latencies.map(({ p99 }) => p99)),
  };
}

async function measure_memory() {
  await connect_all(20); // what the first ones cost is no connection's
  await wait(1000);
  const pids = [...servers, ...handlers];
  const before = resident_bytes(pids);
  const began = Date.now();
  const sockets = await connect_all(connections);
  const login_seconds = (Date.now() - began) / 1000;
  await wait(2000);
  const rss_per_session = (resident_bytes(pids) - before) / connections;
  await Promise.all(sockets.map((socket) => socket.emitWithAck("echo", "still there?").catch(() => fail("no answer"))));
  is_over = true;
  return { rss_per_session, login_seconds, connections };
}

if (role === "clients") {
  await be_clients();
} else {
  console.log(JSON.stringify(in_flight ? await measure_round_trips() : await measure_memory()));
  process.exit(0);
}
