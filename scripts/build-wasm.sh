#!/usr/bin/env bash
# Builds the WebAssembly module of the npm package into pkg/wasm.
# With --lint: only compiles it, any of clippy's warnings an error.
# With --testing: the same crate with the parity tests inside, linted too, into target/wasm-testing.
# All with the profile "wasm", so that what is tested is what is shipped and dependencies are compiled once.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

mode=${1:-}
out=pkg/wasm
features=()
if [ "$mode" = --testing ]; then
    out=target/wasm-testing
    features=(--features testing)
fi
if [ -n "$mode" ]; then
    # `cargo clippy` would first check every dependency anew; clippy as the compiler of our own crate needs no more
    # than what the build has made.
    export RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-Dwarnings
fi

std=()
[ -z "${PALI3_BUILD_STD:-}" ] || std=(-Z build-std=std,panic_abort)

target=wasm32-unknown-unknown
say "compiling the crate to WebAssembly (the first time takes some ten minutes)"
cargo build --profile wasm --lib --target "$target" --no-default-features "${features[@]}" "${std[@]}"

[ "$mode" != --lint ] || exit 0

built="${CARGO_TARGET_DIR:-target}/$target/wasm/pali3.wasm"
# Two builds share one file name, so what was last made here, and how, is told by a checksum.
stamp="$out/.source"
sum=$(cat "$built" scripts/build-wasm.sh | cksum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$sum" ]; then
    say "$out is up to date"
    exit 0
fi

rm -rf "$out"
say "making the JavaScript bindings in $out"
wasm-bindgen "$built" --target web --out-dir "$out" --out-name pali3 --experimental-reset-state-function

# Starting afresh after a trap must not compile on the page's own thread: browsers refuse that above 8 MB.
sed -i -e 's/^export function __wbg_reset_state ()/export async function __wbg_reset_state ()/' \
    -e 's/new WebAssembly\.Instance(wasmModule, /await WebAssembly.instantiate(wasmModule, /' "$out/pali3.js"
grep -q '= await WebAssembly.instantiate(wasmModule, ' "$out/pali3.js" ||
    fail "wasm-bindgen writes __wbg_reset_state in another way than scripts/build-wasm.sh expects"

if [ "$out" = pkg/wasm ]; then
    say "shrinking the module with wasm-opt (a minute or two)"
    # Not --all-features: it writes what browsers refuse. These are in every browser that has WebGPU.
    wasm-opt -Oz --enable-simd --enable-bulk-memory --enable-bulk-memory-opt \
        --enable-nontrapping-float-to-int --enable-sign-ext --enable-mutable-globals \
        --enable-reference-types --enable-multivalue --strip-debug --strip-producers \
        "$out/pali3_bg.wasm" -o "$out/pali3_bg.opt.wasm"
    mv "$out/pali3_bg.opt.wasm" "$out/pali3_bg.wasm"
fi
printf '%s\n' "$sum" >"$stamp"
say "$out/pali3_bg.wasm: $(wc -c <"$out/pali3_bg.wasm") bytes"
