#!/usr/bin/env bash
# The bundlers and compilers that the package is tested with (tests/bundlers). Seconds when nothing is missing.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

packages tests/bundlers
