"""Checker of lesson 09: which sentences a run could prove wrong."""

from course_utils.checks import Verdict, judge, require_function


def check_testable(testable) -> Verdict:
    """testable(): the letters of the sentences that a run could prove wrong."""
    mistakes = {
        "d says that what works well works well: no run can prove it wrong.": "acd",
        "b is a judgment: no run can prove it wrong.": "abc",
        "c can be tested: take the step at two learning rates and compare.": "a",
        "a can be tested: take the step and look.": "c",
    }
    require_function(testable)
    return judge(
        lambda: None if testable() is None else "".join(sorted(testable())),
        lambda: "ac",
        [()],
        {words: (lambda said=said: said) for words, said in mistakes.items()},
    )
