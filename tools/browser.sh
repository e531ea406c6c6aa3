# Sourced by the tests that need a browser: Chromium of the system, what drives it in .venv.
command -v chromium >/dev/null || {
    echo "The browser tests need Chromium: install it from the system's packages" \
        "(on Debian: apt install chromium), then try again." >&2
    exit 1
}
.venv/bin/python -c 'import notebook, playwright' 2>/dev/null ||
    .venv/bin/python -m pip install -q -e '.[browser]' -c constraints.txt
