"""The form of every notebook: what DESIGN section 4 asks of a lesson.

Whether the notebooks *run* and print what they show is nbval's part: `pytest` collects
the notebooks themselves. Messages name the notebook and the cell, counted from 0.
"""

import ast
import itertools
import json
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
TAGS = {
    "install",  # does nothing where the course is installed (test_address.py)
    "setup",
    "check",
    "widget",
    "exercise",
    "solution",
    "definition",
    "retype",  # an exercise that asks for a line shown above
    "nbval-ignore-output",
    "raises-exception",
}
# Cells whose outputs are not compared, besides exercises and the calls of checkers.
NOT_COMPARED = {
    ("10_machines.ipynb", "part_of_adding"): "times of this machine",
    ("07_bert.ipynb", "my_message"): "the reader asks about a message of their own",
}
WITHOUT_EXERCISES = {"06b_keras"}  # it translates lesson 6
WITHOUT_PICTURES = {"06b_keras", "12_ledger"}
FORBIDDEN = {
    "a shell or pip line": r"^\s*(!|%\w)",
    "a warnings filter": r"filterwarnings|simplefilter|catch_warnings",
}
ONE_MACHINES_PATH = r"(?<![\w.+/])/(root|work|home|Users|tmp)/[\w.]+|\b[A-Z]:\\\\\w"
KNOWN_TAG = rf"{'|'.join(sorted(TAGS))}|claim:S\d\.\d|room:\d+|objective:\d"
NUMBER = r"\d+\.\d+|\d+(?:e[+-]?\d+)?"
IN_PROSE = r"(?<![\w.])(\d[\d,]*(?:\.\d+)?(?:e-?\d+)?)( ?%)?"
NOT_PROSE = r"\$\$.*?\$\$|\$[^$]*\$|```.*?```|`[^`]*`|\nReferences\..*"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class Lesson:
    """A notebook and the questions these tests ask of it."""

    def __init__(self, path):
        self.path, self.name = path, path.name
        self.notebook = nbformat.read(path, as_version=4)
        self.cells = self.notebook.cells
        self.code = [(i, c) for i, c in enumerate(self.cells) if c.cell_type == "code"]

    def tagged(self, tag):
        """Indices of the cells with this tag."""
        return [i for i, cell in enumerate(self.cells) if tag in tags(cell)]

    def require(self, condition, index, message):
        """Fail with a message that says where."""
        assert condition, f"{self.name}, cell {index}: {message}"


def tags(cell):
    return cell.metadata.get("tags", [])


def lesson_paths(folder=ROOT / "notebooks"):
    return sorted(folder.glob("*.ipynb"))


@pytest.fixture(params=lesson_paths(), ids=lambda path: path.stem)
def lesson(request):
    return Lesson(request.param)


def test_opening(lesson):
    number = lesson.name.split("_")[0].lstrip("0") or "0"  # 0, 4, 6b
    first, second = lesson.cells[0].source, lesson.cells[1].source
    lesson.require(
        first.startswith(f"# {number}. "), 0, f"begin with '# {number}. Title'"
    )
    lesson.require("?" in first, 0, "say the question the lesson answers")
    lesson.require(second.startswith("**You will**"), 1, "begin with '**You will**'")
    lesson.require(re.search(r"\d+ minutes", second), 1, "say how many minutes")


def test_closing(lesson):
    last = len(lesson.cells) - 1
    text = lesson.cells[last].source
    for word in ("Summary", "Next"):
        lesson.require(word in text, last, f"the last cell has a {word}")
    last_line = text.strip().splitlines()[-1].lower()
    lesson.require("kernel" in last_line, last, "end with 'shut down this kernel'")


def test_setup(lesson):
    found = lesson.tagged("setup")
    assert len(found) == 1, f"{lesson.name}: one cell tagged setup, not {len(found)}"
    lines = len(lesson.cells[found[0]].source.splitlines())
    lesson.require(lines <= 12, found[0], f"setup has {lines} lines, at most 12")
    first = next(i for i, cell in lesson.code if "install" not in tags(cell))
    lesson.require(found[0] == first, found[0], "setup is the first code")


