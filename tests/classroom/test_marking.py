"""Marks: every damaged copy gets one, and every right answer in it counts."""

import csv
import json
import subprocess
import sys

import copies
import pytest

from course_utils.classroom import marking, marks, sandbox, submissions

LESSON = "02_mlp"
UNREADABLE = {
    "empty.ipynb": (b"", "empty"),
    "cut off.ipynb": (b'{"cells": [{"cell_type": "code", "sour', "cut off"),
    "packed.zip": (b"PK\x03\x04rest", "zip"),
    "list.ipynb": (b"[1, 2]", "no cells"),
    "other.ipynb": (b'{"cells": [{"cell_type": "code", "source": "1"}]}', "no lesson"),
}  # fmt: skip


def run(folder, out, *options):
    """The command of the Makefile, as it is."""
    command = [
        sys.executable,
        "-m",
        "course_utils.classroom.marking",
        folder,
        "--out",
        out,
    ]
    return subprocess.run([*command, *options], capture_output=True, text=True)


def read(out):
    with open(out / "marks.csv", encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def handed_in(root, tmp_path_factory):
    """A folder with every damaged copy, each in a folder of its own."""
    folder = tmp_path_factory.mktemp("handed in")
    stub = json.loads((root / f"notebooks/{LESSON}.ipynb").read_text("utf-8"))
    for learner, name, make, _ in copies.DAMAGES:
        made = make(copies.solved(stub))
        made = stub if made is None else made
        made = json.dumps(made) if isinstance(made, dict) else made
        made = made.encode() if isinstance(made, str) else made
        (folder / learner).mkdir()
        (folder / learner / name).write_bytes(made)
    for name, (content, _) in UNREADABLE.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def marked(handed_in, tmp_path_factory):
    out = tmp_path_factory.mktemp("marks")
    done = run(handed_in, out, "--seconds", "5")
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def test_forty_copies_and_more(handed_in):
    names = [name for name, *_ in copies.DAMAGES]
    assert len(names) == len(set(names)) >= 40


@pytest.mark.parametrize(("name", "expected"), [(d[0], d[3]) for d in copies.DAMAGES])
def test_every_copy_gets_a_result_and_every_right_answer_counts(marked, name, expected):
    rows = {row["exercise"]: row for row in read(marked[0]) if row["learner"] == name}
    assert len(rows) == 5
    for number, row in enumerate(rows.values(), start=1):
        if number not in expected:
            assert row["status"] == "right", row
        else:
            assert row["status"] in ("not yet", "empty", "ask"), row
            assert any(w in row["words"] for w in expected[number].split("|")), row


def test_files_that_cannot_be_read_are_named(marked):
    page = (marked[0] / "marks.html").read_text("utf-8")
    rows = {row["file"]: row for row in read(marked[0]) if row["status"] == "not read"}
    for name, (_, words) in UNREADABLE.items():
        assert words in rows[name]["words"]
        assert name in page
        assert name in marked[1]


def test_nothing_outside_is_touched(marked, handed_in, root):
    assert (root / "notebooks/02_mlp.ipynb").exists()
    assert not list(root.glob("stolen*"))
    assert not list(handed_in.rglob("stolen*"))
    assert {path.name for path in marked[0].iterdir()} == {"marks.csv", "marks.html"}


def test_it_says_which_sandbox(marked):
    assert marked[1].startswith("Sandbox: ")
    assert any(words in marked[1] for words in sandbox.WORDS.values())


def test_all_lessons_solved_are_all_right(root, tmp_path):
    """Each of the course's own solutions, as a learner's answer."""
    for path in (root / "notebooks").glob("*.ipynb"):
        notebook = json.loads(path.read_text("utf-8"))
        if path.stem.startswith(("00", "01", "03", "04", "05", "10")):
            text = json.dumps(copies.solved(notebook))
            (tmp_path / f"{path.stem}-ada.ipynb").write_text(text, "utf-8")
    done = run(tmp_path, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    wrong = [row for row in read(tmp_path / "out") if row["status"] != "right"]
    assert not wrong
    assert {row["learner"] for row in read(tmp_path / "out")} == {"ada"}


def test_without_fork_the_marks_are_the_same(root, tmp_path, monkeypatch):
    """A process a notebook; one that hangs is ended, and the rest is marked."""
    monkeypatch.setattr(marking, "HAS_FORK", False)
    stub = json.loads((root / f"notebooks/{LESSON}.ipynb").read_text("utf-8"))
    notebook = copies.solved(stub)
    _, cell = copies.exercise(notebook, 2)
    cell["source"] = "def cross_entropy(logits, targets):\n    while True: pass"
    (tmp_path / "02_mlp.ipynb").write_text(json.dumps(notebook), "utf-8")
    ((copy,), _) = marking.collect(tmp_path)
    found = [mark.status for mark in marking.mark(copy, seconds=4)]
    assert found == ["right", "not yet", "right", "right", "right"]


def test_a_wrong_folder_is_named(tmp_path):
    done = run(tmp_path / "none", tmp_path / "out")
    assert done.returncode == 2
    assert "is no folder" in done.stderr


def test_frequent_mistakes_stand_on_top():
    def mark(learner, words, status="not yet"):
        return marks.Mark(learner, "f", "2.1 x", status, words)

    made = [mark("a", "Not yet: rare"), mark("b", "Not yet: often, 3"),
            mark("c", "Not yet: often, 4.5"), mark("c", "Not yet: often, 4.5"),
            mark("d", "Right", "right")]  # fmt: skip
    assert marks.mistakes(made) == [
        (2, "2.1 x", "Not yet: often, 3"),
        (1, "2.1 x", "Not yet: rare"),
    ]


def test_the_page_and_the_table_take_any_name(tmp_path):
    bad = marks.Mark("<b>=1+1", "=cmd", "2.1 x", "ask", "<script>alert(1)</script>")
    marks.write([bad], [], tmp_path)
    page = (tmp_path / "marks.html").read_text("utf-8")
    assert "<script>" not in page
    assert "<b>=1" not in page
    assert read(tmp_path)[0]["file"] == "'=cmd"


def test_learners_are_known_by_folder_or_by_name():
    names = {
        "anna/02_mlp.ipynb": "anna",
        "02_mlp_ben.ipynb": "ben",
        "Carla - 02_mlp.ipynb": "Carla",
        "02_mlp (1).ipynb": "1",
        "homework.ipynb": "homework",
    }
    for name, learner in names.items():
        assert marking._learner(marking.Path(name), LESSON) == learner


def test_exercises_are_found_by_the_calls_of_their_checkers():
    known = submissions.lessons()
    assert [e.title for e in known["00_start_here"].exercises] == [
        "0.1 slope", "0.2 step_down", "0.3 two_rates", "0.4 reading",
    ]  # fmt: skip
    assert sum(len(lesson.exercises) for lesson in known.values()) > 80


def test_make_asks_for_a_folder(root):
    """Without one it would mark whatever lies here."""
    done = subprocess.run(["make", "marks"], cwd=root, capture_output=True, text=True)
    assert done.returncode != 0
    assert "make marks FROM=FOLDER" in done.stderr


def test_a_process_that_cannot_start_is_said(root, tmp_path, monkeypatch):
    source = (root / f"notebooks/{LESSON}.ipynb").read_text("utf-8")
    (tmp_path / "02_mlp.ipynb").write_text(source, "utf-8")
    ((copy,), _) = marking.collect(tmp_path)
    monkeypatch.setattr(marking, "_work", lambda *given: None)
    assert {mark.status for mark in marking.mark(copy)} == {"ask"}
