#!/bin/sh
# Creates the virtual environment, installs what is pinned in requirements.lock, fetches the pages' assets.
# The marker file is written last: an interrupted installation is simply done again.
set -eu

if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "Tradehall needs Python 3.11 or newer; set PYTHON=/path/to/python3" >&2
    exit 1
fi

if [ ! -x "$VENV/bin/python" ]; then
    if ! "$PYTHON" -m venv "$VENV" 2>/dev/null; then
        # Debian splits ensurepip from python3; pip may still be there.
        rm -rf "$VENV"
        if ! "$PYTHON" -m virtualenv -q "$VENV" 2>/dev/null; then
            echo "Python's venv module is missing: apt-get install python3-venv" >&2
            exit 1
        fi
    fi
fi

"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
"$VENV/bin/python" scripts/fetch_assets.py
touch "$VENV/.installed"
