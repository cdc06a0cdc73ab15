#!/usr/bin/env bash
# Serves the demo page until Ctrl-C. PORT may name a port; otherwise a free one is taken.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
[ -f target/www/index.html ] || fail "the page is not built yet: run make demo"
exec node scripts/serve.mjs --port "${PORT:-0}"
