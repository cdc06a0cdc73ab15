#!/usr/bin/env bash
# What only the tests need: Chromium with a font, and a software Vulkan so that wgpu finds an adapter
# on a machine without a GPU. Seconds when nothing is missing.
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

if ! have chromium && [ -z "${PALI3_CHROMIUM:-}" ]; then
    apt chromium fonts-dejavu-core || fail "Chromium is needed; PALI3_CHROMIUM may name its executable"
fi
if ! compgen -G "/usr/share/vulkan/icd.d/*.json" >/dev/null && ! compgen -G "/etc/vulkan/icd.d/*.json" >/dev/null; then
    apt libvulkan1 mesa-vulkan-drivers || fail "a Vulkan driver is needed for the native WebGPU tests (mesa-vulkan-drivers)"
fi
