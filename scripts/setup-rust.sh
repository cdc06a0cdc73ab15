#!/usr/bin/env bash
# Rust, its wasm32 target, a C compiler, and wasm-bindgen's CLI. Seconds when nothing is missing.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
target=wasm32-unknown-unknown
debian_rust=(rustc-web cargo-web rust-web-src rust-web-clippy rustfmt-web lld-22)

rust_is_new_enough() {
    have cargo && have rustc && at_least "$(rustc --version | cut -d' ' -f2)" "$wanted"
}

# Debian's compiler carries no wasm32 library: it is built from source along with our code.
use_debian_rust() {
    apt "${debian_rust[@]}" || return 1
    mkdir -p "$TOOLS"
    cat >"$TOOLS/rust.env" <<'ENV'
PATH="/usr/bin:$PATH"
export RUSTC_BOOTSTRAP=1
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-22
PALI3_BUILD_STD=1
ENV
    . "$TOOLS/rust.env"
    hash -r
}

# Where there is neither Rust nor rustup yet: the shell's own start-up files stay as they are.
install_rustup() {
    have curl || apt curl ca-certificates || return 1
    say "installing rustup and the stable toolchain below $HOME"
    mkdir -p "$TOOLS"
    curl -sSf --connect-timeout 20 -o "$TOOLS/rustup-init.sh" https://sh.rustup.rs &&
        sh "$TOOLS/rustup-init.sh" -y -q --no-modify-path --profile minimal --component clippy,rustfmt || return 1
    hash -r
}

if ! have cc; then
    apt gcc libc6-dev || fail "a C compiler is needed (gcc or clang)"
fi

if ! rust_is_new_enough; then
    say "Rust $wanted or newer is missing"
    if have rustup; then
        rustup toolchain install stable --profile minimal --component clippy,rustfmt || use_debian_rust ||
            fail "rustup could not install the stable toolchain"
    else
        # Debian's compiler takes half as long again, and has to build the standard library first.
        install_rustup || use_debian_rust || fail "neither rustup nor Debian's rustc-web could be installed"
    fi
    rust_is_new_enough || fail "Rust $wanted is needed, $(rustc --version 2>/dev/null || echo none) is here: see https://rustup.rs"
fi

if [ -z "${PALI3_BUILD_STD:-}" ]; then
    if have rustup && ! { cargo clippy --version && cargo fmt --version; } >/dev/null 2>&1; then
        rustup component add clippy rustfmt
    fi
    if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; then
        say "adding Rust's target $target"
        { have rustup && rustup target add "$target"; } || use_debian_rust ||
            fail "no way to get Rust's $target library: neither rustup nor Debian's rust-web-src could be used"
    fi
fi

# The generated JavaScript and the crate must be of the same version, to the last digit.
version=$(locked wasm-bindgen)
if [ "$(wasm-bindgen --version 2>/dev/null)" != "wasm-bindgen $version" ]; then
    say "building wasm-bindgen's CLI $version, as Cargo.lock has it (two minutes, once)"
    # Not --locked: the release's own lock file no longer builds.
    CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        cargo install wasm-bindgen-cli --quiet --version "=$version" --root "$TOOLS"
fi
