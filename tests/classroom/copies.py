"""What thirty learners hand in: one solved lesson, damaged in every way we have seen.

A damage takes the solved notebook of lesson 2 (a dict) and returns what is handed in:
a notebook, text or bytes. Each stands with its file's name and the exercises, by
number, that are not to be counted right, with words that the mark holds.
"""

import copy
import json
import random
import re

NAMES = {1: "layer_backward", 2: "cross_entropy", 3: "train_step"}
LETTERS = {4: "b", 5: "bdac"}


def source(cell):
    return "".join(cell["source"])


def is_a(tag, cell):
    return tag in cell["metadata"].get("tags", [])


def solved(notebook):
    """The lesson with every exercise filled in from the solution below it."""
    notebook = copy.deepcopy(notebook)
    cells = notebook["cells"]
    for at, cell in enumerate(cells):
        if is_a("exercise", cell):
            name = re.match(r"(?:def )?(\w+)", source(cell))[1]
            below = next(source(c) for c in cells[at:] if is_a("solution", c))
            letter = re.search(r'check_\w+\((".*?")\)', below)
            if letter:
                cell["source"] = f"{name} = {letter[1]}"
            else:
                body = below.split("\n\n\nassert")[0].split("\n", 1)[1]
                cell["source"] = body.replace(f"{name}_solution", name)
    return notebook


def exercise(notebook, number):
    """The cell of an exercise, and where it stands."""
    at = [i for i, c in enumerate(notebook["cells"]) if is_a("exercise", c)][number - 1]
    return at, notebook["cells"][at]


def code(text):
    return {"cell_type": "code", "metadata": {}, "outputs": [], "source": text,
            "execution_count": None}  # fmt: skip


DAMAGES = []


def damage(name="02_mlp.ipynb", **not_right):
    """not_right: e4="words" where exercise 4 is not to be counted right."""

    def register(make):
        expected = {int(key[1:]): words for key, words in not_right.items()}
        DAMAGES.append((make.__name__, name, make, expected))
        return make

    return register


def in_first(text, **not_right):
    """A damage: this code stands in a cell of its own, before all others."""

    def make(notebook):
        notebook["cells"].insert(0, code(text))
        return notebook

    make.__name__ = re.sub(r"\W+", "_", text)[:30]
    damage(**not_right)(make)


def in_body(number, text, words, title):
    """A damage: the function of an exercise does this first."""

    def make(notebook):
        _, cell = exercise(notebook, number)
        lines = source(cell).split("\n")
        cell["source"] = "\n".join([lines[0], f"    {text}", *lines[1:]])
        return notebook

    make.__name__ = title
    damage(**({f"e{number}": words} if words else {}))(make)


# Where it was stored, and how


@damage()
def as_it_is(notebook):
    return notebook


@damage("02_mlp (1).ipynb")
def downloaded_twice(notebook):
    return notebook


@damage("Final version-02 mlp COPY.ipynb")
def named_with_spaces(notebook):
    return notebook


@damage("homework.ipynb")
def named_otherwise(notebook):
    return notebook


@damage("02_mlp.py")
def exported_as_a_script(notebook):
    return "\n\n".join(source(c) for c in notebook["cells"] if c["cell_type"] == "code")


@damage()
def without_metadata_as_from_colab(notebook):
    for cell in notebook["cells"]:
        cell.pop("id", None)
        cell["metadata"] = {"id": "x1"}
    return notebook | {"metadata": {}}


@damage()
def without_any_metadata(notebook):
    for cell in notebook["cells"]:
        cell.pop("metadata")
    return {"cells": notebook["cells"]}


@damage()
def of_version_three(notebook):
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["input"] = cell.pop("source")
    return {"nbformat": 3, "worksheets": [{"cells": notebook["cells"]}]}


@damage()
def with_a_mark_of_its_encoding(notebook):
    return b"\xef\xbb\xbf" + json.dumps(notebook).encode()


