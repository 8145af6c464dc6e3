#!/usr/bin/env bash
# Makes .venv with graspgen, and sees to the system's OpenGL and Vulkan libraries. Called by `make setup`, and by
# `make setup-dev` as `setup.sh dev`: with the tests' packages as well. It may be run again at any time.
set -euo pipefail
cd "$(dirname "$0")/.."

# What MuJoCo's offscreen renderer loads on Debian and Ubuntu: EGL, GL and Mesa's software driver.
GL_PACKAGES="libegl1 libgl1 libopengl0 libegl-mesa0 libgl1-mesa-dri"

# What MuJoCo's Filament renderer loads: the Vulkan loader and Mesa's drivers, a software one among them.
VULKAN_PACKAGES="libvulkan1 mesa-vulkan-drivers"

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

can_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

apt_install() {
    local log
    log=$(mktemp)
    say "installing with apt-get: $*"
    export DEBIAN_FRONTEND=noninteractive
    # Lists that could not be refreshed may still be good enough to install from.
    apt-get update </dev/null >"$log" 2>&1 || say "warning: apt-get update failed"
    if ! apt-get install -y --no-install-recommends "$@" </dev/null >>"$log" 2>&1; then
        tail -n 20 "$log" >&2
        fail "apt-get could not install: $*"
    fi
    rm -f "$log"
}

# Runs the candidate: a launcher that exists but starts nothing (pyenv's) does not count.
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
has_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

find_python() {
    local p
    for p in python3.13 python3.12 python3.11 python3; do
        if new_enough "$p" && { [ "${1:-}" = any ] || has_venv "$p"; }; then
            echo "$p"
            return
        fi
    done
    return 1
}

make_venv() {
    if [ -x .venv/bin/python ] && new_enough .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1; then
        return
    fi
    local python
    if ! python=$(find_python); then
        # Debian and Ubuntu keep the venv module in a package of its own.
        local version=""
        if python=$(find_python any); then
            version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        fi
        can_apt || fail "no Python 3.11 or newer that can make virtual environments; mend it with: sudo apt-get install -y python3 python3-venv"
        # python3-venv serves the distribution's python3 only; another version has a package of its own.
        if [ -n "$version" ] && [ "$python" != python3 ]; then
            apt_install python3 "python$version-venv"
        else
            apt_install python3 python3-venv
        fi
        python=$(find_python) || fail "this system's Python is older than 3.11; install Python 3.11 or newer with its venv module"
    fi
    say "making .venv with $("$python" --version 2>&1)"
    rm -rf .venv
    "$python" -m venv .venv
}

install_package() {
    say "installing graspgen${1:+ [$1]} and its dependencies into .venv"
    .venv/bin/python -m pip install -q --disable-pip-version-check --no-input -e ".${1:+[$1]}" </dev/null
}

# Half a minute and 0.7 GB: only where tests of everything are wanted. The build without CUDA is named, so that no other
# (of several GB) is taken; where it cannot be had, tests that need PyTorch are skipped and say so.
install_torch() {
    [ "${CI:-}" = true ] || return 0
    .venv/bin/python -c 'import torch' 2>/dev/null && return 0
    say "installing PyTorch for the tests of the loaders"
    .venv/bin/python -m pip install -q --disable-pip-version-check --no-input --retries 1 --timeout 15 \
        --extra-index-url https://download.pytorch.org/whl/cpu 'torch==2.13.0+cpu' </dev/null >/dev/null 2>&1 ||
        say "warning: PyTorch could not be installed; its tests will be skipped"
}

# The only proof that OpenGL works is a frame that was rendered.
renders() {
    .venv/bin/python -c '
import sys
from graspgen.render.gl import probe_backends
sys.exit(not any(backend.works for backend in probe_backends()))' </dev/null >/dev/null 2>&1
}

see_to_opengl() {
    renders && return
    if can_apt; then
        # shellcheck disable=SC2086  # the list is meant to be split
        apt_install $GL_PACKAGES
        renders && return
    elif ! command -v apt-get >/dev/null; then
        fail "no OpenGL frame could be rendered: install EGL and Mesa's software driver with your package manager, then try again"
    else
        say "error: no OpenGL frame could be rendered; type this, then try again:"
        say "    sudo apt-get install -y $GL_PACKAGES"
        exit 1
    fi
    .venv/bin/graspgen doctor </dev/null >&2 || true
    fail "no OpenGL frame could be rendered, although the libraries are installed; the lines above say why"
}

has_vulkan() {
    .venv/bin/python -c '
import sys
from graspgen.render import vulkan
sys.exit(bool(vulkan.missing()))' </dev/null >/dev/null 2>&1
}

# Only photoreal images need Vulkan, so setting up goes on without it.
see_to_vulkan() {
    has_vulkan && return
    if can_apt; then
        # shellcheck disable=SC2086  # the list is meant to be split
        (apt_install $VULKAN_PACKAGES) || true
        has_vulkan && return
        say "warning: photoreal images (Filament) will not work here; .venv/bin/graspgen doctor says why"
    else
        say "warning: photoreal images (Filament) need Vulkan; type: sudo apt-get install -y $VULKAN_PACKAGES"
    fi
}

make_venv
install_package "$@"
[ "${1:-}" != dev ] || install_torch
see_to_opengl
see_to_vulkan
touch .venv/ready ${1:+".venv/ready-$1"}
say "ready: .venv/bin/graspgen"
