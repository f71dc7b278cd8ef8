#!/usr/bin/env bash
# Makes the virtual environment named by $1 with a Python that Tocsin supports; brings what a bare Debian or Ubuntu lacks.
set -euo pipefail

target=$1
supported='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))'

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3.11 python3 python3.12 python3.13 python3.14}; do
        if "$candidate" -c "$supported" >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    echo "No Python 3.11 to 3.14 found: install one (Debian: apt-get install python3), or name it: make PYTHON=/path/to/python3" >&2
    exit 2
}

# Debian's python3 comes without ensurepip; a venv made without it would have no pip.
bring_ensurepip() {
    local python=$1 package
    "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 && return
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "$python has no venv module: install it (Debian: apt-get install $package), then run make again" >&2
        exit 2
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null
}

python=$(find_python)
bring_ensurepip "$python"
# An interrupted run must not leave a folder that looks finished.
trap 'rm -rf "$target"' EXIT
"$python" -m venv "$target"
trap - EXIT
