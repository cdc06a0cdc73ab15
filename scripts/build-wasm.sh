#!/usr/bin/env bash
# Builds the WebAssembly modules of the npm package into pkg/wasm: one with the processor's kernels, one with WebGPU's.
# With --testing: a warning of the compiler is an error in either, and then the same two once more with the tests' bodies inside,
# clippy's warnings errors too, into target/wasm-testing.
# All with the profile "wasm" and a device's dependencies alike, so that what is tested is what is shipped and dependencies are
# compiled once.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

mode=${1:-}

std=()
[ -z "${PALI3_BUILD_STD:-}" ] || std=(-Z build-std=std,panic_abort)
target=wasm32-unknown-unknown
inputs=(src .cargo Cargo.toml Cargo.lock scripts/build-wasm.sh scripts/cut.mjs)
shrinking=()

# build DEVICE FOLDER [FEATURE]: a device's module, with one feature more, unless it is there and newer than all it is made of.
# (Builds with other features share one file, so cargo would compile each of them anew every time.)
build() {
    local device=$1 out=$2 more=${3:-}
    local name="pali3_$device" features="$device${more:+,$more}"
    local stamp="$out/.$name" log="target/wasm-$features.log" with=()
    # `cargo clippy` would first check every dependency anew; clippy as the compiler of our own crate needs no more
    # than what the build has made.
    [ -z "$more" ] || with=(env RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-Dwarnings)
    if [ -f "$stamp" ] && [ -z "$(find "${inputs[@]}" -newer "$stamp" -print -quit)" ]; then
        say "$out/$name.js is up to date"
    else
        mkdir -p "$out" "$(dirname "$log")"
        rm -f "$stamp"
        touch "$stamp.begun"
        say "compiling the crate to WebAssembly with $features (the first time takes some minutes)"
        "${with[@]}" cargo build --profile wasm --lib --target "$target" --no-default-features --features "$features" \
            "${std[@]}" 2>&1 | tee "$log"
        bind "$name" "$out"
        shrink "$out/${name}_bg.wasm" "$stamp" &
        shrinking+=($!)
    fi
    if [ "$mode" = --testing ] && grep -q '^warning' "$log"; then
        fail "the compiler warns of something in the build with $features"
    fi
}

# bind NAME FOLDER: JavaScript bindings of what was compiled last.
bind() {
    local name=$1 out=$2
    say "making the JavaScript bindings $out/$name.js"
    wasm-bindgen "$TARGET/$target/wasm/pali3.wasm" --target web --out-dir "$out" --out-name "$name" \
        --experimental-reset-state-function

    # Starting afresh after a trap must not compile on the page's own thread: browsers refuse that above 8 MB.
    sed -i -e 's/^export function __wbg_reset_state ()/export async function __wbg_reset_state ()/' \
        -e 's/new WebAssembly\.Instance(wasmModule, /await WebAssembly.instantiate(wasmModule, /' "$out/$name.js"
    grep -q '= await WebAssembly.instantiate(wasmModule, ' "$out/$name.js" ||
        fail "wasm-bindgen writes __wbg_reset_state in another way than scripts/build-wasm.sh expects"
    # Without what is for readers alone: every visitor fetches it. The .d.ts beside it has the same comments.
    sed -i -e '/^ *\/\*\*$/,/^ *\*\/$/d' -e 's/^ *//' -e '/^$/d' "$out/$name.js"
}

# shrink MODULE STAMP: makes the module smaller, and puts the stamp there. It runs beside the next module's compilation:
# wasm-opt keeps one core busy for a minute or two. What only tests load stays as it is.
shrink() {
    local module=$1 stamp=$2
    node scripts/cut.mjs "$module"
    if [ "$(dirname "$module")" = pkg/wasm ]; then
        say "shrinking $module with wasm-opt (a minute or two)"
        # Not --all-features: it writes what browsers refuse. These are in every browser that has WebGPU.
        # The processor's products stay functions of their own (src/compute/cpu/many_rows.rs says why).
        wasm-opt --no-inline='*_rows::product*' -Oz --enable-simd --enable-bulk-memory --enable-bulk-memory-opt \
            --enable-nontrapping-float-to-int --enable-sign-ext --enable-mutable-globals \
            --enable-reference-types --enable-multivalue --strip-debug --strip-producers \
            "$module" -o "$module.small"
        mv "$module.small" "$module"
    fi
    say "$module: $(wc -c <"$module") bytes"
    mv "$stamp.begun" "$stamp"
}

for device in cpu webgpu; do
    build "$device" pkg/wasm
    [ "$mode" != --testing ] || build "$device" target/wasm-testing testing
done
for job in "${shrinking[@]}"; do wait "$job"; done
