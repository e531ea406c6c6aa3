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
# JupyterLab itself asks the network for nothing: no news, no look for a newer version.
exec .venv/bin/python -m jupyterlab \
    --LabApp.news_url=None \
    --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate \
    --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb "$@"
