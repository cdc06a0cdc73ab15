#!/usr/bin/env bash
# Serves the demo page until Ctrl-C. PORT may name a port; otherwise a free one is taken.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
[ -f pkg/wasm/pali3_bg.wasm ] || fail "pkg/wasm is not built yet: run make wasm, or make demo"
exec node scripts/serve.mjs --port "${PORT:-0}"
