"""Checkers of lesson 01: encoding, padding, scores."""

import math

from course_utils.checks import Verdict, judge


def check_encode(encode) -> Verdict:
    """encode(tokens, ids): the id of each token, 1 for one that is not in `ids`."""
    ids = {"free": 2, "call": 3, "now": 4}
    cases = [
        (["call", "now"], ids),
        (["call", "mum", "now", "ok"], ids),
        (["mum"], ids),
        (["Call", "now"], ids),
        ([], ids),
    ]
    return judge(
        encode,
        lambda tokens, ids: [ids.get(token, 1) for token in tokens],
        cases,
        {
            "an unknown token got 0, which is the id of padding; unknown is 1.": (
                lambda tokens, ids: [ids.get(token, 0) for token in tokens]
            ),
            "unknown tokens are left out, the message gets shorter; give them id 1.": (
                lambda tokens, ids: [ids[token] for token in tokens if token in ids]
            ),
            "an unknown token stops it with a KeyError; use ids.get(token, 1).": (
                lambda tokens, ids: [ids[token] for token in tokens]
            ),
            "an unknown token got None; ids.get(token, 1) gives it 1.": (
                lambda tokens, ids: [ids.get(token) for token in tokens]
            ),
            "an unknown token got -1; its id is 1.": (
                lambda tokens, ids: [ids.get(token, -1) for token in tokens]
            ),
            "those are the positions of the tokens; look each one up in ids.": (
                lambda tokens, ids: list(range(len(tokens)))
            ),
            "the order is gone: one id a token, as they come.": (
                lambda tokens, ids: sorted(ids.get(token, 1) for token in tokens)
            ),
            "every token got 1, also those in ids.": (
                lambda tokens, ids: [1 for _ in tokens]
            ),
        },
    )


def check_pad(pad) -> Verdict:
    """pad(sequences): (token_ids, mask), lists of lists, filled with 0 on the right."""

    def padded(sequences, width=0, on_left=False, inverted=False, filler=0):
        width = width or max(map(len, sequences))
        rows, masks = [], []
        for ids in sequences:
            fill, real = [filler] * (width - len(ids)), [not inverted] * len(ids)
            blank = [inverted] * len(fill)
            rows.append(fill + ids if on_left else ids + fill)
            masks.append(blank + real if on_left else real + blank)
        return rows, masks

    def cut(sequences, width):
        return [ids[:width] for ids in sequences], [[True] * width for _ in sequences]

    cases = [([[5, 6, 7], [8]],), ([[2], [3, 4], []],), ([[9, 9]],), ([[1, 5], [1]],)]
    return judge(
        pad,
        padded,
        cases,
        {
            "the padding stands on the left; put it after the tokens.": (
                lambda s: padded(s, on_left=True)
            ),
            "the mask is inverted: True means a token stands here.": (
                lambda s: padded(s, inverted=True)
            ),
            "you returned the ids only; return (token_ids, mask).": (
                lambda s: padded(s)[0]
            ),
            "you returned the mask only; return (token_ids, mask).": (
                lambda s: padded(s)[1]
            ),
            "the two are in the wrong order: the ids first, then the mask.": (
                lambda s: padded(s)[::-1]
            ),
            "unknown is 1, padding is 0.": lambda s: (
                padded(s, filler=1)[0],
                padded(s)[1],
            ),
            "the rows are cut to the shortest; fill them to the longest.": (
                lambda s: cut(s, min(map(len, s)))
            ),
            "nothing is filled: every row must be as long as the longest.": (
                lambda s: (s, [[True] * len(ids) for ids in s])
            ),
        },
    )


def check_scores(scores) -> Verdict:
    """scores(predicted, actual): (precision, recall) for lists of 0 and 1."""

    def counts(predicted, actual):
        hits = sum(p and a for p, a in zip(predicted, actual, strict=True))
        return hits, sum(predicted), sum(actual)

    def right(predicted, actual):
        hits, called, real = counts(predicted, actual)
        return hits / called if called else 0.0, hits / real if real else 0.0

    def unguarded(predicted, actual):
        hits, called, real = counts(predicted, actual)
        return hits / called, hits / real

    def arrays(predicted, actual):
        hits, called, real = counts(predicted, actual)
        return hits / called if called else math.nan, hits / real if real else math.nan

    def guarded(predicted, actual):
        """Precision alone is guarded."""
        hits, called, real = counts(predicted, actual)
        return hits / called if called else 0.0, hits / real

    def ones(predicted, actual):
        hits, called, real = counts(predicted, actual)
        return hits / called if called else 1.0, hits / real if real else 0.0

    def f1(predicted, actual):
        precision, recall = right(predicted, actual)
        return 2 * precision * recall / ((precision + recall) or 1)

    def of_ham(predicted, actual):
        return right([1 - p for p in predicted], [1 - a for a in actual])

    def accuracy(predicted, actual):
        return sum(p == a for p, a in zip(predicted, actual, strict=True)) / len(actual)

    cases = [
        ([1, 1, 0, 0, 1], [1, 0, 0, 1, 0]),
        ([1, 1, 1, 1], [0, 0, 0, 1]),
        ([0, 0, 1], [1, 1, 1]),
        ([0, 0, 0], [0, 1, 0]),
        ([1, 0], [0, 0]),
    ]
    return judge(
        scores,
        right,
        cases,
        {
            "precision and recall are swapped: precision divides by the messages you "
            "called spam, recall by those that are spam.": (
                lambda p, a: right(p, a)[::-1]
            ),
            "it divides by zero: precision counts as 0.0 where nothing was called "
            "spam, and recall where no message is spam.": (unguarded, guarded),
            "a model that calls nothing spam gives 0 / 0, here nan; its precision "
            "counts as 0.0.": arrays,
            "both are the accuracy; count only what was called spam, or is spam.": (
                lambda p, a: (accuracy(p, a), accuracy(p, a))
            ),
            "a model that calls nothing spam has precision 0.0 here, not 1.0.": ones,
            "that is one number, F1; return (precision, recall).": f1,
            "those are the scores of ham; 1 is spam.": of_ham,
        },
        names=("precision", "recall"),
    )
