#!/usr/bin/env bash
# Puts socket.io.min.js, as npm has it, beside the page: into examples/socketio/page, or into the folder
# that is named. The package itself is installed under build/, where nothing is committed.
set -euo pipefail
cd "$(dirname "$0")"
target=$(realpath "${1:-page}")
installed=$(realpath -m ../../build/socketio-client)
if ! cmp -s package-lock.json "$installed/package-lock.json" || [ ! -d "$installed/node_modules" ]; then
  mkdir -p "$installed"
  cp package.json package-lock.json "$installed"
  npm ci --prefix "$installed" --prefer-offline --ignore-scripts --no-audit --no-fund >&2
fi
cp "$installed/node_modules/socket.io-client/dist/socket.io.min.js" "$target"
