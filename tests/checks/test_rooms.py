"""Lesson 11: a room's fault turns its symptom on, and the right line turns it off.

The notebook itself is the witness: its cells run once with each room as it hangs there,
and the room's own cells once more with the function of its solution.
"""

import contextlib
import re

import pytest
import rooms


def of_the_rooms():
    """The cells that run, and for each room (name, first cell, the asserting cell)."""
    code = [
        cell
        for cell in rooms.cells()
        if cell["cell_type"] == "code" and not rooms.is_a("install", cell)
    ]
    found = []
    for at, cell in enumerate(code):
        name = re.match(
            r"assert symptom or lesson11\.check_\w+\((\w+)\)", cell["source"]
        )
        if name:
            (first,) = (
                i for i, c in enumerate(code)
                if rooms.is_a("exercise", c) and f"def {name[1]}(" in c["source"]
            )  # fmt: skip
            found.append((name[1], first, at))
    return code, found


@pytest.fixture(scope="module")
def symptoms():
    """For each room: is its symptom there, as it hangs there, and mended?"""
    code, found = of_the_rooms()
    namespace, seen = {}, {}

    def run(cells):
        with contextlib.redirect_stdout(None):
            for cell in cells:
                exec(cell["source"], namespace)

    done = 0
    for name, first, at in found:
        run(c for c in code[done : at + 1] if "lesson11.check_" not in c["source"])
        as_it_hangs = bool(namespace["symptom"])
        (solution,) = (
            c for c in code[at:]
            if rooms.is_a("solution", c) and f"def {name}_solution(" in c["source"]
        )  # fmt: skip
        run(
            [
                solution,
                {"source": f"{name} = {name}_solution"},
                *code[first + 1 : at + 1],
            ]
        )
        seen[name] = as_it_hangs, bool(namespace["symptom"])
        done = at + 1
    return seen


def test_there_are_fourteen_rooms():
    _, found = of_the_rooms()
    assert [name for name, *_ in found] == [name for _, name, *_ in rooms.ROOMS]
    assert len(found) == 14


@pytest.mark.parametrize("name", [name for _, name, *_ in rooms.ROOMS])
def test_the_fault_turns_the_symptom_on_and_the_right_line_off(symptoms, name):
    assert symptoms[name] == (True, False)


@pytest.mark.parametrize("name", [name for _, name, *_ in rooms.ROOMS])
def test_the_solution_changes_one_line(name):
    """Comments and the name aside; room 12, as its text says, may take two."""
    (solution,) = (
        c["source"] for c in rooms.cells()
        if rooms.is_a("solution", c) and f"def {name}_solution(" in c["source"]
    )  # fmt: skip

    def lines(source):
        start = source.index(f"def {name}")
        text = source[start:].split("\n\n\n")[0].replace(f"{name}_solution", name)
        return [re.sub(r"\s*#.*", "", line).strip() for line in text.splitlines()]

    before, after = lines(rooms.faulty(name)), lines(solution)
    new = [line for line in after if line not in before]
    most = 2 if name == "loss_of_parts" else 1
    assert len(new) <= most, new
    assert len(after) - len(before) <= 1
