#!/usr/bin/env bash
# Installs what building bester (and, with "demo", running its demo; with "tests", testing it) needs
# on Debian 12, if it is missing.
# Sourced or run by examples/demo.sh and tests/run.sh.
set -euo pipefail

build_packages=(
  g++ cmake ninja-build ccache pkg-config
  libasio-dev nlohmann-json3-dev libcli11-dev libspdlog-dev libexpected-dev
  libsimdjson-dev libssl-dev libsodium-dev libsqlite3-dev
  libwslay-dev libboost-dev zlib1g-dev libjwt-dev
  python3
)
test_packages=(
  catch2 clang clang-format lld libclang-rt-14-dev python3-pytest python3-pytest-xdist python3-jsonschema python3-websockets chromium
  nginx-light haproxy nats-server redis-server pushpin iproute2 libfaketime procps strace openssl
)

packages=("${build_packages[@]}")
if [ "${1:-}" = tests ]; then
  packages+=("${test_packages[@]}")
fi
if [ "${1:-}" = tests ] || [ "${1:-}" = demo ]; then
  # Only where there are none yet: people install Node from elsewhere, and Debian's npm is hundreds of packages.
  for program in node npm; do
    command -v $program >/dev/null || packages+=("${program/#node/nodejs}")
  done
fi

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "installing: ${missing[*]}" >&2
as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
export DEBIAN_FRONTEND=noninteractive
# What is installed brings services that would start; nobody asked for them.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
  "${as_root[@]}" chmod +x $policy
  trap '"${as_root[@]}" rm -f $policy' EXIT
fi
"${as_root[@]}" apt-get update -q >&2
"${as_root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