@damage()
def in_another_encoding(notebook):
    notebook["cells"].insert(0, code("name = 'Müller'"))
    return json.dumps(notebook, ensure_ascii=False).encode("latin-1", "replace")


@damage()
def with_the_line_ends_of_windows(notebook):
    for cell in notebook["cells"]:
        cell["source"] = source(cell).replace("\n", "\r\n")
    return notebook


# Cells moved about


@damage()
def all_in_one_cell(notebook):
    cells = [source(c) for c in notebook["cells"] if c["cell_type"] == "code"]
    return notebook | {"cells": [code("\n\n".join(cells))]}


@damage()
def a_cell_a_statement(notebook):
    cells = []
    for cell in notebook["cells"]:
        parts = re.split(r"\n\n\n(?=\S)", source(cell))
        cells += [cell | {"source": part} for part in parts]
    return notebook | {"cells": cells}


@damage()
def functions_at_the_end(notebook):
    for number in (3, 2, 1):
        at, _ = exercise(notebook, number)
        notebook["cells"].append(notebook["cells"].pop(at))
    return notebook


@damage()
def text_cells_shuffled_away(notebook):
    cells = [c for c in notebook["cells"] if c["cell_type"] == "code"]
    texts = [c for c in notebook["cells"] if c["cell_type"] != "code"]
    random.Random(0).shuffle(texts)
    return notebook | {"cells": texts + cells}


@damage()
def only_the_exercises(notebook):
    kept = [
        c for c in notebook["cells"] if is_a("exercise", c) or "check_" in source(c)
    ]
    return notebook | {"cells": kept}


@damage()
def without_solutions(notebook):
    kept = [c for c in notebook["cells"] if not is_a("solution", c)]
    return notebook | {"cells": kept}


@damage()
def without_the_calls_of_checkers(notebook):
    kept = [c for c in notebook["cells"] if not source(c).startswith("lesson02.check_")]
    return notebook | {"cells": kept}


@damage()
def every_exercise_tried_before(notebook):
    for number in (5, 4, 3, 2, 1):
        at, cell = exercise(notebook, number)
        wrong = re.sub(r'= "\w+"', '= "a"', source(cell)).replace("- ", "+ ")
        notebook["cells"].insert(at, code(wrong))
    return notebook


@damage(e3="text, not code")
def a_cell_made_text(notebook):
    exercise(notebook, 3)[1]["cell_type"] = "markdown"
    return notebook


@damage(e4="no `answer`", e5="no `answer`")
def the_letters_deleted(notebook):
    kept = [c for c in notebook["cells"] if not source(c).startswith("answer = ")]
    return notebook | {"cells": kept}


@damage(e2="renamed")
def a_function_renamed(notebook):
    _, cell = exercise(notebook, 2)
    cell["source"] = source(cell).replace("def cross_entropy", "def my_entropy")
    return notebook


@damage()
def a_function_renamed_where_it_is_checked_too(notebook):
    for cell in notebook["cells"]:
        if is_a("exercise", cell) or source(cell).startswith("lesson02.check_"):
            cell["source"] = re.sub(r"(def |\()cross_entropy\b", r"\1ce", source(cell))
    return notebook


# Code of all kinds

