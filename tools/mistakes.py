"""Write docs/mistakes.md: what each checker says to the wrong answers it knows.

Usage: python tools/mistakes.py [--check]

The wrong answers are those of tests/checks/; the words are the checkers' own, so that a
teacher reads what the learner reads. --check writes nothing, and fails where the file
is not what would be written.
"""

import json
import re
import sys
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs/mistakes.md"
HEAD = """# Mistakes the checkers recognize

Written by `python tools/mistakes.py` from the checkers. For each exercise: what was
asked, and what a learner reads who makes one of the mistakes that the checker knows.
The words say what to look at next, so they are also what to say.
"""
NO_MISTAKES = (  # inputs that are no answer, or that name no thought
    "on case", "stopped with", "is not among", "not line", "does not hold each",
    "it is as it was", "the fault is still there.", "whatever it is given",
    "as it came in", "your function returned", "the shape is", "write rooms",
)  # fmt: skip


def exercises():
    """(module, checker) to (lesson, title, what was asked), in the course's order."""
    from course_utils.classroom import submissions

    found = {}
    for stem, lesson in submissions.lessons().items():
        path = ROOT / f"notebooks/{stem}.ipynb"
        cells = json.loads(path.read_text("utf-8"))["cells"]
        tasks = [
            "".join(before["source"])
            for before, cell in pairwise(cells)
            if "exercise" in cell["metadata"].get("tags", [])
        ]
        for exercise, task in zip(lesson.exercises, tasks, strict=True):
            place = stem, exercise.title, first_sentence(task)
            found[exercise.module, exercise.check] = place
    return found


def first_sentence(task):
    """Of the text above an exercise, without its number; two if the first is short."""
    paragraphs = [p for p in task.split("\n\n") if not p.startswith(("#", "<", "- "))]
    numbered = [p for p in paragraphs if re.match(r"\*\*(\d+\.|Exercise)", p)]
    text = re.sub(r"^\*\*[^*]*\*\*\s*", "", (numbered or paragraphs)[0])
    sentences = re.split(r"(?<=[.?!:])\s", " ".join(text.split("```")[0].split()))
    return " ".join(sentences[: 1 if len(sentences[0]) > 50 else 2])


def page():
    """All of it, in the order of the lessons."""
    sys.path.insert(0, str(ROOT / "tests/checks"))
    from answers import ANSWERS

    wrong_of = {
        (re.sub(r"_(loops|losses)$", "", c.__module__.split(".")[-1]), c.__name__): (
            c,
            w,
        )
        for c, (_, w) in ANSWERS.items()
    }
    text, lesson = HEAD, None
    for key, (stem, title, task) in exercises().items():
        check, wrong = wrong_of[key]
        if stem != lesson:
            lesson = stem
            text += f"\n## {title.split('.')[0]}: `{stem}`\n"
        number, name = title.split(" ", 1)
        text += f"\n**{number} {name}.** {task}\n\n"
        words = [check(answer).words.removeprefix("Not yet: ") for answer, _ in wrong]
        known = [w for w in words if not any(each in w for each in NO_MISTAKES)]
        text += "".join(f"- {' '.join(w.split())}\n" for w in dict.fromkeys(known))
    return text


if __name__ == "__main__":
    written = page()
    if "--check" in sys.argv:
        sys.exit(written != TARGET.read_text("utf-8"))
    TARGET.write_text(written, "utf-8")
    print(f"{written.count(chr(10) + '- ')} replies: {TARGET.relative_to(ROOT)}")
