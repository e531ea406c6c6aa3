#!/bin/sh
# Writes constraints.txt: one version of each package for all platforms and Pythons.
# Versions that are there already stay; `make lock ARGS=--upgrade` takes new ones.
# Then checks that pip finds a wheel of each, everywhere the course is meant to run.
set -eu
cd "$(dirname "$0")/.."

PATH=$PWD/.venv/bin:$PATH
command -v uv >/dev/null || {
    echo "The lock is made with uv: install it (pip install uv), then try again." >&2
    exit 1
}
export UV_CUSTOM_COMPILE_COMMAND="make lock"
export MACOSX_DEPLOYMENT_TARGET=14.0 # PyTorch has no wheel for earlier ones

uv pip compile --quiet --universal --python-version 3.11 --extra lab --extra test --extra site "$@" \
    --no-annotate pyproject.toml --output-file constraints.txt
for platform in x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu \
    aarch64-apple-darwin x86_64-pc-windows-msvc; do
    for version in 3.11 3.12 3.13 3.14; do
        uv pip compile --quiet --only-binary :all: --extra lab --extra test --extra site pyproject.toml \
            --constraint constraints.txt --python-platform "$platform" \
            --python-version "$version" >/dev/null
        echo "$platform, Python $version: every package has a wheel"
    done
done