def test_code(lesson):
    for i, cell in lesson.code:
        lines = cell.source.splitlines()
        lesson.require(lines, i, "an empty code cell")
        lesson.require(len(lines) <= 25, i, f"{len(lines)} lines, at most 25")
        longest = max(map(len, lines), default=0)
        lesson.require(longest <= 88, i, f"a line of {longest} characters, at most 88")
        for what, pattern in FORBIDDEN.items():
            found = re.search(pattern, cell.source, re.MULTILINE)
            lesson.require(not found, i, f"{what}: {found and found[0]!r}")


def test_tags(lesson):
    for i, cell in enumerate(lesson.cells):
        unknown = {t for t in tags(cell) if not re.fullmatch(KNOWN_TAG, t)}
        lesson.require(not unknown, i, f"unknown tags {unknown}")
        has_room = any(tag.startswith("room:") for tag in tags(cell))
        why = cell.metadata.get("reason", "")
        lesson.require(not has_room or why, i, "room without a reason (metadata)")
        for tag in ("setup", "check", "widget", "exercise", "solution"):
            is_code = tag not in tags(cell) or cell.cell_type == "code"
            lesson.require(is_code, i, f"{tag} is a tag for code")


def test_every_output_is_compared(lesson):
    """But for exercises, the calls of checkers, and what is listed with a reason."""
    for i, cell in lesson.code:
        if "nbval-ignore-output" in tags(cell):
            listed = any(
                name == lesson.name and text in cell.source
                for name, text in NOT_COMPARED
            )
            is_own = "exercise" in tags(cell) or calls_checker(cell.source) or listed
            lesson.require(is_own, i, "its output is not compared, and no reason given")


def require_check_after(lesson, starts, what):
    """A cell tagged check stands after each start and before the next one."""
    checks = lesson.tagged("check")
    for start, stop in itertools.pairwise([*starts, len(lesson.cells)]):
        checked = any(start < check < stop for check in checks)
        lesson.require(checked, start, f"no cell tagged check follows {what}")


def test_widgets(lesson):
    starts = lesson.tagged("widget")
    require_check_after(lesson, starts, "this widget")
    for i in starts:
        lines = len(lesson.cells[i].source.splitlines())
        lesson.require(lines <= 6, i, f"a widget cell of {lines} lines, at most 6")
        shown = [kind for o in lesson.cells[i].outputs for kind in o.get("data", {})]
        lesson.require("image/png" in shown, i, "the widget left no picture")


def test_formulas(lesson):
    starts = [
        i
        for i, cell in enumerate(lesson.cells)
        if cell.cell_type == "markdown" and "$$" in cell.source
        if "definition" not in tags(cell)
    ]
    require_check_after(lesson, starts, "this formula (or tag it definition)")


def test_numbers(lesson):
    """A number in prose stands in the code or was printed; or it is a year."""
    written = "\n".join(
        text for _, cell in lesson.code for text in (cell.source, *printed(cell))
    )
    known = {float(number) for number in re.findall(NUMBER, written)}
    for i, cell in enumerate(lesson.cells):
        if cell.cell_type == "markdown":
            prose = re.sub(NOT_PROSE, "", cell.source, flags=re.DOTALL)
            for found in re.finditer(IN_PROSE, prose):
                value = float(found[1].replace(",", ""))
                told = value < 100 and value.is_integer() and not found[2]
                year = 1600 < value < 2100 and value.is_integer()
                stands = value in known or (found[2] and value / 100 in known)
                lesson.require(told or year or stands, i, f"a typed number: {found[0]}")


def printed(cell):
    """All text among the outputs of a cell."""
    for output in cell.outputs:
        yield output.get("text", "")
        yield from (
            text for kind, text in output.get("data", {}).items() if "text/" in kind
        )


def test_exercises(lesson):
    for i in lesson.tagged("exercise"):
        ignored = "nbval-ignore-output" in tags(lesson.cells[i])
        lesson.require(ignored, i, "tag an exercise nbval-ignore-output, too")
    for i in lesson.tagged("solution"):
        jupyter = lesson.cells[i].metadata.get("jupyter", {})
        lesson.require(jupyter.get("source_hidden"), i, "collapse the solution")
        form = lesson.cells[i].metadata.get("cellView")  # Colab collapses such a cell
        titled = lesson.cells[i].source.startswith("# @title ")
        lesson.require(form == "form" and titled, i, "collapse it in Colab, too")
        shown = lesson.cells[i].outputs
        lesson.require(not shown, i, "what a solution prints lies open below it")
    solutions, exercises = lesson.tagged("solution"), lesson.tagged("exercise")
    assert len(solutions) >= len(exercises), f"{lesson.name}: a solution is missing"
    for i, cell in lesson.code:
        if "solution" not in tags(cell) and calls_checker(cell.source):
            ignored = "nbval-ignore-output" in tags(cell)
            lesson.require(ignored, i, "tag a checker call nbval-ignore-output")


