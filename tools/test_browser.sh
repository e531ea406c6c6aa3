#!/bin/sh
# Tries every notebook in a real JupyterLab, in the Chromium of the system.
set -eu
cd "$(dirname "$0")/.."

command -v chromium >/dev/null || {
    echo "The browser tests need Chromium: install it from the system's packages" \
        "(on Debian: apt install chromium), then try again." >&2
    exit 1
}
.venv/bin/python -c 'import playwright' 2>/dev/null ||
    .venv/bin/python -m pip install -q -e '.[browser]' -c constraints.txt
exec .venv/bin/python -m pytest tests/browser "$@"
