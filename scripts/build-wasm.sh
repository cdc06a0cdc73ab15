#!/usr/bin/env bash
# Builds the WebAssembly modules of the npm package into pkg/wasm: one with the processor's kernels, one with WebGPU's.
# With --deny-warnings: a warning of the compiler is an error, in either.
# With --testing: one module with both and the parity tests inside, clippy's warnings errors too, into target/wasm-testing.
# All with the profile "wasm", so that what is tested is what is shipped and dependencies are compiled once.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

mode=${1:-}
if [ "$mode" = --testing ]; then
    # `cargo clippy` would first check every dependency anew; clippy as the compiler of our own crate needs no more
    # than what the build has made.
    export RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-Dwarnings
fi

std=()
[ -z "${PALI3_BUILD_STD:-}" ] || std=(-Z build-std=std,panic_abort)
target=wasm32-unknown-unknown

# compile FEATURE: the crate with one feature, into a file that all features share.
compile() {
    say "compiling the crate to WebAssembly for $1 (the first time takes some minutes)"
    local build=(cargo build --profile wasm --lib --target "$target" --no-default-features --features "$1" "${std[@]}")
    if [ "$mode" != --deny-warnings ]; then
        "${build[@]}"
        return
    fi
    # cargo says a warning again when there is nothing to compile.
    local log="target/wasm-$1.log"
    "${build[@]}" 2>&1 | tee "$log"
    ! grep -q '^warning' "$log" || fail "the compiler warns of something in the build for $1"
}

shrinking=()

# bind NAME FOLDER: makes bindings of what was compiled last, unless they are there already. wasm-opt runs on behind it, on
# one core, while the next module is compiled: `wait` for it.
bind() {
    local name=$1 out=$2 built="${CARGO_TARGET_DIR:-target}/$target/wasm/pali3.wasm"
    local stamp="$out/.$name" sum
    # Builds share one file name, so what was last made here, and how, is told by a checksum.
    sum=$(cat "$built" scripts/build-wasm.sh scripts/cut.mjs | cksum)
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$sum" ]; then
        say "$out/$name.js is up to date"
        return
    fi
    rm -f "$stamp"
    say "making the JavaScript bindings $out/$name.js"
    wasm-bindgen "$built" --target web --out-dir "$out" --out-name "$name" --experimental-reset-state-function

    # Starting afresh after a trap must not compile on the page's own thread: browsers refuse that above 8 MB.
    sed -i -e 's/^export function __wbg_reset_state ()/export async function __wbg_reset_state ()/' \
        -e 's/new WebAssembly\.Instance(wasmModule, /await WebAssembly.instantiate(wasmModule, /' "$out/$name.js"
    grep -q '= await WebAssembly.instantiate(wasmModule, ' "$out/$name.js" ||
        fail "wasm-bindgen writes __wbg_reset_state in another way than scripts/build-wasm.sh expects"

    local module="$out/${name}_bg.wasm"
    node scripts/cut.mjs "$module"
    if [ "$out" = pkg/wasm ]; then
        shrink "$module" "$stamp" "$sum" &
        shrinking+=($!)
    else
        printf '%s\n' "$sum" >"$stamp"
    fi
}

# shrink MODULE STAMP SUM: makes it smaller in place, and says in the stamp that it is done.
shrink() {
    local module=$1 stamp=$2 sum=$3
    say "shrinking $module with wasm-opt (a minute or two)"
    # Not --all-features: it writes what browsers refuse. These are in every browser that has WebGPU.
    wasm-opt -Oz --enable-simd --enable-bulk-memory --enable-bulk-memory-opt \
        --enable-nontrapping-float-to-int --enable-sign-ext --enable-mutable-globals \
        --enable-reference-types --enable-multivalue --strip-debug --strip-producers \
        "$module" -o "$module.small"
    mv "$module.small" "$module"
    printf '%s\n' "$sum" >"$stamp"
    say "$module: $(wc -c <"$module") bytes"
}

if [ "$mode" = --testing ]; then
    compile testing
    bind pali3 target/wasm-testing
    exit 0
fi
for device in cpu webgpu; do
    compile "$device"
    bind "pali3_$device" pkg/wasm
done
for job in "${shrinking[@]}"; do wait "$job"; done
