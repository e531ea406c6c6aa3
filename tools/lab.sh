#!/bin/sh
# Opens JupyterLab on the first notebook; options are passed on to JupyterLab.
set -eu
cd "$(dirname "$0")/.."

# JupyterLab refuses to run as root (in a container, say) unless told.
[ "$(id -u)" != 0 ] || set -- --allow-root "$@"
# Without a display no browser can open; JupyterLab prints the address.
if [ "$(uname)" = Linux ] && [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    set -- --no-browser "$@"
fi
exec .venv/bin/python -m jupyterlab \
    --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb "$@"
