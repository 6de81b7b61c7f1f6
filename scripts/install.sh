#!/bin/sh
# Makes $VENV (default .venv) hold exactly what requirements.lock pins, this project on top, and fetches the pages' assets.
#
# Needs Python 3.11 or newer and nothing else; where Debian's python3 came without its venv module, root gets it installed
# and everybody else is told. pip's own settings (PIP_INDEX_URL, PIP_FIND_LINKS, PIP_CERT, pip.conf …) are respected.
# Only wheels are installed, so no compiler is needed. Done twice it does nothing; interrupted, it is simply done again.
set -eu

PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}
PIP_DISABLE_PIP_VERSION_CHECK=1
PIP_NO_INPUT=1
export PIP_DISABLE_PIP_VERSION_CHECK PIP_NO_INPUT
cd "$(dirname "$0")/.."

say() { echo "install: $*"; }
give_up() { echo "install: $*" >&2; exit 1; }
is_root() { [ "$(id -u)" -eq 0 ]; }
suits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

# Two installations of one checkout wait for each other; the second finds everything done.
if command -v flock >/dev/null 2>&1; then
    exec 9<.
    flock 9
fi

if ! suits "$PYTHON"; then
    found=
    for candidate in python3.14 python3.13 python3.12 python3.11; do
        if suits "$candidate"; then found=$candidate && break; fi
    done
    [ -n "$found" ] || give_up "Tradehall needs Python 3.11 or newer, and '$PYTHON' is none. Install one, or name it: make install PYTHON=/path/to/python3"
    PYTHON=$found
fi

# An installation that did not come to its end may have left half a package behind, which pip would take for a whole one.
unfinished="$VENV/.unfinished"
if [ -e "$VENV" ] && { [ -e "$unfinished" ] || ! "$VENV/bin/python" -m pip --version >/dev/null 2>&1; }; then
    say "the last installation was interrupted, starting anew"
    rm -rf "$VENV"
fi

if [ ! -e "$VENV" ]; then
    if ! "$PYTHON" -c 'import ensurepip, venv' >/dev/null 2>&1 && is_root && command -v apt-get >/dev/null 2>&1; then
        say "Python's venv module is missing: apt-get install python3-venv"
        DEBIAN_FRONTEND=noninteractive
        export DEBIAN_FRONTEND
        apt-get install -y -qq --no-install-recommends python3-venv </dev/null >/dev/null 2>&1 ||
            { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv; } </dev/null >/dev/null ||
            give_up "apt-get could not install python3-venv (see above)"
    fi
    mkdir -p "$VENV" && : >"$unfinished"
    if "$PYTHON" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        "$PYTHON" -m venv "$VENV"
    elif "$PYTHON" -c 'import virtualenv' >/dev/null 2>&1; then
        "$PYTHON" -m virtualenv -q "$VENV"
    else
        rm -rf "$VENV"
        give_up "$PYTHON cannot make virtual environments here. On Debian and Ubuntu, root installs what is missing: apt-get install python3-venv"
    fi
fi

# What was installed from which files, so that what did not change is not looked at again.
wanted=$(cat requirements.lock | sha256sum)
if [ "$(cat "$VENV/.requirements" 2>/dev/null)" != "$wanted" ]; then
    say "installing what requirements.lock pins into $VENV"
    : >"$unfinished"
    "$VENV/bin/python" -m pip install --quiet --require-hashes --only-binary :all: -r requirements.lock
    echo "$wanted" >"$VENV/.requirements"
fi
wanted=$(cat pyproject.toml | sha256sum)
if [ "$(cat "$VENV/.project" 2>/dev/null)" != "$wanted" ]; then
    : >"$unfinished"
    "$VENV/bin/python" -m pip install --quiet --no-deps --no-build-isolation -e .
    echo "$wanted" >"$VENV/.project"
fi
rm -f "$unfinished"

# Looks at the icons that pages name, so it runs every time; it does nothing when none was added.
"$VENV/bin/python" scripts/fetch_assets.py
touch "$VENV/.installed"
