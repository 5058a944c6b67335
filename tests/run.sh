#!/usr/bin/env bash
# Installs what is missing, builds, and runs the tests.
#
#   tests/run.sh                     everything (what CI runs)
#   tests/run.sh long                everything, with the large numbers that are too long for each run
#   tests/run.sh unit                the unit tests, debug build: the daily loop
#   tests/run.sh integration [-k …]  the integration tests, debug build; further words go to pytest
#   tests/run.sh steady [N]          the integration tests N times (default 3) while others keep the processors busy
#   tests/run.sh dev|asan|tsan       unit and integration tests of that build (dev: and each header alone)
#   tests/run.sh fuzz                every fuzz target for BESTER_FUZZ_SECONDS (default 10)
#   tests/run.sh bench               benchmarks and floods, briefly: do they run and add up, is nothing lost?
#   tests/run.sh demo                examples/demo.sh --check
#   tests/run.sh chaos [words]       a ledger of every message under random faults; words go to tests/chaos/run.py
#   tests/run.sh format [--fix]      is every file laid out as .clang-format says? --fix: makes it so
#
# The last line is "N passed, N failed, N skipped".
set -uo pipefail
cd "$(dirname "$0")/.."
usage() { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' tests/run.sh; }

part=${1:-all}
[ $# -gt 0 ] && shift
case $part in
  all | long | unit | integration | steady | dev | asan | tsan | fuzz | bench | demo | chaos | format) ;;
  -h | --help | help)
    usage
    exit 0
    ;;
  *)
    echo "tests/run.sh: there is no part called '$part'" >&2
    usage >&2
    exit 2
    ;;
esac

results=$PWD/build/results
python=/usr/bin/python3
broken=0
long=() # further words for pytest in `long`

step() { printf '\n== %s (%s s)\n' "$*" "$SECONDS"; }

configure() { # preset
  cmake --preset "$1" -DBESTER_FUZZ_SECONDS="${BESTER_FUZZ_SECONDS:-10}" >"$results/configure-$1.log" 2>&1 ||
    { cat "$results/configure-$1.log"; return 1; }
}

