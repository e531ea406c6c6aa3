"""What learners hand in: a notebook read however it was stored, and the answers in it.

Exercises are those of the course's own notebooks, found by the calls of their checkers.
In a learner's copy ids, tags and the order of cells count for nothing.
"""

import ast
import json
import re
import symtable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from course_utils.runtime import files

IMPORTS = ast.Import | ast.ImportFrom
DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
ASSIGNMENTS = ast.Assign | ast.AnnAssign


class Unreadable(ValueError):
    """A file that is no notebook of the course, and why."""


@dataclass(frozen=True)
class Exercise:
    """One exercise: `module`.`check` is called with what is named `name`."""

    number: int  # within its lesson, from 1
    module: str
    check: str
    name: str

    @property
    def title(self) -> str:
        """As it stands in the marks: the lesson, the number, what was asked for."""
        lesson = self.module.removeprefix("lesson").lstrip("0") or "0"
        return f"{lesson}.{self.number} {self.check.removeprefix('check_')}"


@dataclass(frozen=True)
class Lesson:
    """A lesson of the course: its set-up, all of its code, its exercises."""

    stem: str
    setup: str
    cells: tuple[str, ...]
    exercises: tuple[Exercise, ...]

    @cached_property
    def statements(self) -> tuple["Statement", ...]:
        """Its own statements."""
        return tuple(statements(self.cells))

    @cached_property
    def own(self) -> frozenset[str]:
        """Them as text, to tell what a learner has changed."""
        return frozenset(ast.dump(each.node) for each in self.statements)


@dataclass(frozen=True)
class Statement:
    """A statement of a notebook's top level: what it makes, and what it needs."""

    node: ast.stmt
    makes: frozenset[str]
    needs: frozenset[str] = field(repr=False)


def lessons(folder: Path | None = None) -> dict[str, Lesson]:
    """The course's lessons, by the stem of their file."""
    found = {}
    for path in sorted((folder or files.lessons()).glob("*.ipynb")):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        code = [
            ("".join(cell["source"]), cell["metadata"].get("tags", []))
            for cell in cells
            if cell["cell_type"] == "code"
        ]
        setup = next(source for source, tags in code if "setup" in tags)
        sources = tuple(source for source, tags in code if "solution" not in tags)
        calls = [
            call
            for each in statements(sources)
            if (call := _call_of_checker(each.node))
        ]
        exercises = tuple(
            Exercise(number, *call) for number, call in enumerate(calls, start=1)
        )
        found[path.stem] = Lesson(path.stem, setup, sources, exercises)
    return found


def _call_of_checker(node: ast.AST) -> tuple[str, str, str] | None:
    """(module, checker, name of what is checked) where that is what a line does."""
    if isinstance(node, ast.Expr):
        node = node.value
    if not isinstance(node, ast.Call) or len(node.args) != 1:
        return None
    function, given = node.func, node.args[0]
    if isinstance(function, ast.Attribute) and function.attr.startswith("check_"):
        if isinstance(function.value, ast.Name) and isinstance(given, ast.Name):
            return function.value.id, function.attr, given.id
    return None


def read(path: Path) -> tuple[list[str], list[str]]:
    """(code cells, other cells) of a notebook of any version, or of a script.

    Errors: Unreadable, with the reason.
    """
    raw = path.read_bytes()
    if not raw.strip():
        raise Unreadable("the file is empty")
    if raw[:2] == b"PK":
        raise Unreadable("it is a zip archive: unpack it first")
    try:
        written = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        written = raw.decode("latin-1")
    if path.suffix == ".py":
        return [written], []
    try:
        notebook = json.loads(written)
    except json.JSONDecodeError as error:
        raise Unreadable(f"it is cut off or damaged (line {error.lineno})") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if cells is None and isinstance(notebook, dict):  # notebooks of version 3
        sheets = notebook.get("worksheets") or []
        cells = [cell for sheet in sheets for cell in sheet.get("cells", [])]
    if not isinstance(cells, list) or not cells:
        raise Unreadable("it has no cells")
    code: list[str] = []
    other: list[str] = []
    for cell in filter(lambda cell: isinstance(cell, dict), cells):
        source = cell.get("source", cell.get("input", ""))
        source = "".join(source) if isinstance(source, list) else str(source)
        (code if cell.get("cell_type") == "code" else other).append(source)
    return code, other


def lesson_of(path: Path, cells, known: dict[str, Lesson]) -> Lesson:
    """Which lesson a copy is of: by its name, else by the checkers it calls.

    Errors: Unreadable where neither says.
    """
    name = re.sub(r"\W+", "_", path.stem.lower())
    named = [stem for stem in known if stem in name]
    if named:
        return known[max(named, key=len)]
    text = "\n".join(cells)
    calls = {
        stem: text.count(f"{lesson.exercises[0].module}.check_")
        for stem, lesson in known.items()
        if lesson.exercises
    }
    best = max(calls, key=lambda stem: calls[stem])
    if not calls[best]:
        raise Unreadable("it is no lesson of this course, by its name or its checkers")
    return known[best]


def statements(cells) -> list[Statement]:
    """The statements of all cells in order; what does not parse is left out."""
    found = []
    for cell in cells:
        for node in _parsed(without_magics(cell)):
            found.append(Statement(node, _made_by(node), _needed_by(node)))
    return found


def without_magics(source: str) -> str:
    """A cell's Python: without the lines that only IPython understands."""
    lines = source.replace("\r\n", "\n").replace("\xa0", " ").splitlines()
    if lines and re.match(r"%%(?!time|capture|prun)\w+", lines[0]):
        return ""  # a cell of another language, or a file
    return "\n".join("" if re.match(r"\s*[%!?]", line) else line for line in lines)