def require_objectives(lesson):
    """Every line of "You will" has an exercise, by its tag; few retype a line."""
    promised = len(re.findall(r"^- ", lesson.cells[1].source, re.MULTILINE))
    lesson.require(3 <= promised <= 5, 1, f"{promised} objectives, 3 to 5 are read")
    exercises = lesson.tagged("exercise")
    trained = {
        int(tag.removeprefix("objective:"))
        for i in exercises
        for tag in tags(lesson.cells[i])
        if tag.startswith("objective:")
    }
    missing = set(range(1, promised + 1)) - trained
    lesson.require(not missing, 1, f"no exercise (tag objective:N) for {missing}")
    unknown = trained - set(range(1, promised + 1))
    lesson.require(not unknown, 1, f"exercises for objectives {unknown}: none such")
    retyped = len(set(exercises) & set(lesson.tagged("retype")))
    lesson.require(
        3 * retyped <= len(exercises), 1, f"{retyped} of {len(exercises)} retype a line"
    )


def require_pictures(lesson):
    """At least three pictures, at least two of them moving."""
    count = sum(
        "image/png" in output.get("data", {})
        for _, cell in lesson.code
        for output in cell.outputs
    )
    moving = len(lesson.tagged("widget"))
    lesson.require(count >= 3, 0, f"{count} pictures, at least 3")
    lesson.require(moving >= 2, 0, f"{moving} of the pictures move, at least 2")


def test_objectives(lesson):
    if lesson.path.stem not in WITHOUT_EXERCISES:
        require_objectives(lesson)


def test_pictures(lesson):
    if lesson.path.stem not in WITHOUT_PICTURES:
        require_pictures(lesson)


def test_check_cells_only_check(lesson):
    """No name made or imported in one is used in another cell that does not make it."""
    made: dict = {}  # name -> the check cell that made it
    for i, cell in lesson.code:
        stored, loaded = names_of(cell.source)
        taught = loaded & set(made)
        lesson.require(
            not taught, i, f"{taught}: from the check cell {[made[n] for n in taught]}"
        )
        if "check" in tags(cell):
            made |= dict.fromkeys(stored - everywhere(lesson, i), i)
        else:
            made = {name: at for name, at in made.items() if name not in stored}


def everywhere(lesson, index):
    """The names that cells before this one made, checks not counted."""
    cells = [c for i, c in lesson.code if i < index and "check" not in tags(c)]
    return set().union(*(names_of(cell.source)[0] for cell in cells), set())


def names_of(source):
    """(names a cell makes at its top level, names it takes from cells before)."""
    made, taken = set(), set()
    for statement in ast.parse(source).body:
        nodes = list(ast.walk(statement))
        inner = set()  # arguments and the names that a comprehension runs over
        for node in nodes:
            if isinstance(node, ast.arg):
                inner.add(node.arg)
            elif isinstance(node, ast.comprehension):
                inner |= {
                    n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)
                }
        names = [node for node in nodes if isinstance(node, ast.Name)]
        stored = {n.id for n in names if isinstance(n.ctx, ast.Store)} - inner
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                stored |= {(a.asname or a.name).split(".")[0] for a in node.names}
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            inner, stored = inner | stored, {statement.name}
        loaded = {n.id for n in names if isinstance(n.ctx, ast.Load)} - inner - made
        if not isinstance(
            statement, ast.Assign | ast.AugAssign | ast.Expr | ast.Assert
        ):
            loaded -= stored  # a loop, a with or a function: by and large in order
        taken |= loaded
        made |= stored
    return made, taken


def calls_checker(source):
    """Does this code call something named check_…, as the exercise checkers are?"""
    nodes = ast.walk(ast.parse(source))
    called = [node.func for node in nodes if isinstance(node, ast.Call)]
    names = [getattr(func, "attr", getattr(func, "id", "")) for func in called]
    return any(name.startswith("check_") for name in names)


