#!/usr/bin/env bash
# Stands in for rustdoc in `cargo test --doc`, and writes the documentation instead of testing what is in it (there are no
# examples to test): `cargo doc` would first check every dependency anew, for minutes, where this takes what is built.
set -euo pipefail

options=()
while [ $# -gt 0 ]; do
    case $1 in
    --test | --no-run) ;;
    --test-run-directory | --test-args) shift ;;
    *) options+=("$1") ;;
    esac
    shift
done
exec rustdoc "${options[@]}" --out-dir "$CARGO_TARGET_DIR/doc" -D warnings
