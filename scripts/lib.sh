# Sourced by the scripts beside it: where things are, plain words, small checks.
# shellcheck shell=bash
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# What is built and downloaded, out of git; always this folder, also where CARGO_TARGET_DIR names another for cargo alone.
TARGET="$ROOT/target"
export CARGO_TARGET_DIR="$TARGET"
# Everything that is installed for this project alone.
TOOLS="$TARGET/tools"
cd "$ROOT"

# Written by setup-rust.sh where Debian's compiler has to stand in for rustup's. First, because it puts the system's
# programs in front, and Debian's Node must not hide the one that setup-node.sh fetches.
# shellcheck disable=SC1091
[ -f "$TOOLS/rust.env" ] && . "$TOOLS/rust.env"
# rustup's programs before a system's older ones, unless Debian's compiler stands in for them.
[ -n "${PALI3_BUILD_STD:-}" ] || PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
PATH="$TOOLS/bin:$TOOLS/node_modules/.bin:$ROOT/node_modules/.bin:$PATH"
export PATH

say() { printf '==> %s\n' "$*"; }
fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# at_least FOUND WANTED: whether version FOUND (1.95.0) is WANTED (1.95) or newer.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# locked CRATE: the version that Cargo.lock holds.
locked() { awk -v name="name = \"$1\"" '$0 == name { getline; gsub(/[^0-9.]/, ""); print; exit }' Cargo.lock; }

# apt PACKAGE...: installs Debian packages; false where this is no Debian or not allowed.
apt() {
    have apt-get || return 1
    local as_root=()
    if [ "$(id -u)" != 0 ]; then
        have sudo || return 1
        as_root=(sudo)
    fi
    say "installing with apt-get: $*"
    # The package lists of a fresh image are empty or old.
    if [ ! -f "$TOOLS/apt-updated" ]; then
        "${as_root[@]}" apt-get update -qq || return 1
        mkdir -p "$TOOLS" && touch "$TOOLS/apt-updated"
    fi
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# packages FOLDER [OPTION...]: installs what the folder's package-lock.json holds, with more of npm's options. Nothing to do
# when nothing is missing.
packages() {
    local folder=$1
    shift
    # npm writes node_modules/.package-lock.json last: when it is older than ours, something is missing.
    if [ ! "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ]; then
        say "installing the Node packages of $folder/package-lock.json"
        npm ci --prefix "$folder" "$@" --loglevel=error --no-fund --no-audit
        touch "$folder/node_modules/.package-lock.json"
    fi
}
