"""Each wrong answer gets the message of its own mistake, and each right one passes.

`make test ARGS="-k confusion -s"` prints the table.
"""

import pytest
import torch
from answers import ANSWERS

WRONG, RIGHT, NAMED = 6, 4, 0.95  # at least so many an exercise, and this share

every = pytest.mark.parametrize(
    "check", ANSWERS, ids=lambda c: f"{c.__module__[-2:]}-{c.__name__}"
)


@every
def test_right_answers_pass_in_every_style(check):
    right, _ = ANSWERS[check]
    assert len(right) >= RIGHT
    for number, answer in enumerate(right):
        verdict = check(answer)
        assert verdict, f"{number}: {verdict.words}"


@every
def test_wrong_answers_do_not_pass(check):
    _, wrong = ANSWERS[check]
    assert len(wrong) >= WRONG
    for answer, words in wrong:
        verdict = check(answer)
        assert not verdict, words
        assert "Not filled in" not in verdict.words, words


def test_every_checker_is_in_the_table(root):
    names = {f"{check.__module__.split('.')[-1]}.{check.__name__}" for check in ANSWERS}
    used = {
        f"{path.stem}.{line.split('(')[0][4:]}"
        for path in (root / "course_utils/checks").glob("lesson*.py")
        for line in path.read_text("utf-8").splitlines()
        if line.startswith("def check_")
    }
    assert names == used


def test_confusion():
    """Does the message name the mistake that was made, and no other?"""
    named, total, lines = 0, 0, []
    for check, (right, wrong) in ANSWERS.items():
        own, others = 0, []
        for answer, words in wrong:
            torch.manual_seed(0)
            said = check(answer).words
            if any(each in said for each in words.split("|")):
                own += 1
            else:
                others.append(f"    wanted “{words}”: {said}")
        named, total = named + own, total + len(wrong)
        name = f"{check.__module__[-8:]} {check.__name__}"
        lines += [f"{name:<34}{len(right):>3} right, {own:>3} of {len(wrong)}", *others]
    print("\n" + "\n".join(lines))
    print(f"{named} of {total} wrong answers get the message of their own mistake")
    assert named >= NAMED * total, "\n".join(lines)


def test_no_answer_is_told_where_one_word_is_the_answer():
    for check, (_, wrong) in ANSWERS.items():
        if check.__name__ == "check_testable":
            for answer, _ in wrong:
                assert "right result" not in check(answer).words
                assert "ac" not in check(answer).words.split()
