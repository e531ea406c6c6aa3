"""A class's marks as a table for a spreadsheet, and as a page to look at."""

import csv
import html
import re
from collections import defaultdict
from dataclasses import astuple, dataclass, fields
from pathlib import Path

SIGNS = {"right": "✓", "not yet": "✗", "empty": "–", "ask": "?"}
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Marks</title>
<style>
  :root {{ color-scheme: light dark }}
  body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem;
         padding: 0 1rem }}
  .wide {{ overflow-x: auto }}
  table {{ border-collapse: collapse; margin: 1rem 0 }}
  th, td {{ border: 1px solid #8886; padding: .3rem .6rem; text-align: left;
           vertical-align: top }}
  td.sign {{ text-align: center; font-size: 1.15rem }}
  tbody th {{ font-weight: 400 }} tbody th, td:last-child {{ white-space: nowrap }}
  .mistakes td:last-child, li {{ white-space: normal }}
  .right {{ background: #0072b233 }} .ask {{ background: #e69f0055 }}
  .not-yet {{ background: #d55e0033 }} .empty {{ color: #777 }}
  summary {{ cursor: pointer }}
</style>
<h1>Marks</h1>
<p>{counts}</p>
<p>✓ right, ✗ not yet, – not filled in, ? to be looked at by a person.
These are marks for practice: the solutions are no secret.</p>
{unreadable}
<h2>The most frequent mistakes</h2>
{mistakes}
<h2>Who has what</h2>
<p>Point at a sign to read what the checker said; all of it opens at a name.</p>
{tables}
</html>
"""


@dataclass(frozen=True)
class Mark:
    """One exercise of one learner. status: right, not yet, empty, or ask."""

    learner: str
    file: str
    exercise: str
    status: str
    words: str


def write(marks: list[Mark], unreadable, out: Path) -> None:
    """Write marks.csv and marks.html into the folder `out`."""
    with open(out / "marks.csv", "w", newline="", encoding="utf-8-sig") as file:
        table = csv.writer(file)
        table.writerow(field.name for field in fields(Mark))
        table.writerows(map(_harmless, astuple(mark)) for mark in marks)
        for path, reason in unreadable:
            table.writerow(map(_harmless, ("", str(path), "", "not read", reason)))
    page = PAGE.format(
        counts=_counts(marks),
        unreadable=_unreadable(unreadable),
        mistakes=_mistakes(marks),
        tables=_tables(marks),
    )
    (out / "marks.html").write_text(page, "utf-8")


def _harmless(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text


def _counts(marks: list[Mark]) -> str:
    learners = len({mark.learner for mark in marks})
    by_status = {s: sum(mark.status == s for mark in marks) for s in SIGNS}
    told = ", ".join(f"{count} {status}" for status, count in by_status.items())
    return f"{learners} learners, {len(marks)} exercises: {told}."


def _unreadable(files) -> str:
    if not files:
        return ""
    rows = "".join(
        f"<li><b>{html.escape(str(path))}</b>: {html.escape(reason)}</li>"
        for path, reason in files
    )
    return f"<h2>Files that could not be read</h2><ul>{rows}</ul>"


def mistakes(marks: list[Mark]) -> list[tuple[int, str, str]]:
    """(how many learners, exercise, words), the most frequent first."""
    made = defaultdict(set)
    for mark in marks:
        if mark.status == "not yet":
            kind = re.sub(r"\b\d[\d.e+-]*", "…", mark.words)  # whatever the numbers
            made[mark.exercise, kind].add((mark.learner, mark.words))
    counted = [
        (len({learner for learner, _ in who}), exercise, min(words for _, words in who))
        for (exercise, _), who in made.items()
    ]
    return sorted(counted, key=lambda row: (-row[0], row[1:]))


def _mistakes(marks: list[Mark], most: int = 20) -> str:
    rows = "".join(
        f"<tr><td>{count}</td><td>{html.escape(exercise)}</td>"
        f"<td>{html.escape(words.removeprefix('Not yet: '))}</td></tr>"
        for count, exercise, words in mistakes(marks)[:most]
    )
    if not rows:
        return "<p>None.</p>"
    head = "<tr><th>learners</th><th>exercise</th><th>what the checker said</th></tr>"
    return f'<div class="wide"><table class="mistakes">{head}{rows}</table></div>'


def _tables(marks: list[Mark]) -> str:
    """A table a lesson: a row a notebook, a column an exercise."""
    lessons: dict = defaultdict(lambda: defaultdict(list))
    for mark in marks:
        lessons[mark.exercise.split(".")[0]][mark.learner, mark.file].append(mark)
    return "\n".join(_table(lesson, rows) for lesson, rows in lessons.items())


def _table(lesson: str, rows: dict) -> str:
    titles = [mark.exercise for mark in next(iter(rows.values()))]
    head = "".join(f"<th>{html.escape(title)}</th>" for title in titles)
    body = "".join(_row(who, file, row) for (who, file), row in sorted(rows.items()))
    return (
        f'<h3>Lesson {html.escape(lesson)}</h3><div class="wide"><table><thead><tr>'
        f"<th>learner</th>{head}<th>right</th></tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(mark: Mark) -> str:
    kind, words = mark.status.replace(" ", "-"), html.escape(mark.words)
    sign = f'title="{words}" aria-label="{mark.status}">{SIGNS[mark.status]}'
    return f'<td class="sign {kind}" {sign}</td>'


def _row(learner: str, file: str, row: list[Mark]) -> str:
    said = "".join(
        f"<li>{html.escape(mark.exercise)}: {html.escape(mark.words)}</li>"
        for mark in row
    )
    signs = "".join(map(_cell, row))
    right = sum(mark.status == "right" for mark in row)
    return (
        f"<tr><th><details><summary>{html.escape(learner)}</summary>"
        f"{html.escape(file)}<ul>{said}</ul></details></th>{signs}"
        f"<td>{right} of {len(row)}</td></tr>"
    )
