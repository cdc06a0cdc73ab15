#!/usr/bin/env bash
# Writes docs/api.md from the package's types. With --check: says whether it is what they give.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

rm -rf target/api
typedoc --options pkg/typedoc.json --logLevel Warn
if [ "${1:-}" != --check ]; then
    cp target/api/api.md docs/api.md
elif ! cmp -s target/api/api.md docs/api.md; then
    diff target/api/api.md docs/api.md | head -20 || true
    fail "docs/api.md is not what pkg/index.d.ts gives: run bash scripts/docs.sh"
fi
