#!/usr/bin/env bash
# Makes an authority, starts three servers on this machine that trust it, and says what to type so that
# their users talk. Ctrl-C ends it. The programs are those of build/release, else of the PATH.
#
#   examples/two-servers/run.sh           for people
#   examples/two-servers/run.sh --check   unattended, on free ports; the exit code says whether they talked
set -euo pipefail
cd "$(dirname "$0")"
check=${1:-}
[ -z "$check" ] || [ "$check" = --check ] || { sed -n '2,7p' "$0"; exit 2; }
export PATH="$PATH:$PWD/../../build/release/bin"
bester=$(command -v bester) && command -v chat-handler >/dev/null ||
  { echo "build them first: cmake --preset release && cmake --build --preset release" >&2; exit 1; }

home=$(mktemp -d "${TMPDIR:-/tmp}/bester-two.XXXXXX")
pids=()
finish() {
  trap - EXIT INT TERM
  for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$home"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Where the configs' ports are not free, others are.
ports=(2224 2225 2226 7001 7002 7003)
words=()
if [ "$check" = --check ]; then
  read -ra free <<<"$(python3 -c '
import socket
taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(6)]
print(*(each.getsockname()[1] for each in taken))')"
  for i in "${!ports[@]}"; do words+=(-e "s/127\.0\.0\.1:${ports[i]}\b/127.0.0.1:${free[i]}/g"); done
  ports=("${free[@]}")
fi

# What one admin does: the authority, and what each server gets. ca.key leaves $home/authority never.
"$bester" ca init --directory "$home/authority" >/dev/null
for server in alpha beta gamma; do
  "$bester" ca issue "$server" --directory "$home/authority" --out "$home/$server" >/dev/null
  sed "${words[@]}" -e '' "$server.jsonc" >"$home/$server/bester.jsonc"
done
# What the admin of each server does.
add_user() { echo "$2-secret" | "$bester" user add "$2" --config "$home/$1/bester.jsonc" >/dev/null; }
add_user alpha tina
add_user beta gustav
add_user gamma ann

serve() {
  "$bester" serve --config "$home/$1/bester.jsonc" 2>"$home/$1/log" &
  pids+=($!)
}
linked() { # server count: has it so many links?
  "$bester" peers --json --config "$home/$1/bester.jsonc" 2>/dev/null |
    python3 -c 'import json, sys; sys.exit(sum(p["state"] == "linked" for p in json.load(sys.stdin)["peers"]) != int(sys.argv[1]))' "$2" 2>/dev/null
}
await_links() {
  for _ in $(seq 200); do
    linked "$1" "$2" && return
    sleep 0.1
  done
  echo "$1 has not got $2 links:" >&2
  tail -n 20 "$home"/*/log >&2
  exit 1
}

serve alpha
serve beta
await_links alpha 1
await_links beta 1
serve gamma
for server in alpha beta gamma; do await_links "$server" 2; done

if [ "$check" = --check ]; then
  python3 check_conversation.py "$bester" "${ports[@]:0:3}" || { tail -n 20 "$home"/*/log >&2; exit 1; }
  exit 0
fi

cat <<HELP

Three servers are running: alpha, beta and gamma. gamma knew only beta, and is linked to alpha too:

$("$bester" peers --config "$home/alpha/bester.jsonc")

In three other terminals be Tina on alpha, Gustav on beta and Ann on gamma:

    BESTER_PASSWORD=tina-secret   $bester client --to 127.0.0.1:${ports[0]} --user tina --type chat
    BESTER_PASSWORD=gustav-secret $bester client --to 127.0.0.1:${ports[1]} --user gustav --type chat
    BESTER_PASSWORD=ann-secret    $bester client --to 127.0.0.1:${ports[2]} --user ann --type chat

Then let Tina write

    {"to": "gustav@beta", "text": "Hallo!"}
    {"who": "gamma"}

Look at the links, cut one, make it again:

    $bester peers --socket $home/alpha/run/control.sock
    $bester peers drain beta --socket $home/alpha/run/control.sock
    $bester peers retry beta --socket $home/alpha/run/control.sock

The logs are $home/*/log. Ctrl-C ends everything.
HELP
wait "${pids[@]}"
