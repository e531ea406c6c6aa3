#!/bin/sh
# Tries the web edition in Chromium: SITE_LESSONS="00_start_here 02_mlp" or all of them.
# axe, which looks for what shuts people out, comes from npm where npm is there.
set -eu
cd "$(dirname "$0")/.."

# shellcheck source=tools/browser.sh
. tools/browser.sh
if command -v npm >/dev/null && [ ! -d build/axe/node_modules/axe-core ]; then
    mkdir -p build/axe
    npm install --silent --no-audit --no-fund --prefix build/axe axe-core@4.14.1 ||
        echo "axe-core could not be installed: its tests are skipped." >&2
fi
lessons=
for name in ${SITE_LESSONS:-}; do
    lessons="$lessons notebooks/$name.ipynb"
done
# shellcheck disable=SC2086
.venv/bin/python web/build.py $lessons
exec .venv/bin/python -m pytest -o addopts= -q tests/browser/web_pages.py "$@"
