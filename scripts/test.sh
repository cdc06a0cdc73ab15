#!/usr/bin/env bash
# Every test there is. The last line says how many passed and failed; the exit code says whether all did.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

started=$SECONDS
logs="$ROOT/target/test-logs"
mkdir -p "$logs"
passed=0
failed=0
broken=()

# sum PATTERN FILE: adds up the numbers that the first group of the pattern matches.
sum() { sed -nE "s/$1/\1/p" "$2" | awk '{ n += $1 } END { print n + 0 }'; }

# stage NAME COMMAND...: runs it, shows and keeps its output, and counts what it reports.
# A stage that counts no tests (a lint, a build) counts as one.
stage() {
    local name=$1 log
    shift
    log="$logs/$(tr ' ' '-' <<<"$name").log"
    local before=$SECONDS status=0
    say "$name: $*"
    "$@" 2>&1 | tee "$log" || status=$?
    local ok bad
    ok=$(($(sum '^test result: .* ([0-9]+) passed;.*' "$log") + $(sum '^[^ ]+ pass ([0-9]+)$' "$log")))
    bad=$(($(sum '^test result: .* passed; ([0-9]+) failed;.*' "$log") + $(sum '^[^ ]+ fail ([0-9]+)$' "$log")))
    if [ $status = 0 ] && [ $ok = 0 ]; then ok=1; fi
    if [ $status != 0 ] && [ $bad = 0 ]; then bad=1; fi
    passed=$((passed + ok))
    failed=$((failed + bad))
    if [ $status != 0 ]; then broken+=("$name"); fi
    say "$name: $ok passed, $bad failed, $((SECONDS - before)) s"
}

bash scripts/setup-rust.sh
bash scripts/setup-node.sh
bash scripts/setup-browser.sh
bash scripts/setup-bundlers.sh
# Again, for what the setup has written.
. scripts/lib.sh

stage "format" cargo fmt --check
# One profile and one feature set per target, and clippy as the compiler of our own crate, all its warnings errors: so no
# dependency is compiled twice. `cargo clippy` and `cargo doc` would first check each of them.
linted() { RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-Dwarnings "$@"; }
stage "native build and lints" linted cargo test --release --all-targets --no-run
RUSTDOC="$ROOT/scripts/rustdoc-as-built.sh" stage "documentation" linted cargo test --release --doc
stage "native tests" linted cargo test --release --all-targets --no-fail-fast
stage "wasm builds" bash scripts/build-wasm.sh --testing
stage "JavaScript types" tsc --project pkg/tsconfig.json
stage "API reference" bash scripts/docs.sh --check
stage "page types" bash scripts/build-www.sh --check
stage "page build" bash scripts/build-www.sh
stage "browser tests" node --test --test-reporter=spec --test-concurrency=1 tests/browser/*.test.mjs
stage "bundler tests" node --test --test-reporter=spec --test-concurrency=1 tests/bundlers/*.test.mjs
if bash scripts/setup-firefox.sh; then
    stage "Firefox tests" node --test --test-reporter=spec tests/firefox/*.test.mjs
else
    say "Firefox tests: skipped, as there is no Firefox"
fi

if [ ${#broken[@]} -gt 0 ]; then
    say "failed: ${broken[*]} (output in target/test-logs)"
fi
say "$passed passed, $failed failed, $(((SECONDS - started) / 60)) minutes"
[ ${#broken[@]} = 0 ]
