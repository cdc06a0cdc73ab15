#!/usr/bin/env bash
# Measures this machine's graphics card: each kernel natively, beside a plain copy and a plain product, and the package on Dawn,
# Chromium's WebGPU, in Node. Options go to `pali3 bench`. Folders of random weights are kept under target/bench.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

bash scripts/setup-rust.sh
bash scripts/setup-node.sh
# Again, for what the setup has written.
. scripts/lib.sh

say "building the command line and the WebAssembly package"
cargo build --quiet --release
bash scripts/build-wasm.sh

pali3="$TARGET/release/pali3"
"$pali3" bench --device wgpu "$@"
for form in q4 q8 f32; do
    folder="target/bench/random/base-$form"
    [ -f "$folder/config.json" ] || "$pali3" random --vision base16 --text t5-1.1-base --dtype "$form" --out "$folder"
done
node bench/gpu/dawn.mjs www/models/pali3-tiny-q4 target/bench/random/base-{q4,q8,f32}
