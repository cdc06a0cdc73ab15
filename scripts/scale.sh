#!/usr/bin/env bash
# A model of full size in a browser tab: writes pali3-5b with random weights in 4-bit blocks (2.7 GB, kept in target/scale),
# loads it in headless Chromium on the software adapter and has it answer a few tokens. Takes minutes; needs 12 GB of memory.
# SCALE_PRESET may name a smaller size.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

preset=${SCALE_PRESET:-pali3-5b}
folder="$ROOT/target/scale/$preset"

bash scripts/setup-rust.sh
bash scripts/setup-node.sh
bash scripts/setup-browser.sh
. scripts/lib.sh
say "compiling the native program"
cargo build --quiet --release
bash scripts/build-wasm.sh
if [ ! -f "$folder/config.json" ]; then
    say "writing $preset with random weights"
    rm -rf "$folder"
    target/release/pali3 random --preset "$preset" --dtype q4 --out "$folder"
fi
say "loading it in Chromium"
node scripts/scale.mjs "$folder"
