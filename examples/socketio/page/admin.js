// The panel: the namespace /admin, for those whom the broker's permissions let in.

import { by_id, from_template, set_text, toast } from "./dom.js";

const online = new Map();
const rows = new Map();
let socket = null;
let chosen = null;

function show_state(state, words) {
  by_id("state").dataset.state = state;
  set_text(by_id("state-words"), words);
}

function row_of({ id }) {
  if (!rows.has(id)) {
    const row = from_template("row");
    row.querySelector("button").onclick = () => {
      chosen = id;
      set_text(by_id("kick-title"), `Send ${online.get(id).name} away?`);
      by_id("kick-dialog").showModal();
    };
    rows.set(id, row);
  }
  return rows.get(id);
}

function show() {
  const all = [...online.values()].sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id));
  all.forEach((who, index) => {
    const row = row_of(who);
    set_text(row.querySelector(".name"), who.name);
    set_text(row.querySelector(".rooms"), who.rooms.length > 0 ? who.rooms.join(", ") : "in no room");
    set_text(row.querySelector(".server"), who.server);
    row.querySelector("button").setAttribute("aria-label", `Send ${who.name} away`);
    if (by_id("rows").children[index] !== row) by_id("rows").insertBefore(row, by_id("rows").children[index] ?? null);
  });
  for (const [id, row] of rows)
    if (!online.has(id)) {
      row.remove();
      rows.delete(id);
    }
  set_text(by_id("count"), all.length === 1 ? "One person" : `${all.length} people`);
}

function complain(text) {
  set_text(by_id("sign-in-error"), text);
  by_id("sign-in-error").hidden = text === "";
}

function sign_in(username, password) {
  socket?.disconnect();
  const path = new URL("socket.io/", location.href).pathname;
  // eslint-disable-next-line no-undef -- `io` is what socket.io.min.js brings
  socket = io(new URL("/admin", location.href).href, {
    path,
    auth: { username, password },
    forceNew: true,
    transports: ["websocket", "polling"], // who is refused need not have begun an upgrade
    tryAllTransports: true,
  });
  show_state("connecting", "Connecting…");
  socket.on("connect", async () => {
    show_state("open", "Connected: what changes is shown at once");
    complain("");
    by_id("sign-in").hidden = true;
    by_id("online").hidden = false;
    const everybody = await socket.emitWithAck("who is online");
    online.clear();
    for (const who of everybody) online.set(who.id, who);
    show();
  });
  socket.on("connect_error", (error) => {
    if (socket.active) return show_state("waiting", "No connection. Trying again…");
    show_state("stopped", "Not connected");
    complain(error.data?.code === "forbidden" ? "This user may not see the panel." : error.data?.reason ?? error.message);
  });
  socket.on("disconnect", () => show_state("waiting", "No connection. Trying again…"));
  socket.on("online", (who) => {
    online.set(who.id, who);
    show();
  });
  socket.on("offline", ({ id }) => {
    online.delete(id);
    show();
  });
}

by_id("sign-in").onsubmit = (event) => {
  event.preventDefault();
  sign_in(by_id("user").value, by_id("password").value);
};
by_id("kick-cancel").onclick = () => by_id("kick-dialog").close();
by_id("kick-form").onsubmit = async () => {
  const answer = await socket.emitWithAck("kick", { id: chosen, reason: by_id("reason").value });
  toast(answer.error ? answer.error.reason : `${answer.name} was sent away`);
};