build() { # preset [targets…]
  local preset=$1
  shift
  step "build $preset"
  configure "$preset" || return 1
  local words=()
  [ $# -gt 0 ] && words=(--target "$@")
  cmake --build --preset "$preset" "${words[@]}" >"$results/build-$preset.log" 2>&1 ||
    { grep -E 'error|FAILED|undefined' "$results/build-$preset.log" | head -40; tail -20 "$results/build-$preset.log"; return 1; }
  grep 'warning:' "$results/build-$preset.log" && broken=1
  return 0
}

unit() { # preset [ctest words…]
  local preset=$1
  shift
  step "unit tests, $preset"
  ctest --test-dir "build/$preset" --output-on-failure --output-junit "$results/unit-$preset.xml" \
    --no-tests=error --timeout 300 -j 2 "$@" | grep -vE '^ *(Start|[0-9]+/[0-9]+ .*Passed)'
  [ -s "$results/unit-$preset.xml" ] || broken=1
}

integration() { # preset threads [pytest words…]
  local preset=$1 threads=$2
  shift 2
  step "integration tests, $preset, $threads shards${round:+, round $round}"
  # Two for each processor: half of their time they wait for deadlines.
  "$python" -m pytest tests/integration -q -n $((2 * $(nproc))) -p no:cacheprovider \
    --bin "build/$preset/bin" --threads "$threads" \
    -o junit_family=xunit1 -o junit_logging=system-err -o junit_log_passing_tests=false --junitxml "$results/integration-$preset-$threads${round:+-$round}.xml" "${long[@]}" "$@"
  [ $? -le 1 ] || broken=1  # 1: a test failed, which is counted; more: pytest itself did not get through
}

headers() { # preset: a header that needs another one before it fails here
  step "each header alone, $1"
  configure "$1" || { broken=1; return; }
  "$python" tests/support/as_junit.py "$results/headers-$1.xml" "headers: each stands alone" -- \
    cmake --build --preset "$1" --target all_verify_interface_header_sets >"$results/headers-$1.log" 2>&1 ||
    grep -E 'error|FAILED' "$results/headers-$1.log" | head -40
}

whole() { # preset shards…: everything about one build, the integration tests with these numbers of shards
  local preset=$1
  shift
  build "$preset" || { broken=1; return; }
  unit "$preset"
  local shards
  for shards in "$@"; do integration "$preset" "$shards"; done
}

fuzz() {
  build fuzz fuzzers && unit fuzz -L fuzz || broken=1
}

bench() { # preset: whether it runs and adds up does not depend on how fast it is
  build "$1" || { broken=1; return; }
  step "benchmarks, briefly"
  "$python" tests/support/as_junit.py "$results/bench.xml" "benchmarks: they run, and every message is answered" -- \
    "$python" tests/bench/run.py --quick --bin "build/$1/bin"
  step "floods, briefly"
  "$python" tests/support/as_junit.py "$results/floods.xml" "floods: who behaves loses nothing, and who floods is ended" -- \
    "$python" tests/bench/floods.py --quick --strict --bin "build/$1/bin"
}

demo() {
  step "examples/demo.sh --check"
  "$python" tests/support/as_junit.py "$results/demo.xml" "demo: two people chat" -- examples/demo.sh --check
}

format() { # [--fix]
  local files
  mapfile -t files < <(git ls-files '*.cpp' '*.hpp' '*.h')
  if [ "${1:-}" = --fix ]; then clang-format -i "${files[@]}"; fi
  step "every file as .clang-format says"
  "$python" tests/support/as_junit.py "$results/format.xml" "format: every file as .clang-format says" -- \
    clang-format --dry-run -Werror "${files[@]}" 2>"$results/format.log" || grep error "$results/format.log" | head -20
}

steady() { # times: a test that passes only on an idle machine fails here
  local busy=() i
  for ((i = 0; i < 2 * $(nproc); i++)); do
    while :; do :; done &
    busy+=($!)
  done
  trap 'kill "${busy[@]}" 2>/dev/null' EXIT
  for ((round = 1; round <= ${1:-3}; round++)); do integration dev 3; done
  kill "${busy[@]}"
}

chaos() { # preset [words…]: the seed is printed; a fresh one each time
  local preset=$1
  shift
  step "chaos and its ledger, $preset"
  "$python" tests/support/as_junit.py "$results/chaos-$preset.xml" "chaos: every message is accounted for" -- \
    "$python" tests/chaos/run.py --bin "build/$preset/bin" "$@"
}

rm -rf "$results"
mkdir -p "$results"
export CTEST_PARALLEL_LEVEL=2
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:exitcode=99}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=0:exitcode=99:second_deadlock_stack=1:suppressions=$PWD/tests/support/tsan.suppressions}
tests/support/install.sh tests || exit 1
ccache --zero-stats >/dev/null

case $part in
  all | long)
    # What users run: the release's objects, which the demo below does not compile again.
    [ "$part" = long ] && long=(--long)
    format
    whole bench 1
    bench bench
    if [ "$part" = long ]; then chaos bench --seconds 1000 --faults 1000; else chaos bench --seconds 60; fi
    headers dev
    whole asan 3
    whole tsan 2
    fuzz
    demo
    ;;
  unit) build dev && unit dev "$@" || broken=1 ;;
  integration) build dev && integration dev 1 "$@" ;;
  steady) build dev && steady "$@" ;;
  dev) whole dev 1 3 && headers dev ;;
  asan | tsan) whole "$part" 1 3 ;;
  fuzz) fuzz ;;
  bench) bench bench ;;
  demo) demo ;;
  chaos) build dev && chaos dev "$@" ;;
  format) format "$@" ;;
esac

step "done; ccache: $(ccache --print-stats | awk '$1=="direct_cache_hit"||$1=="preprocessed_cache_hit"{h+=$2} $1=="cache_miss"{m=$2} END{print h" hits, "m" misses"}')"
"$python" tests/support/count_results.py "$results" "$broken"
