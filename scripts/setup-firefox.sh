#!/usr/bin/env bash
# Firefox and the package that steers it (tests/firefox). Fails, saying so, where there is none and none can be had.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

if [ -z "${PALI3_FIREFOX:-}" ] && ! have firefox-esr && ! have firefox; then
    apt firefox-esr || fail "Firefox is not here and apt-get could not install it; PALI3_FIREFOX may name its executable"
fi
packages tests/firefox
