#!/usr/bin/env bash
# Node and the packages of package-lock.json (binaryen's wasm-opt, vite, playwright-core and others). Seconds when nothing is missing.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

wanted=20.19
node_is_new_enough() { have node && at_least "$(node --version | tr -d v)" "$wanted"; }

if ! node_is_new_enough; then
    say "Node $wanted or newer is missing"
    have npm || apt nodejs npm || true
    if ! node_is_new_enough && have npm; then
        # An older Debian's Node is still able to fetch a newer one.
        npm install --loglevel=error --no-fund --no-audit --no-save --prefix "$TOOLS" node@22 || true
        hash -r
    fi
    node_is_new_enough || fail "Node $wanted is needed, $(node --version 2>/dev/null || echo none) is here"
fi
have npm || apt npm || fail "npm is needed"

packages .
