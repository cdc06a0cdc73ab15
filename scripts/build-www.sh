#!/usr/bin/env bash
# Builds the demo page into target/www, with the package as pkg/ holds it, the sample pictures and the shipped model.
# With --check: only checks the types of the page, of its service worker and of the build's own scripts.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

if [ "${1:-}" = --check ]; then
    for project in tsconfig tsconfig.sw tsconfig.build; do tsc --project "www/$project.json"; done
    exit 0
fi
[ -f pkg/wasm/pali3_webgpu_bg.wasm ] || fail "pkg/wasm is not built yet: run make wasm, or make demo"
vite build --config www/vite.config.ts --logLevel warn
say "target/www: $(find target/www -type f | wc -l) files, $(du -sm target/www | cut -f 1) MB"
