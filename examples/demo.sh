#!/usr/bin/env bash
# Everything from nothing: installs what is missing, builds bester, makes two accounts, starts the
# broker with the example handlers, and says what to type in two other terminals. Ctrl-C ends it.
#
#   examples/demo.sh           for people
#   examples/demo.sh --check   unattended: two clients talk, the exit code says whether it worked
set -euo pipefail
cd "$(dirname "$0")/.."
check=${1:-}
[ -z "$check" ] || [ "$check" = --check ] || { sed -n '2,6p' "$0"; exit 2; }

tests/support/install.sh demo
echo "building (the first time takes some minutes) …" >&2
log=$(mktemp)
# The build's last line stays in sight: one line that changes on a terminal, now and then a line elsewhere.
progress() {
  local line count=0
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$log"
    case $line in
      '['*/*']'*) ;;
      *) continue ;;
    esac
    if [ -t 2 ]; then
      printf '\r\033[K%.70s' "${line//CMakeFiles\//}" >&2
    elif [ $((count++ % 10)) -eq 0 ]; then
      printf '%.70s\n' "$line" >&2
    fi
  done
  if [ -t 2 ]; then printf '\r\033[K' >&2; fi
}
cmake --preset release >"$log" 2>&1 || { tail -40 "$log"; exit 1; }
cmake --build --preset release 2>&1 | progress || { tail -40 "$log"; exit 1; }
rm -f "$log"
bin=$PWD/build/release/bin

home=$(mktemp -d "${TMPDIR:-/tmp}/bester-demo.XXXXXX")
pids=()
finish() {
  trap - EXIT INT TERM
  # The broker first: it drains its handlers; then the one-shot handler, which is a child of this script.
  for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
  rm -rf "$home"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
port=2223
web_port=8398
panel_port=8399
rooms_port=8397
if [ "$check" = --check ]; then port=$(free_port) web_port=$(free_port) panel_port=$(free_port) rooms_port=$(free_port); fi

cp -r examples/socketio/page "$home/rooms"
examples/socketio/fetch_client.sh "$home/rooms"

# The panel's secret, and a token for an administrator who may see everything.
"$bin/spectator-token" --make-key "$home/spectator.key"
token=$("$bin/spectator-token" --key "$home/spectator.key" --user tina --role administrator --guild '*=view,log' --lifetime 86400)

cat >"$home/bester.jsonc" <<CONFIG
{
  "server": {"name": "demo", "runtime_directory": "$home/run"},
  "listeners": [
    {"name": "tcp", "transport": "tcp", "address": "127.0.0.1:$port"},
    {"name": "local", "transport": "unix", "address": "$home/bester.sock"},
    {"name": "web", "transport": "websocket", "address": "127.0.0.1:$web_port", "authentication": ["anonymous"],
     "files": "$PWD/examples/texto/page", "paths": {"/v1/texto": {"type": "texto", "frames": "text"}}},
    {"name": "panel", "transport": "websocket", "address": "127.0.0.1:$panel_port", "authentication": ["anonymous"],
     "files": "$PWD/examples/spectator/page", "paths": {"/v1/spectator": {"type": "spectator", "frames": "json"}}},
    {"name": "rooms", "transport": "websocket", "address": "127.0.0.1:$rooms_port", "authentication": ["accounts", "anonymous"],
     "files": "$home/rooms",
     "paths": {"/socket.io/": {"frames": "socketio", "namespaces": {"/": "chat", "/admin": "panel"}, "recovery": "2m"}}}
  ],
  "accounts": {"database": "$home/accounts.db"},
  "permissions": [
    {"types": ["panel"], "users": ["tina"]},
    {"types": ["*"], "users": ["*"], "anonymous": true}
  ],
  "handlers": {
    "afrikaans": {"command": ["$bin/afrikaans-handler"]},
    "echo": {"command": ["$bin/echo-handler"]},
    "socketio": {"command": ["$bin/socketio-handler"], "types": ["chat", "panel"]},
    "spectator": {"command": ["$bin/spectator-handler"],
                  "config": {"token": {"algorithm": "HS256", "key_file": "$home/spectator.key"}}},
    "feed": {"command": ["$bin/spectator-feed"], "types": [], "groups": "spectator"},
    "ticker": {"command": ["$bin/ticker-handler"]},
    "texto": {"command": ["$bin/texto-handler"], "config": {"path": "/v1/texto"}},
    "one-shot": {"socket": "$home/one-shot.sock"}
  }
}
CONFIG

for user in tina gustav; do
  echo "$user-secret" | "$bin/bester" user add "$user" --config "$home/bester.jsonc" >/dev/null
done

python3 examples/one-shot/one_shot.py "$home/one-shot.sock" &
pids=($!)
"$bin/bester" serve --config "$home/bester.jsonc" 2>"$home/bester.log" &
broker=$!
pids=("$broker" "${pids[@]}")

ready() {
  "$bin/bester" handlers list --json --socket "$home/run/control.sock" 2>/dev/null |
    python3 -c 'import json,sys; h=json.load(sys.stdin); h=h.get("handlers",h) if isinstance(h,dict) else h; sys.exit(0 if h and all(e["state"] in ("ready","on demand") for e in h) else 1)' 2>/dev/null
}
for _ in $(seq 200); do
  ready && break
  kill -0 "$broker" 2>/dev/null || { cat "$home/bester.log" >&2; exit 1; }
  sleep 0.1
done
ready || { echo "the handlers did not become ready:" >&2; cat "$home/bester.log" >&2; exit 1; }

if [ "$check" = --check ]; then
  python3 examples/check_conversation.py "$bin/bester" "127.0.0.1:$port" "127.0.0.1:$web_port" "127.0.0.1:$rooms_port" || { cat "$home/bester.log" >&2; exit 1; }
  python3 examples/spectator/check_panel.py "127.0.0.1:$panel_port" "$token" || { cat "$home/bester.log" >&2; exit 1; }
  exit 0
fi

cat <<HELP

The broker is running, with the handlers afrikaans, echo, ticker, one-shot, texto, socketio, spectator and feed.

In a second terminal, be Tina (the password is tina-secret):

    cd $PWD && build/release/bin/bester client --to 127.0.0.1:$port --user tina --type afrikaans

in a third, be Gustav (gustav-secret):

    cd $PWD && build/release/bin/bester client --to 127.0.0.1:$port --user gustav --type afrikaans

Then let Tina write

    {"to": "gustav", "text": "Hallo!"}

In browsers, chat with Texto: http://localhost:$web_port/

or talk in rooms with the client of Socket.IO: http://localhost:$rooms_port/
(the panel, for tina with tina-secret: http://localhost:$rooms_port/admin.html)

Look after communities in the live panel, as an administrator:

    http://localhost:$panel_port/#token=$token

Look at the broker meanwhile:

    build/release/bin/bester status --socket $home/run/control.sock

Its log is $home/bester.log. Ctrl-C ends everything.
HELP
wait "$broker"
