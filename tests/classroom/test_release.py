"""The handout: no solution in it, no answer lying open, and it runs."""

import copy
import json
import re

import nbformat
import pytest

from course_utils.classroom import release, submissions


def lessons(root):
    return sorted((root / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def handed_out(root):
    """(the lesson, what is handed out of it) for every lesson."""
    read = [json.loads(path.read_text("utf-8")) for path in lessons(root)]
    return {
        path.stem: (notebook, release.hand_out(notebook))
        for path, notebook in zip(lessons(root), read, strict=True)
    }


def source(cell):
    return "".join(cell["source"])


def test_no_line_of_a_solution_is_in_it(handed_out):
    for notebook, handout in handed_out.values():
        assert release.leaks(notebook, handout) == []
        assert not [c for c in handout["cells"] if "solution" in str(c["metadata"])]
        text = "\n".join(map(source, handout["cells"]))
        assert "# @title Solution" not in text
        assert "closed cell" not in text
        assert "What it was" not in text


def test_there_is_something_to_leak(handed_out):
    """Given the lesson itself, the test finds the solution of every exercise."""
    found = [release.leaks(notebook, notebook) for notebook, _ in handed_out.values()]
    assert sum(map(bool, found)) >= len(found) - 1  # one lesson has no exercise
    assert sum(map(len, found)) > 200


def test_a_missing_tag_is_found(handed_out):
    notebook = copy.deepcopy(handed_out["02_mlp"][0])
    for cell in notebook["cells"]:
        if "solution" in cell["metadata"].get("tags", []):
            cell["metadata"]["tags"] = []
            break
    with pytest.raises(ValueError, match="looks like a solution"):
        release.hand_out(notebook)


def test_a_solution_copied_elsewhere_is_found(handed_out):
    notebook = copy.deepcopy(handed_out["02_mlp"][0])
    solution = next(c for c in notebook["cells"] if "solution" in str(c["metadata"]))
    line = max(source(solution).splitlines(), key=len)
    text = {"cell_type": "markdown", "metadata": {}, "source": [f"Write `{line}`."]}
    with_leak = release.hand_out(notebook)
    with_leak["cells"].append(text)
    assert line.strip() in release.leaks(notebook, with_leak)


def test_ids_are_kept_and_outputs_gone(handed_out):
    for notebook, handout in handed_out.values():
        ids = [cell["id"] for cell in notebook["cells"]]
        kept = [cell["id"] for cell in handout["cells"]]
        assert [i for i in ids if i in kept] == kept
        assert not any(cell.get("outputs") for cell in handout["cells"])


def test_what_one_sees_is_folded(handed_out):
    folded = 0
    for _, handout in handed_out.values():
        for cell in handout["cells"]:
            assert not source(cell).startswith("*What you see.*")
            if "<summary>What you see</summary>" in source(cell):
                folded += 1
                lines = source(cell).splitlines()
                assert lines[0] == "<details><summary>What you see</summary>"
                assert lines[1] == ""  # or Markdown in it is not read
                after = source(cell).split("</details>")[1]
                assert re.match(r"\s*$|\n\n(#|\*\*)", after)
    assert folded > 100


def test_every_exercise_is_in_it(handed_out, tmp_path):
    for stem, (_, handout) in handed_out.items():
        (tmp_path / f"{stem}.ipynb").write_text(json.dumps(handout), "utf-8")
    ours, theirs = submissions.lessons(), submissions.lessons(tmp_path)
    assert {stem: lesson.exercises for stem, lesson in ours.items()} == {
        stem: lesson.exercises for stem, lesson in theirs.items()
    }


def test_every_rewording_has_its_text(handed_out):
    texts = "\n".join(
        source(cell)
        for notebook, _ in handed_out.values()
        for cell in notebook["cells"]
    )
    assert all(old in texts for old in release.REWORDED)


def test_nothing_after_a_solution_needs_it(handed_out):
    """The handed-out lessons run: no name of a solution is used elsewhere."""
    for _, handout in handed_out.values():
        for cell in handout["cells"]:
            assert "_solution" not in source(cell)


def test_a_handed_out_lesson_runs(load, tmp_path, capsys):
    release.main([str(tmp_path)])
    assert "without solutions" in capsys.readouterr().out
    notebook = nbformat.read(tmp_path / "00_start_here.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.one_step_at_a_time.handout
    load("tools/notebooks.py").execute(notebook, tmp_path)


def test_one_folder_is_asked_for():
    with pytest.raises(SystemExit, match="one folder"):
        release.main([])
