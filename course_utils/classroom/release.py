"""The lessons to hand out: without solutions, and with no answer lying open.

Usage: python -m course_utils.classroom.release OUT

The solutions are no secret: the course that anybody can download has them, and the
checkers hold them. A handout only does not put them below the question.
"""

import importlib.metadata
import json
import re
import sys
from copy import deepcopy
from pathlib import Path

from course_utils.runtime import files

SOLUTION = re.compile(r"^# @title Solution|\b\w+_solution\b", re.MULTILINE)
STORY = "<summary>What it was</summary>"  # of a room of lesson 11: it tells the fault
SEEN = "*What you see.* "
REWORDED = {
    "Its solution is a closed cell below it: click on it to open it.": (
        "Its solution stands in the course itself; this is the version to hand out."
    ),
}
LEAST = 12  # characters that a line of a solution has, to be looked for


def hand_out(notebook: dict) -> dict:
    """A copy without solutions and outputs, what one sees folded; ids are kept.

    Errors: ValueError for a cell that looks like a solution and is not tagged so, and
    where a line of a solution is still there.
    """
    result = deepcopy(notebook)
    kept = []
    for cell in result["cells"]:
        source, tags = "".join(cell["source"]), cell["metadata"].get("tags", [])
        if "solution" in tags or STORY in source:
            continue
        if cell["cell_type"] == "code":
            if SOLUTION.search(source):
                raise ValueError(
                    f"cell {cell.get('id')} looks like a solution: tag it solution"
                )
            cell |= {"outputs": [], "execution_count": None}
        else:
            cell["source"] = _folded(_reworded(source)).splitlines(keepends=True)
        kept.append(cell)
    result["cells"] = kept
    found = leaks(notebook, result)
    if found:
        raise ValueError(f"a line of a solution is still there: {found[0]!r}")
    return result


def leaks(notebook: dict, handout: dict) -> list[str]:
    """Lines of solutions, and of nothing else, that stand in the handout."""
    solutions, others = "", ""
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        is_code = cell["cell_type"] == "code"
        if "solution" in cell["metadata"].get("tags", []) or (
            is_code and SOLUTION.search(source)
        ):
            solutions += source + "\n"
        else:
            others += source + "\n"
    lines = {line.strip() for line in solutions.splitlines()}
    own = {line for line in lines if len(line) >= LEAST and line not in others}
    text = json.dumps(handout["cells"], ensure_ascii=False)
    return sorted(line for line in own if json.dumps(line)[1:-1] in text)


def _reworded(source: str) -> str:
    for old, new in REWORDED.items():
        source = source.replace(old, new)
    return source


def _folded(source: str) -> str:
    """What one sees, which answers the question before it, closed until it is opened.

    Up to the next heading or question of the same cell.
    """
    if not source.startswith(SEEN):
        return source
    rest = source.removeprefix(SEEN)
    end = re.search(r"\n\n(?=#|\*\*Predict|\*\*Exercise)", rest)
    seen, after = (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
    summary = "<details><summary>What you see</summary>"
    return f"{summary}\n\n{seen}\n\n</details>{after}"


def main(arguments: list[str]) -> None:
    """Write every lesson, handed out, into a folder."""
    if len(arguments) != 1:
        sys.exit("give one folder to write into, such as build/handout")
    out = Path(arguments[0])
    out.mkdir(parents=True, exist_ok=True)
    version = importlib.metadata.version("course-utils")
    paths = sorted(files.lessons().glob("*.ipynb"))
    for path in paths:
        try:
            made = hand_out(json.loads(path.read_text("utf-8")))
        except ValueError as error:
            sys.exit(f"{path.name}: {error}")
        made["metadata"]["one_step_at_a_time"] = {"version": version, "handout": True}
        text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
        (out / path.name).write_text(text, "utf-8")
    print(f"{len(paths)} lessons of version {version}, without solutions: {out}")


if __name__ == "__main__":
    main(sys.argv[1:])
