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
        },
    )


def check_pad(pad) -> Verdict:
    """pad(sequences): (token_ids, mask), lists of lists, filled with 0 on the right."""

    def padded(sequences, width=None, on_left=False, inverted=False):
        width = width or max(map(len, sequences))
        rows, masks = [], []
        for ids in sequences:
            fill, real = [0] * (width - len(ids)), [not inverted] * len(ids)
            blank = [inverted] * len(fill)
            rows.append(fill + ids if on_left else ids + fill)
            masks.append(blank + real if on_left else real + blank)
        return rows, masks

    cases = [([[5, 6, 7], [8]],), ([[2], [3, 4], []],), ([[9, 9]],)]
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
        return hits / called if called else math.nan, hits / real

    def accuracy(predicted, actual):
        return sum(p == a for p, a in zip(predicted, actual, strict=True)) / len(actual)

    cases = [
        ([1, 1, 0, 0, 1], [1, 0, 0, 1, 0]),
        ([1, 1, 1, 1], [0, 0, 0, 1]),
        ([0, 0, 1], [1, 1, 1]),
        ([0, 0, 0], [0, 1, 0]),
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
            "a model that calls nothing spam divides by zero; its precision counts as "
            "0.0 here.": unguarded,
            "a model that calls nothing spam gives 0 / 0, here nan; its precision "
            "counts as 0.0.": arrays,
            "both are the accuracy; count only what was called spam, or is spam.": (
                lambda p, a: (accuracy(p, a), accuracy(p, a))
            ),
        },
    )
