"""Does the comparison of outputs let through what holds, and only that?"""

import json
from decimal import Decimal

import pytest
from printed import ROOM, Printed, is_whole, numbers, unit

STORED_AT_LEAST = 40  # numbers that are changed, of those stored in the notebooks


@pytest.mark.parametrize(
    ("stored", "printed"),
    [
        ("2.9", "3.0"),
        ("2.9", "3"),  # 3.0, printed short
        ("3", "2.98"),
        ("0.641", "0.639"),
        ("best lr 4.1e-05, done", "best lr 4.2e-05, done"),
        ("9.9e-05", "0.0001"),
        ("1e+02", "99"),
        ("-0.0", "0.0"),
        ("a −0.3", "a -0.2"),
        ("x:  9.9", "x: 10.1"),
        ("x:-0.01", "x: 0.01"),
        ("loss 0.50\nF1  0.9", "loss 0.49\nF1 0.90"),
        ("1,234.5", "1,234.4"),
        ("12 of 12", "12 of 12"),
    ],
)
def test_these_agree(stored, printed):
    assert Printed(stored) == Printed(printed)
    assert not Printed(stored) != Printed(printed)


@pytest.mark.parametrize(
    ("stored", "printed"),
    [
        ("0.641", "0.70"),
        ("2.9", "3.2"),
        ("12", "13"),
        ("1,234", "1,235"),
        ("step 3 of 12", "step 3 of 11"),
        ("-0.3", "0.3"),
        ("0.5, 0.6", "0.5"),
        ("0.5", "0.5, 0.6"),
        ("a 0.5 b 0.6", "b 0.6 a 0.5"),
        ("falls to 0.5", "rises to 0.5"),
        ("0.5", "nan"),
        ("0.5", "inf"),
        ("1e-05", "4e-05"),
        ("loss 0.5\nF1 0.9", "loss 0.5 F1 0.9"),
        ("10-12", "10-13"),
        ("", "0.5"),
    ],
)
def test_these_do_not(stored, printed):
    assert Printed(stored) != Printed(printed)


def test_a_cell_may_ask_for_more_room():
    assert Printed("0.50, 12").with_room(5) == Printed("0.55, 15")
    assert Printed("0.50, 12").with_room(5) != Printed("0.56, 12")
    assert Printed("0.50, 12").with_room(5) != Printed("0.50, 16")


def stored_texts(root):
    """Every text that the notebooks hold as an output."""
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            for output in cell.get("outputs", []):
                texts = [output.get("text", "")]
                texts += [
                    v for k, v in output.get("data", {}).items() if k[:5] == "text/"
                ]
                yield from map("".join, texts)


def changed(number, units):
    return str(Decimal(number) + units * unit(number))


def test_a_changed_number_is_seen_in_every_stored_text(root):
    """By three units of its last digit, a whole number by one."""
    count = 0
    for text in stored_texts(root):
        for number in set(numbers(text)):
            if text.count(number) != 1:
                continue  # part of another number, or there twice
            for sign in (1, -1):
                other = changed(number, sign * (1 if is_whole(number) else ROOM + 1))
                assert Printed(text) != Printed(text.replace(number, other)), number
                count += 1
    assert count >= 2 * STORED_AT_LEAST


def test_the_cells_of_notebooks_are_compared_so(pytester_run):
    assert pytester_run("0.50") == 0
    assert pytester_run("0.51") == 0
    assert pytester_run("0.54") == 1
    assert pytester_run("0.54", tags=["room:4"]) == 0


@pytest.fixture
def pytester_run(root, tmp_path):
    """Exit code of pytest on a notebook that prints 0.50, with this stored."""
    import subprocess
    import sys

    import nbformat

    def run(stored, tags=()):
        output = nbformat.v4.new_output("stream", name="stdout", text=stored + "\n")
        cell = nbformat.v4.new_code_cell(
            "print('0.50')",
            execution_count=1,
            outputs=[output],
            metadata={"tags": list(tags)},
        )
        path = tmp_path / "one.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
        options = ["--nbval", "--nbval-current-env", "-q", f"--rootdir={root}"]
        options += ["-o", "addopts=", "-p", "no:cacheprovider", "--confcutdir=/"]
        command = [
            sys.executable,
            "-m",
            "pytest",
            *options,
            "-c",
            str(root / "pyproject.toml"),
        ]
        return subprocess.run(
            [*command, "-p", "conftest", str(path)], cwd=root, check=False
        ).returncode

    return run