def test_outputs(lesson):
    counts = [cell.execution_count for _, cell in lesson.code]
    in_order = counts == list(range(1, len(counts) + 1))
    assert in_order, f"{lesson.name}: run all cells in order (make notebooks): {counts}"
    for i, cell in lesson.code:
        raises = any(output.output_type == "error" for output in cell.outputs)
        may_raise = "raises-exception" in tags(cell)
        lesson.require(may_raise or not raises, i, "an error in the output")
        for output in cell.outputs:
            require_good_output(lesson, i, output)


def require_good_output(lesson, i, output):
    data = output.get("data", {})
    lesson.require(WIDGET_VIEW not in data, i, "a stored widget view (make notebooks)")
    if "image/png" in data:
        alt = output.metadata.get("image/png", {}).get("alt", "")
        is_sentence = len(alt.split()) >= 3 and alt.rstrip()[-1:] in ".!?"
        lesson.require(is_sentence, i, f"alt text is not a sentence: {alt!r}")
        text = data.get("text/plain", "")
        lesson.require(text == alt, i, f"text/plain is not the alt text: {text!r}")


def test_file(lesson):
    size = lesson.path.stat().st_size / 1e6
    assert size <= 1, f"{lesson.name}: {size:.2f} MB, at most 1"
    metadata = lesson.notebook.metadata
    assert "widgets" not in metadata, f"{lesson.name}: stored widgets (make notebooks)"
    kernel = metadata.get("kernelspec", {}).get("name")
    assert kernel == "python3", f"{lesson.name}: kernel {kernel}, not python3"
    text = json.dumps(lesson.notebook).replace("\\n", "\n")
    found = re.search(ONE_MACHINES_PATH, text)
    assert not found, f"{lesson.name}: a path of one machine, {found[0]!r}"


# Do these tests bite? A small good lesson passes all of them; each fault is caught.

SENTENCE = "The loss falls."


def good_lesson():
    """Cells of a lesson that has one of everything."""
    code, text = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    picture = nbformat.v4.new_output(
        "display_data",
        data={"image/png": "", "text/plain": SENTENCE},
        metadata={"image/png": {"alt": SENTENCE}},
    )
    hidden = {"tags": ["solution"], "jupyter": {"source_hidden": True}}
    hidden["cellView"] = "form"
    exercise = {"tags": ["exercise", "nbval-ignore-output"]}
    exercise["tags"] += ["objective:1", "objective:2", "objective:3"]
    cells = [
        text("# 4. Title\n\nWhy?"),
        text("**You will**\n\n- see,\n- do,\n- say.\n\n20 minutes."),
        code("import torch", metadata={"tags": ["setup"]}),
        code("film", metadata={"tags": ["widget"]}, outputs=[picture]),
        code("assert True", metadata={"tags": ["check"]}),
        text("$$x = 1$$"),
        code("assert True", metadata={"tags": ["check"]}),
        code("def step(): ...", metadata=exercise),
        code("checks.check_step(step)", metadata={"tags": ["nbval-ignore-output"]}),
        code("# @title Solution\ndef step_solution(): ...", metadata=hidden),
        code("film", metadata={"tags": ["widget"]}, outputs=[picture, picture]),
        code("assert film", metadata={"tags": ["check"]}),
        text("**Summary** **Next**\n\nShut down this kernel."),
    ]
    for count, cell in enumerate((c for c in cells if c.cell_type == "code"), 1):
        cell.execution_count = count
    return cells


def spoil(i, **changes):
    """A fault: cell i with these fields changed."""
    return lambda notebook: notebook.cells[i].update(nbformat.from_dict(changes))


def drop(*indices):
    """A fault: these cells are missing."""
    return lambda notebook: [notebook.cells.pop(i) for i in sorted(indices)[::-1]]


def taught_in_a_check(notebook):
    """A fault: a name comes from a check cell."""
    notebook.cells[4].source, notebook.cells[11].source = "new = 1", "assert new"


