"""The teacher's pages: their form, and that they say what the course says."""

import re
import subprocess
import sys

import pytest

LESSONS = ["0", "1", "2", "3", "4", "5", "6", "6b", "7", "7b", "8", "8b", "9", "9b",
           "10", "11", "12"]  # fmt: skip


def read(root, name):
    return (root / "docs" / name).read_text("utf-8")


def test_every_lesson_has_two_or_three_polls(root):
    text = read(root, "polls.md")
    sections = re.split(r"(?m)^## ", text)[1:]
    assert [section.split(".")[0] for section in sections] == LESSONS
    for number, section in zip(LESSONS, sections, strict=True):
        names = re.findall(r"(?m)^\*\*([\w-]+)\. ", section)
        assert names == [f"{number}-{count}" for count in range(1, len(names) + 1)]
        assert 2 <= len(names) <= 3


def test_a_poll_has_four_options_one_answer_and_every_thought(root):
    polls = re.split(r"(?m)^\*\*[\w-]+\. ", read(root, "polls.md"))[1:]
    for poll in polls:
        options = re.findall(r"(?m)^- ([A-D])\. (.*)$", poll)
        assert [letter for letter, _ in options] == list("ABCD"), poll
        assert sum("✔" in words for _, words in options) == 1, poll
        assert all("✔" in words or "— *" in words for _, words in options), poll


def test_no_letter_is_the_answer_more_often_than_others(root):
    """Or who always says B has won."""
    right = re.findall(r"(?m)^- ([A-D])\. .*✔", read(root, "polls.md"))
    counts = [right.count(letter) for letter in "ABCD"]
    assert max(counts) - min(counts) <= 2
    key = re.findall(r"(?m)^\| \d+ \| ([a-d]) \|", read(root, "questionnaire_key.md"))
    counts = [key.count(letter) for letter in "abcd"]
    assert max(counts) - min(counts) <= 2


def test_the_questionnaire_has_twelve_questions_and_a_key(root):
    questions = re.split(r"(?m)^\*\*\d+\.\*\* ", read(root, "questionnaire.md"))[1:]
    assert len(questions) == 12
    key = re.findall(
        r"(?m)^\| (\d+) \| ([a-d]) \| (.*) \| ", read(root, "questionnaire_key.md")
    )
    assert [int(number) for number, *_ in key] == list(range(1, 13))
    for question, (_, right, betrayed) in zip(questions, key, strict=True):
        offered = re.findall(r"\(([a-d])\)", question)
        assert offered == list("abcd")
        named = set(re.findall(r"\b([a-d])(?=[,:])", betrayed))
        assert named == set("abcd") - {right}, question


def test_common_wrong_answers_are_what_the_checkers_say(root):
    done = subprocess.run([sys.executable, root / "tools/mistakes.py", "--check"])
    assert done.returncode == 0, "run: python tools/mistakes.py"
    assert read(root, "mistakes.md").count("\n- ") >= 120


def test_minutes_are_those_of_the_readme(root):
    readme = dict(
        re.findall(
            r"(?m)^\| \[(\w+)\. .*\| (\d+) \|$", (root / "README.md").read_text("utf-8")
        )
    )
    table = dict(
        re.findall(r"(?m)^\| (\w+) \| (\d+) \| \d+ \| ", read(root, "teaching.md"))
    )
    assert table == readme
    assert list(table) == LESSONS


@pytest.mark.parametrize("name", ["teaching.md", "hub/README.md"])
def test_links_and_commands_exist(root, name):
    folder = (root / "docs" / name).parent
    for target in re.findall(r"\]\(([^)#]+)\)", read(root, name)):
        assert (folder / target).exists(), target
    makefile = (root / "Makefile").read_text("utf-8")
    for target in re.findall(r"`make ([a-z-]+)", read(root, name)):
        assert f"\n{target}:" in makefile, target


def test_the_hub_gives_a_notebook_one_thread(root):
    """And its file is Python that JupyterHub can read."""
    settings = compile(read(root, "hub/jupyterhub_config.py"), "config", "exec")

    class Names(dict):
        def __getattr__(self, name):
            return self.setdefault(name, Names())

        __setattr__ = dict.__setitem__

    found = Names()
    exec(settings, {"get_config": lambda: found})
    assert found.Spawner.environment["OMP_NUM_THREADS"] == "1"
    assert any("cull_idle_timeout" in each for each in found.Spawner.args)
