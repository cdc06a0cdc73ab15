#!/usr/bin/env bash
# Every test there is, in two lanes side by side: what is native, and what runs on the WebAssembly modules. Each stage's output
# goes to target/test-logs; of a stage that fails its end is shown. The last line says how many tests passed and failed; the
# exit code says whether all did.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

started=$SECONDS
logs="$TARGET/test-logs"
results="$logs/results"
rm -rf "$logs"
mkdir -p "$logs"
: >"$results"

# sum PATTERN FILE: adds up the numbers that the first group of the pattern matches.
sum() { sed -nE "s/$1/\1/p" "$2" | awk '{ n += $1 } END { print n + 0 }'; }

# stage NAME COMMAND...: runs it, keeps its output, and counts the tests that it reports.
# A stage that counts none (a lint, a build) counts as one. False where it fails.
stage() {
    local name=$1 log before=$SECONDS status=0 ok bad
    shift
    log="$logs/$(tr ' ' '-' <<<"$name").log"
    say "$name: $*"
    "$@" >"$log" 2>&1 </dev/null || status=$?
    ok=$(($(sum '^test result: .* ([0-9]+) passed;.*' "$log") + $(sum '^[^ ]+ pass ([0-9]+)$' "$log")))
    bad=$(($(sum '^test result: .* passed; ([0-9]+) failed;.*' "$log") + $(sum '^[^ ]+ fail ([0-9]+)$' "$log")))
    if [ $status = 0 ] && [ $ok = 0 ]; then ok=1; fi
    if [ $status != 0 ] && [ $bad = 0 ]; then bad=1; fi
    # One short line, which the two lanes cannot mix up.
    printf '%d %d %s\n' "$ok" "$bad" "$name" >>"$results"
    [ $status = 0 ] || printf '%s\n' "==> $name FAILED: the end of $log" "$(tail -n 200 "$log")"
    say "$name: $ok passed, $bad failed, $((SECONDS - before)) s"
    return $status
}

bash scripts/setup-rust.sh
bash scripts/setup-node.sh
bash scripts/setup-browser.sh
bash scripts/setup-bundlers.sh
firefox=true
bash scripts/setup-firefox.sh || firefox=false
# Again, for what the setup has written.
. scripts/lib.sh

# Clippy as the compiler of our own crate, all its warnings errors: so no dependency is compiled twice. `cargo clippy` and
# `cargo doc` would first check each of them.
linted() { RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-Dwarnings "$@"; }
documented() { RUSTDOC="$ROOT/scripts/rustdoc-as-built.sh" linted cargo test --release --doc; }
node_tests() { node --test --test-reporter=spec "$@"; }

# after NAME: waits until the native lane's stage has ended, or the lane itself, should something have killed it.
after() {
    until grep -q " $1\$" "$results"; do
        kill -0 "$native_lane" 2>/dev/null || return 0
        sleep 1
    done
}

# A build that fails ends its lane: what follows would only fail for the same reason. Tests go on.
native() {
    stage "format" cargo fmt --check || true
    stage "native build and lints" linted cargo test --release --all-targets --no-run || return
    stage "documentation" documented || true
    stage "native tests" linted cargo test --release --all-targets --no-fail-fast || true
}
web() {
    stage "wasm builds" bash scripts/build-wasm.sh --testing || return
    stage "JavaScript types" tsc --project pkg/tsconfig.json || true
    stage "API reference" bash scripts/docs.sh --check || true
    stage "page types" bash scripts/build-www.sh --check || true
    stage "page build" bash scripts/build-www.sh || return
    # Some of them compare with what the native program answers.
    after "native build and lints"
    stage "browser tests" node_tests --test-concurrency=2 tests/browser/*.test.mjs || true
    stage "bundler tests" node_tests --test-concurrency=1 tests/bundlers/*.test.mjs || true
    [ $firefox = false ] || stage "Firefox tests" node_tests tests/firefox/*.test.mjs || true
}

native &
native_lane=$!
web &
web_lane=$!
# A lane that ends early has failed, also where something killed it before a stage could say so.
whole=true
wait "$native_lane" || whole=false
wait "$web_lane" || whole=false

[ $firefox = true ] || say "Firefox tests: skipped, as there is no Firefox"
broken=$(awk '$2 > 0 { $1 = $2 = ""; print substr($0, 3) }' "$results" | paste -sd, -)
[ -z "$broken" ] || say "failed: $broken (output in $logs)"
[ $whole = true ] || say "failed: not every stage was run to its end"
say "$(((SECONDS - started) / 60)) minutes"
awk '{ ok += $1; bad += $2 } END { printf "%d passed, %d failed\n", ok, bad }' "$results"
[ -z "$broken" ] && [ $whole = true ]
