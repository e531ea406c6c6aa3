"""Checkers of lesson 11: of each room, of the table of symptoms, of a new case.

Is a room's fault gone, and is all else as it was?
"""

from collections.abc import Mapping
from functools import partial, wraps

import numpy as np

from course_utils.checks import Verdict, choices, judge, museum, rooms
from course_utils.checks.lesson11_loops import (
    check_anneal,
    check_cool_down,
    check_descend,
    check_optimizer,
    check_train,
)
from course_utils.checks.lesson11_losses import (
    check_batch,
    check_classes,
    check_half,
    check_line,
    check_parts,
    check_spam,
    check_writing,
)

__all__ = [
    "check_anneal", "check_batch", "check_case", "check_classes", "check_cool_down",
    "check_descend", "check_half", "check_line", "check_number_words",
    "check_optimizer", "check_parts", "check_report", "check_spam", "check_table",
    "check_train", "check_writing",
]  # fmt: skip

SYMPTOMS = {
    "stands still from the first step": ({5, 11}, "d"),
    "falls, then swings or blows up": ({1, 7}, "a"),
    "falls, then stops too early": ({2, 3, 8}, "f"),
    "gives another number for the same messages": ({4, 10, 12}, "c"),
    "has a good loss, and does something else": ({6, 9}, "b"),
    "is too good to be true": ({13, 14}, "e"),
}


ALSO = {"falls, then swings or blows up": {4, 10}}  # they jump and blow up, too
TRACES = {
    1: "fell, and climbed back",
    2: "fell to the loss of predicting nothing, and stayed there",
    3: "fell to a third, and went no further",
    4: "gave the same messages another loss when they came in parts",
    5: "never moved",
    6: "had a loss near zero, and wrote another sentence",
    7: "was calm, and then exploded",
    8: "fell for one epoch, and then stayed",
    9: "learned, while words that nobody uses faded",
    10: "had a longer gradient when each message came twice",
    11: "never moved, either",
    12: "gave the same messages another loss when they were regrouped",
    13: "knew every word of the test",
    14: "beat chance on random labels",
}


def check_number_words(number_words) -> Verdict:
    """Room 13. number_words(train_words, test_words): the vocabulary."""

    def encoded(function):
        @wraps(function)
        def run(train, test):
            vocabulary = function(train, test)
            return [vocabulary.encode(each) for each in (*train, *test)]

        return run

    wrong = partial(partial, museum.number_words)
    cases = [
        ([["a", "b", "a"], ["c"]], [["d", "a"], ["e"]]),
        ([["x"], ["y", "x", "z", "z"]], [["y", "q"]]),
        ([[f"w{i:04}" for i in range(2000)]], [["w1999", "new"]]),
    ]
    return judge(
        encoded(number_words),
        encoded(museum.number_words),
        cases,
        {
            rooms.STILL_THERE: (
                encoded(wrong(seen=lambda train, test: [*train, *test])),
                encoded(wrong(seen=lambda train, test: [*test, *train])),
            ),
            "those are the test messages alone.": (
                encoded(wrong(seen=lambda train, test: test))
            ),
            "leaving out rare words hides it; the test messages are still counted.": (
                encoded(wrong(seen=lambda train, test: [*train, *test], min_count=2))
            ),
            "right messages now, but words that occur once are lost.": (
                encoded(wrong(min_count=2))
            ),
            "a smaller vocabulary hides it; the test messages are still counted.": [
                encoded(wrong(seen=lambda a, b: [*a, *b], max_size=n)) for n in (4, 5)
            ],
        },
    )


def check_report(report) -> Verdict:
    """Room 14. report(val_scores, test_scores): the test score of the chosen epoch."""
    cases = []
    for seed in range(4):
        random = np.random.default_rng(seed)
        cases.append(tuple(random.permutation(9)[:6].tolist() for _ in range(2)))
    wrong = partial(partial, museum.report)
    return judge(
        report,
        museum.report,
        cases,
        {
            rooms.STILL_THERE: (
                wrong(by=lambda val, test: test)
            ),
            "the mean over all epochs is not the score of a model you keep.": (
                lambda val, test: sum(test) / len(test)
            ),
            "the last epoch's is honest; the epoch was to be chosen, though.": (
                lambda val, test: test[-1]
            ),
            "that is the epoch's number, not its score.": (
                lambda val, test: val.index(max(val)),
                lambda val, test: 1 + val.index(max(val)),
            ),
            "the test still chooses; that it is not reported does not help.": (
                lambda val, test: val[test.index(max(test))]
            ),
            "the right messages chose, but you report their own score.": (
                lambda val, test: max(val)
            ),
            "that is the worst epoch: scores are good when they are large.": (
                wrong(best=min)
            ),
            "both together choose, so the test still has a say.": (
                wrong(by=lambda val, test: np.add(val, test).tolist())
            ),
        },
    )  # fmt: skip


def check_table(table: Mapping) -> Verdict:
    """table: symptom to (numbers of rooms, letter of the question that parts them)."""
    if not isinstance(table, Mapping):
        raise TypeError(f"table is a {type(table).__name__}: give a dict")
    for symptom, (suspects, letter) in SYMPTOMS.items():
        row = table.get(symptom, ...)
        if row is ... or row is None:
            return Verdict(False, f'Not filled in yet: "{symptom}".')
        try:
            found, asked = row
            if not isinstance(asked, str):
                raise TypeError("the second is no letter")
            found = set(map(int, [found] if isinstance(found, int) else found))
        except (TypeError, ValueError):
            return Verdict(
                False,
                f'Not yet: "{symptom}" has {row!r}: write rooms and a letter, such as '
                '([1, 2], "a").',
            )
        found -= ALSO.get(symptom, set())
        for room in sorted(found - suspects):
            trace = TRACES.get(room, "is not in this museum")
            return Verdict(False, f'Not yet: "{symptom}": room {room} {trace}.')
        if found != suspects:
            more = len(suspects - found)
            return Verdict(False, f'Not yet: "{symptom}": {more} more of the rooms.')
        if not choices.choose(asked, letter, dict.fromkeys("abcdef", "")):
            words = "another question tells these rooms apart (a letter from a to f)."
            return Verdict(False, f'Not yet: "{symptom}": {words}')
    return Verdict(True, "Right: six symptoms, fourteen rooms, six questions.")


def check_case(answer) -> Verdict:
    """A letter: a new run that stops too early."""
    return choices.choose(
        answer,
        "c",
        {
            "a": "then the best step would gain nothing, or be refused.",
            "b": "then no step, however long, could make the loss large.",
            "c": "much to gain, a gradient, a loss that can be large: so nobody takes "
            "the step. Print the rate.",
            "d": "then it would have stood still from the first step.",
        },
    )
