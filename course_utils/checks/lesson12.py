"""Checkers of lesson 12: what evidence carries, and which sentences can be tested."""

import re

from course_utils.checks import Verdict, choices, judge, require_function


def check_testable(testable) -> Verdict:
    """testable(): the letters of the sentences that a run could prove wrong.

    In any order, case and style: "ac", "A, C", ["c", "a"]. The answer is never told.
    """
    mistakes = {
        "d says that what works well works well: no run can prove it wrong.": "acd",
        "b is a judgment: no run can prove it wrong.": "abc",
        "b is a judgment, and d says that what works well works well: no run can prove "
        "either wrong.": "abcd",
        "c can be tested: take the step at two learning rates and compare.": "a",
        "a can be tested: take the step and look.": "c",
    }

    def letters():
        said = testable()
        if said is None or said is ...:
            return None
        if isinstance(said, dict):  # of letters to True or False
            said = [letter for letter, is_chosen in said.items() if is_chosen]
        if isinstance(said, list | tuple) and set(map(type, said)) == {bool}:
            said = [letter for letter, is_chosen in zip("abcd", said) if is_chosen]  # noqa: B905
        if isinstance(said, list | tuple | set | frozenset):
            said = " ".join(map(str, said))
        words = str(said).lower()
        if re.fullmatch(r"[abcd\W]*", words):
            return "".join(sorted(set(re.findall("[a-d]", words))))
        return "".join(sorted(set(re.findall(r"\b[a-d]\b", words))))

    require_function(testable)
    return judge(
        letters,
        lambda: "ac",
        [()],
        {words: (lambda said=said: said) for words, said in mistakes.items()},
        hint="not those letters. Ask of each sentence: what would a run have to print "
        "to prove it wrong?",
    )


def check_evidence(answer) -> Verdict:
    """A letter: the sentence that a record with an interval around zero carries."""
    return choices.choose(
        answer,
        "c",
        {
            "a": "in one of the three draws B was ahead: the interval begins below 0.",
            "b": "that they are equal was not shown: the interval reaches to +0.03.",
            "c": "three draws on these messages did not tell them apart. That is all.",
            "d": "other messages and other models were not asked.",
        },
    )


def check_doubt(answer) -> Verdict:
    """A letter: the record whose verdict its numbers do not carry."""
    return choices.choose(
        answer,
        "b",
        {
            "a": "twenty starts, and the whole interval lies on one side of 0.",
            "b": "the interval holds 0: in one of the starts the other one won.",
            "c": "an identity needs no more: the largest difference is rounding.",
            "d": "it says that nothing was tested, and gives the reason.",
        },
    )
