"""Checkers of lesson 07: mean pooling with a mask, scores from a table of mistakes."""

import numpy as np
import torch

from course_utils.checks import Verdict, judge


def check_mean_pool(mean_pool) -> Verdict:
    """mean_pool(hidden, mask): the mean over real tokens, (B, D).

    hidden: (B, T, D); mask: bool (B, T), True for a real token; each row has one.
    """
    cases = []
    for seed, (b, t, d) in enumerate([(2, 5, 3), (3, 7, 2)]):
        random = np.random.default_rng(seed)
        hidden = torch.tensor(random.standard_normal((b, t, d)), dtype=torch.float32)
        mask = torch.arange(t) < torch.tensor([t - 2 - i for i in range(b)])[:, None]
        cases += [(hidden, mask), (hidden.flip(0), mask.roll(1, dims=1))]

    def right(hidden, mask):
        weights = mask[..., None].float()
        return (hidden * weights).sum(dim=1) / weights.sum(dim=1)

    return judge(
        mean_pool,
        right,
        cases,
        {
            "the mask is not used: padding is part of the mean.": (
                lambda hidden, mask: hidden.mean(dim=1)
            ),
            "padding is left out of the sum, but still counted: divide by the number "
            "of real tokens.": (
                lambda hidden, mask: (hidden * mask[..., None]).mean(dim=1)
            ),
            "that is the first token alone ([CLS]).": lambda hidden, mask: hidden[:, 0],
            "you averaged over the messages; average over the tokens, dim=1.": (
                lambda hidden, mask: hidden.mean(dim=0)
            ),
            "that is the sum over the real tokens; divide by how many there are.": (
                lambda hidden, mask: (hidden * mask[..., None]).sum(dim=1)
            ),
            "the mask is the wrong way round: True is a real token.": (
                lambda hidden, mask: right(hidden, ~mask)
            ),
            "that is the largest value of each number, not the mean.": (
                lambda hidden, mask: hidden.masked_fill(
                    ~mask[..., None], -torch.inf
                ).amax(dim=1)
            ),
            "you averaged over the width; average over the tokens, dim=1.": (
                lambda hidden, mask: hidden.mean(dim=2)
            ),
            "one mean for the whole batch: divide each row by its own count.": (
                lambda hidden, mask: (hidden * mask[..., None]).sum(dim=1) / mask.sum()
            ),
        },
    )


def check_scores(scores) -> Verdict:
    """scores(confusion): (accuracy, precision, recall) of class 1.

    confusion: ((a, b), (c, d)), rows what is right, columns what was said; both kinds
    occur, and both were said.
    """
    cases = [
        (((80, 3), (5, 12)),),
        (((7, 2), (1, 30)),),
        (((50, 13), (2, 11)),),
        (((5, 2), (3, 0)),),
    ]

    def right(confusion):
        (a, b), (c, d) = confusion
        return (a + d) / (a + b + c + d), d / (b + d), d / (c + d)

    def swapped(confusion):
        accuracy, precision, recall = right(confusion)
        return accuracy, recall, precision

    def other_class(confusion):
        (a, b), (c, d) = confusion
        return right(((d, c), (b, a)))

    return judge(
        scores,
        right,
        cases,
        {
            "precision and recall are swapped: rows are what is right. Precision looks "
            "down the column of what was called spam.": swapped,
            "those are the scores of ham; spam is class 1.": other_class,
            "those are percents: give shares from 0 to 1.": (
                lambda confusion: tuple(100 * each for each in right(confusion))
            ),
            "you returned the accuracy only; return accuracy, precision, recall.": (
                lambda confusion: right(confusion)[0]
            ),
            "precision divides by what was called spam, b + d: the column.": (
                lambda confusion: (
                    right(confusion)[0],
                    right(confusion)[2],
                    right(confusion)[2],
                )
            ),
            "recall divides by what is spam, c + d: the row.": (
                lambda confusion: (*right(confusion)[:2], right(confusion)[1])
            ),
            "both errors count against accuracy: divide by all four.": (
                lambda confusion: (
                    (confusion[0][0] + confusion[1][1])
                    / (confusion[0][1] + confusion[1][0]),
                    *right(confusion)[1:],
                )
            ),
            "accuracy counts both right answers: the diagonal.": (
                lambda confusion: (
                    confusion[1][1] / sum(map(sum, confusion)),
                    *right(confusion)[1:],
                )
            ),
        },
        names=("accuracy", "precision", "recall"),
    )
