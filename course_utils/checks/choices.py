"""Questions with a letter for an answer: what each letter shows, in a sentence."""

from collections.abc import Mapping

from course_utils.checks import Verdict


def choose(answer, right: str, because: Mapping[str, str]) -> Verdict:
    """Compare a letter with the right one, and answer the thought behind a wrong one.

    answer: a letter in any case, with a period or bracket or not; ... or None is not
    filled in. because: for each letter offered what to say of it.
    """
    if answer is ... or answer is None:
        letters = ", ".join(f'"{letter}"' for letter in because)
        return Verdict(
            False, f"Not filled in yet: set it to {letters}, then run again."
        )
    letter = str(answer).strip(" .)('\"").lower()
    if letter not in because:
        return Verdict(
            False, f"Not yet: {answer!r} is not among {', '.join(because)}: one letter."
        )
    is_right = letter == right
    return Verdict(is_right, f"{'Right' if is_right else 'Not yet'}: {because[letter]}")