ERROR = {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}
VIEW = {"output_type": "display_data", "metadata": {}, "data": {WIDGET_VIEW: {}}}
PRINTED = {"output_type": "stream", "name": "stdout", "text": "the answer"}
BARE = {"output_type": "display_data", "metadata": {}, "data": {"image/png": ""}}
OBJECTIVES = ["exercise", "objective:1", "objective:2", "objective:3"]
IGNORED = ["widget", "nbval-ignore-output"]
FAULTS = [
    (test_opening, spoil(0, source="# 5. Title\n\nWhy?")),
    (test_opening, spoil(0, source="# 4. Title")),
    (test_opening, spoil(1, source="You will see. 20 minutes.")),
    (test_opening, spoil(1, source="**You will** see.")),
    (test_closing, spoil(12, source="**Next**\n\nShut down this kernel.")),
    (test_closing, spoil(12, source="**Summary** **Next**")),
    (test_setup, drop(2)),
    (test_setup, spoil(2, source="import torch\n" * 13)),
    (test_code, spoil(2, source="")),
    (test_code, spoil(2, source="x = 1\n" * 26)),
    (test_code, spoil(2, source="x" * 89)),
    (test_code, spoil(2, source="!pip install torch")),
    (test_code, spoil(2, source="warnings.simplefilter('ignore')")),
    (test_tags, spoil(4, metadata={"tags": ["chek"]})),
    (test_tags, spoil(5, metadata={"tags": ["check"]})),
    (test_tags, spoil(4, metadata={"tags": ["check", "room:5"]})),
    (test_every_output_is_compared, spoil(3, metadata={"tags": IGNORED})),
    (test_formulas, drop(6, 11)),
    (test_widgets, drop(4, 6)),
    (test_widgets, spoil(3, outputs=[])),
    (test_numbers, spoil(5, source="$$x = 1$$ It reached 0.93.")),
    (test_numbers, spoil(5, source="$$x = 1$$ It reached 93 %.")),
    (test_numbers, spoil(5, source="$$x = 1$$ It took 1,234 steps.")),
    (test_exercises, spoil(7, metadata={"tags": ["exercise"]})),
    (test_exercises, spoil(8, metadata={})),
    (test_exercises, spoil(9, metadata={"tags": ["solution"]})),
    (test_exercises, spoil(9, source="def step_solution(): ...")),
    (test_exercises, spoil(9, outputs=[PRINTED])),
    (test_exercises, drop(9)),
    (test_outputs, spoil(2, execution_count=None)),
    (test_outputs, spoil(2, outputs=[ERROR])),
    (test_outputs, spoil(2, outputs=[VIEW])),
    (test_outputs, spoil(2, outputs=[BARE])),
    (test_objectives, spoil(1, source="**You will**\n\n- see,\n- do.\n\n20 minutes.")),
    (
        test_objectives,
        spoil(1, source="**You will**\n\n- a\n- b\n- c\n- d\n20 minutes"),
    ),
    (test_objectives, spoil(7, metadata={"tags": ["exercise", "objective:1"]})),
    (test_objectives, spoil(7, metadata={"tags": [*OBJECTIVES, "objective:4"]})),
    (test_objectives, spoil(7, metadata={"tags": [*OBJECTIVES, "retype"]})),
    (test_pictures, spoil(3, outputs=[])),
    (test_pictures, spoil(3, metadata={})),
    (test_check_cells_only_check, taught_in_a_check),
    (test_file, spoil(0, source="x" * 1_000_000)),
    (test_file, spoil(0, source="see\n/home/me/data.csv")),
    (test_file, lambda notebook: notebook.metadata.update(widgets={})),
    (test_file, lambda notebook: notebook.metadata.clear()),
]


def stored(folder, fault=None):
    """A lesson with this fault, read back from a file."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = nbformat.v4.new_notebook(cells=good_lesson(), metadata=kernel)
    if fault:
        fault(notebook)
    nbformat.write(notebook, folder / "04_title.ipynb")
    return Lesson(folder / "04_title.ipynb")


@pytest.mark.parametrize("test", sorted({test.__name__ for test, _ in FAULTS}))
def test_a_good_lesson_passes(test, tmp_path):
    globals()[test](stored(tmp_path))


@pytest.mark.parametrize(
    ("test", "fault"),
    FAULTS,
    ids=[f"{t.__name__}{i}" for i, (t, _) in enumerate(FAULTS)],
)
def test_a_fault_is_found(test, fault, tmp_path):
    lesson = stored(tmp_path, fault)
    with pytest.raises(AssertionError, match="04_title.ipynb"):
        test(lesson)
