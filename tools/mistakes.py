"""Write docs/mistakes.md: what each checker says to the wrong answers it knows.

Usage: python tools/mistakes.py [--check]

The wrong answers are those of tests/checks/; the words are the checkers' own, so that a
teacher reads what the learner reads. --check writes nothing, and fails where the file
is not what would be written.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs/mistakes.md"
HEAD = """# Common wrong answers

Written by `python tools/mistakes.py` from the checkers: for each exercise what a
learner reads who makes one of the mistakes that the checker knows. The words say what
to look at next, so they are also what to say.
"""


def titles():
    """Checker's name with its module to (lesson's heading, exercise's number)."""
    from course_utils.classroom import submissions

    found = {}
    for stem, lesson in submissions.lessons().items():
        for exercise in lesson.exercises:
            found[exercise.module, exercise.check] = stem, exercise.title
    return found


def said():
    """For each exercise, in the order of the lessons: the words, each once."""
    sys.path.insert(0, str(ROOT / "tests/checks"))
    from answers import ANSWERS

    names = titles()
    table = {}
    for check, (_, wrong) in ANSWERS.items():
        module = re.sub(r"_(loops|losses)$", "", check.__module__.rsplit(".", 1)[1])
        place = names.get((module, check.__name__))
        if place is None:
            continue
        words = [check(answer).words.removeprefix("Not yet: ") for answer, _ in wrong]
        known = [w for w in words if "on case" not in w and "stopped with" not in w]
        table[place] = list(dict.fromkeys(known))
    return dict(sorted(table.items()))


def page():
    text, lesson = HEAD, None
    for (stem, title), words in said().items():
        if stem != lesson:
            lesson = stem
            text += f"\n## {stem.split('_', 1)[0].lstrip('0') or '0'}: `{stem}`\n"
        number, name = title.split(" ", 1)
        text += f"\n**{number}** `{name}`\n\n"
        text += "".join(f"- {one_line(each)}\n" for each in words)
    return text


def one_line(words):
    return " ".join(words.split()).replace("|", "\\|")


if __name__ == "__main__":
    written = page()
    if "--check" in sys.argv:
        sys.exit(written != TARGET.read_text("utf-8"))
    TARGET.write_text(written, "utf-8")
    print(f"{written.count(chr(10) + '- ')} answers: {TARGET.relative_to(ROOT)}")