def _parsed(source: str) -> list[ast.stmt]:
    """The statements of a cell; of one with an error in it, those without."""
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pieces = re.split(r"\n(?=[^\s)\]}#])", source)
    if len(pieces) == 1:
        return []
    joined: list[str] = []
    for piece in pieces:  # a decorator or an else belongs to its neighbor
        is_part = re.match(r"(else|elif|except|finally)\b", piece)
        if joined and (is_part or joined[-1].rsplit("\n", 1)[-1].startswith("@")):
            joined[-1] += "\n" + piece
        else:
            joined.append(piece)
    return [node for piece in joined for node in _parsed(piece)]


def _made_by(node: ast.stmt) -> frozenset[str]:
    """The names that a statement makes, if it is of a kind that is run."""
    if isinstance(node, DEFINITIONS):
        return frozenset([node.name])
    if isinstance(node, IMPORTS):
        return frozenset((a.asname or a.name).split(".")[0] for a in node.names)
    if isinstance(node, ASSIGNMENTS):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = (n for target in targets for n in ast.walk(target))
        return frozenset(
            n.id
            for n in names
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        )
    if isinstance(node, ast.If | ast.Try):
        inner = [child for child in ast.walk(node) if isinstance(child, ast.stmt)]
        if not any(isinstance(child, ast.For | ast.While) for child in inner):
            return frozenset().union(*(_made_by(child) for child in inner[1:]))
    return frozenset()


def _needed_by(node: ast.stmt) -> frozenset[str]:
    """The names it takes from outside."""
    table = symtable.symtable(ast.unparse(node), "cell", "exec")

    def needed(table) -> set[str]:
        is_top = table.get_type() == "module"
        names = {
            symbol.get_name()
            for symbol in table.get_symbols()
            if symbol.is_referenced() and (is_top or symbol.is_global())
        }
        return names.union(*(needed(child) for child in table.get_children()))

    return frozenset(needed(table))


def slice_for(exercise: Exercise, lesson: Lesson, copy: list[Statement], *, deep: bool):
    """(name, the statements to run) of a learner's answer; name is None without one.

    Only what the answer needs: its definition, and what that names. Names that the
    copy does not make are taken from the lesson. deep: with assignments of the lesson
    itself, which may be long computations.
    """
    name, at = _answer(exercise, lesson, copy)
    if at is None:
        return None, []
    places, open_names = {at}, set(copy[at].needs)
    lent: set[int] = set()  # places in the lesson itself
    seen: set[str] = set()
    while open_names:
        wanted = open_names.pop()
        if wanted in seen:
            continue
        seen.add(wanted)
        made = [i for i, each in enumerate(copy) if wanted in each.makes]
        made = [i for i in made if deep or _is_light(copy[i].node, lesson)]
        before = [i for i in made if i < at]
        if made:
            place = before[-1] if before else made[-1]
            places.add(place)
            open_names |= copy[place].needs
        else:
            own = [i for i, e in enumerate(lesson.statements) if wanted in e.makes]
            own = [i for i in own if _is_light(lesson.statements[i].node, lesson)]
            lent |= set(own[-1:])
            for i in own[-1:]:
                open_names |= lesson.statements[i].needs
    from_lesson = (lesson.statements[i] for i in sorted(lent))
    return name, [*from_lesson, *(copy[i] for i in sorted(places))]


def _is_light(node: ast.stmt, lesson: Lesson) -> bool:
    """No assignment that the lesson itself makes, but for one of plain numbers."""
    if not isinstance(node, ASSIGNMENTS) or ast.dump(node) not in lesson.own:
        return True
    return not any(isinstance(each, ast.Call) for each in ast.walk(node))


def _answer(exercise: Exercise, lesson: Lesson, copy: list[Statement]):
    """(name, place) of the definition that the exercise's checker is called with."""
    calls = {}
    for place, each in enumerate(copy):
        call = _call_of_checker(each.node)
        if call and not call[2].endswith("_solution"):
            calls[call[1]] = place, call[2]
    call_at, name = calls.get(exercise.check, (None, exercise.name))
    made = [i for i, each in enumerate(copy) if name in each.makes]
    sharing = [e for e in lesson.exercises if e.name == exercise.name]
    if len(sharing) == 1:
        before = [i for i in made if call_at is not None and i < call_at]
        return name, _last(before or made)
    first, last = _room(exercise, lesson, copy, calls)
    if call_at is not None:
        before = [i for i in made if first < i < call_at]
        return name, _last(before or [i for i in made if call_at < i < last])
    made = [i for i in made if first < i < last]
    uncalled = [e for e in sharing if e.check not in calls]
    if len(made) == len(uncalled):  # then they stand in the exercises' order
        return name, made[uncalled.index(exercise)]
    return name, _last(made)


def _last(places: list[int]) -> int | None:
    return places[-1] if places else None


def _room(exercise: Exercise, lesson: Lesson, copy, calls) -> tuple[int, int]:
    """Between which places an answer lies whose name other exercises have, too."""
    first, last = -1, len(copy)
    for other in lesson.exercises:
        names = [e for e in lesson.exercises if e.name == other.name]
        place = calls[other.check][0] if other.check in calls else None
        if place is None and len(names) == 1:
            made = [i for i, each in enumerate(copy) if other.name in each.makes]
            place = made[-1] if made else None
        if place is not None and other.number < exercise.number:
            first = max(first, place)
        elif place is not None and other.number > exercise.number:
            last = min(last, place)
    return first, last
