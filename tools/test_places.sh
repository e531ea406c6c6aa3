#!/bin/sh
# Tries the course where it is a guest: in an environment with Colab's versions.
# The environment is made once, in build/colab (1.3 GB).
set -eu
cd "$(dirname "$0")/.."

python=build/colab/bin/python
wanted=$(cksum <tests/places/colab.txt)
if [ "$(cat build/colab/made-from 2>/dev/null)" != "$wanted" ]; then
    rm -rf build/colab
    .venv/bin/python -m venv build/colab
    torch=$(sed -n 's/^torch==//p' constraints.txt)
    $python -m pip install -q "torch==$torch" -r tests/places/colab.txt
    echo "$wanted" >build/colab/made-from
fi
exec .venv/bin/python -m pytest -o addopts= -q tests/places/colab.py "$@"