in_first("%matplotlib inline\n!pip install torch\nx = 1")
in_first("%%time\nimport numpy as np")
in_first("%%bash\nrm -rf /")
in_first("def broken(:\n    pass")
in_first("exit()")
in_first("import sys; sys.exit(1)")
in_first("import os\nos._exit(0)")
in_first("while True:\n    pass")
in_first("for i in range(10**9):\n    print(i)")
in_first("print('x' * 10_000_000)")
in_first("lesson02 = None")
in_first("import torch as F\ntorch = None")
in_first("from torch import *")
in_first("x = [0] * 10**10")
in_first("input('name? ')")
in_first("import shutil\nshutil.rmtree('notebooks')")
in_first("raise KeyboardInterrupt")
in_first("1 / 0")
in_body(1, "while True: pass", "did not end within", "an_endless_loop")
in_body(1, "exit()", "ends the program", "an_exit_within")
in_body(1, "import os; os._exit(3)", "ended the whole program", "a_hard_exit_within")
in_body(1, "import ctypes; ctypes.string_at(0)", "ended the whole", "a_crash_within")
in_body(1, "[0] * 10**10", "MemoryError", "too_much_memory_within")
in_body(
    1, "return layer_backward(features, weight, grad_outputs)", "Recursion", "recursion"
)
in_body(1, "open('stolen.txt', 'w').write('x')", "", "a_file_within")
in_body(
    1,
    "import socket; socket.create_connection(('192.0.2.1', 80), 1)",
    "OSError|Error",
    "network",
)
in_body(1, "print('x' * 10_000_000)", "", "a_long_print_within")
in_body(1, "raise SystemExit", "ends the program", "a_system_exit")
in_body(1, "raise KeyboardInterrupt", "KeyboardInterrupt", "a_keyboard_interrupt")


@damage()
def a_helper_and_a_constant(notebook):
    _, cell = exercise(notebook, 3)
    text = source(cell).replace("lr * param.grad", "scaled(param.grad, lr)")
    cell["source"] = (
        f"FACTOR = 2 / 2\n\ndef scaled(g, lr):\n    return FACTOR * lr * g\n\n{text}"
    )
    return notebook


@damage()
def a_helper_in_another_cell_below(notebook):
    _, cell = exercise(notebook, 3)
    cell["source"] = source(cell).replace("lr * param.grad", "scaled(param.grad, lr)")
    notebook["cells"].append(code("scaled = lambda g, lr: lr * g"))
    return notebook


@damage()
def a_function_above_the_lessons_own_helpers(notebook):
    at, cell = exercise(notebook, 3)
    text = source(cell).replace("lr * param.grad", "scaled(param.grad, lr)")
    notebook["cells"].insert(0, notebook["cells"].pop(at) | {"source": text})
    own = "def loss_on(features, targets):"  # the lesson's, and it is not changed
    assert any(own in source(c) for c in notebook["cells"])
    helper = "def scaled(g, lr):\n    loss_on\n    return lr * g"
    notebook["cells"].insert(1, code(helper))
    return notebook


@damage()
def a_part_of_a_module_set(notebook):
    _, cell = exercise(notebook, 3)
    text = source(cell).replace("lr * param.grad", "m.sqrt(lr) ** 2 * param.grad")
    cell["source"] = f"import math as m\n\nm.tau = 6.3\n\n{text}"
    return notebook


@damage(e1="Not yet")
def a_checker_replaced(notebook):
    _, cell = exercise(notebook, 1)
    cell["source"] = """class Cheat:
    import course_utils.checks.lesson02 as module
    module.check_layer_backward = lambda function: module.Verdict(True, "Right")

def layer_backward(features, weight, grad_outputs):
    Cheat
    return 0"""
    return notebook


@damage()
def a_class_that_is_called(notebook):
    _, cell = exercise(notebook, 2)
    body = source(cell).replace("def cross_entropy(", "def __call__(self, ")
    body = "\n".join("    " + line for line in body.splitlines())
    cell["source"] = f"class Loss:\n{body}\n\ncross_entropy = Loss()"
    return notebook


@damage(e1="parse")
def a_syntax_error_in_an_exercise(notebook):
    _, cell = exercise(notebook, 1)
    cell["source"] = source(cell).replace("return ", "return return ")
    return notebook


@damage()
def a_syntax_error_beside_an_exercise(notebook):
    _, cell = exercise(notebook, 1)
    cell["source"] = "x = = 1\n\n" + source(cell) + "\nprint('done'"
    return notebook


@damage(e1="as it was", e2="as it was", e3="as it was", e4="as it was", e5="as it was")
def nothing_filled_in(notebook):
    return None


@damage(e4="Not yet", e5="Not yet")
def wrong_letters(notebook):
    for number in LETTERS:
        exercise(notebook, number)[1]["source"] = 'answer = "c"'
    return notebook
