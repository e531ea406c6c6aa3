#!/bin/sh
# Tries every notebook in a real JupyterLab, in the Chromium of the system.
set -eu
cd "$(dirname "$0")/.."

# shellcheck source=tools/browser.sh
. tools/browser.sh
exec .venv/bin/python -m pytest tests/browser "$@"
