#!/usr/bin/env bash
# Measures pali3 beside transformers.js in headless Chromium: one table, printed and written into docs/benchmarks.md.
# Options go to bench/run.mjs, which says what there is: which libraries, devices, forms and sizes, how many runs.
# All of it takes about two hours on two cores without a GPU, and 12 GB of disk under target/bench the first time.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

bash scripts/setup-rust.sh
bash scripts/setup-node.sh
bash scripts/setup-browser.sh
# Again, for what the setup has written.
. scripts/lib.sh

models="target/bench/models"
venv="target/bench/venv"

# The peer, apart from the packages that building and testing need. No install scripts: they fetch what only Node uses.
packages bench --ignore-scripts

# Python and torch, only to convert the weights to ONNX.
python() {
    if [ ! "$venv/.requirements.txt" -nt bench/requirements.txt ]; then
        have python3 || apt python3 || fail "Python 3.11 or newer is needed to convert the peer's weights"
        if ! python3 -m venv "$venv" 2>/dev/null; then
            apt python3-venv && python3 -m venv "$venv" || fail "Python's venv module is needed (python3-venv)"
        fi
        say "installing the Python packages of bench/requirements.txt into $venv (up to 5 GB)"
        "$venv/bin/pip" install --quiet --disable-pip-version-check -r bench/requirements.txt
        touch "$venv/.requirements.txt"
    fi
    "$venv/bin/python" -W ignore "$@"
}

# made DIR COMMAND... DIR: runs the command, whose last argument is the folder that it writes, unless it is there.
made() {
    local out=$1
    shift
    [ ! -d "$out" ] || return 0
    say "making $out"
    rm -rf "$out.part"
    "$@" "$out.part"
    mv "$out.part" "$out"
}

say "building the command line and the WebAssembly package"
cargo build --quiet --release
bash scripts/build-wasm.sh

pali3="$TARGET/release/pali3"
for size in small base; do
    made "$models/$size-f32" "$pali3" random --vision base16 --text "t5-1.1-$size" --dtype f32 --seed 1 --out
    for form in q8 q4; do
        made "$models/$size-$form" "$pali3" quantize --model "$models/$size-f32" --dtype "$form" --out
    done
    made "$models/peer/$size" python bench/export.py "$models/$size-f32" text
done
made "$models/peer/vision" python bench/export.py "$models/small-f32" vision

node bench/run.mjs "$@"
