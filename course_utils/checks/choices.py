"""Questions with letters for an answer: what each letter shows, in a sentence."""

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


def match(answer, right: str, hints: Mapping[str, str]) -> Verdict:
    """Compare letters, one a line, with the right ones; each letter is used once.

    answer: the letters as a text, with anything between them, or a list. hints: letter
    to how one recognizes its line, said for the first line that is wrong.
    """
    if answer is ... or answer is None:
        return Verdict(
            False, f"Not filled in yet: write {len(right)} letters, then run again."
        )
    letters = [letter for letter in str(answer).lower() if letter.isalnum()]
    if sorted(letters) != sorted(right):
        every = ", ".join(sorted(right))
        return Verdict(
            False, f"Not yet: {answer!r} does not hold each of {every} once."
        )
    for line, (given, wanted) in enumerate(zip(letters, right, strict=True), 1):
        if given != wanted:
            return Verdict(
                False, f"Not yet: not line {line}. Remember: {hints[wanted]}"
            )
    return Verdict(True, "Right: each cause leaves its own trace.")
