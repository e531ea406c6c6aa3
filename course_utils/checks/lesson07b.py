"""Checkers of lesson 07b: a balanced loss, a fair comparison, a best rate."""

import math

import numpy as np
import torch

from course_utils.checks import Verdict, choices, judge


def check_balanced_loss(balanced_loss) -> Verdict:
    """balanced_loss(p, labels): the mean of the two classes' mean losses, a number.

    p: (N,), the probability of spam, between 0 and 1; labels: (N,) of 0 and 1, each
    at least once.
    """
    cases = []
    for seed, (spam, ham) in enumerate([(2, 7), (5, 3), (1, 11)]):
        random = np.random.default_rng(seed)
        p = torch.tensor(random.uniform(0.05, 0.95, spam + ham))
        labels = torch.tensor([1] * spam + [0] * ham)
        order = torch.tensor(random.permutation(spam + ham))
        cases.append((p[order], labels[order]))

    def losses(p, labels):
        return -torch.log(torch.where(labels == 1, p, 1 - p))

    def right(p, labels):
        each = losses(p, labels)
        return (each[labels == 1].mean() + each[labels == 0].mean()) / 2

    def summed(p, labels):
        each = losses(p, labels)
        return each[labels == 1].mean() + each[labels == 0].mean()

    return judge(
        balanced_loss,
        right,
        cases,
        {
            "that is the mean over all messages: the larger class counts for more.": (
                lambda p, labels: losses(p, labels).mean()
            ),
            "two means were added; divide by two.": summed,
            "that is the loss of spam alone.": (
                lambda p, labels: losses(p, labels)[labels == 1].mean()
            ),
            "that is the loss of ham alone.": (
                lambda p, labels: losses(p, labels)[labels == 0].mean()
            ),
            "ham has the probability 1 - p: for ham the wrong one is asked.": (
                lambda p, labels: (
                    -(p[labels == 1].log().mean() + p[labels == 0].log().mean()) / 2
                )
            ),
            "the sign is turned round: a loss is minus the logarithm.": (
                lambda p, labels: -right(p, labels)
            ),
            "spam and ham are exchanged: label 1 is spam.": (
                lambda p, labels: right(p, 1 - labels)
            ),
            "it has to be the natural logarithm.": (
                lambda p, labels: right(p, labels) / math.log(2),
                lambda p, labels: right(p, labels) / math.log(10),
            ),
            "that is the mean probability that was wrong; take the logarithm.": (
                lambda p, labels: torch.where(labels == 1, 1 - p, p).mean()
            ),
        },
        atol=1e-5,
    )


def check_comparison(answer) -> Verdict:
    """A letter: what is wrong with a comparison of two optimizers."""
    return choices.choose(
        answer,
        "c",
        {
            "a": "the seed is set for each of them: both begin at the same weights.",
            "b": "judging on other messages is what one wants.",
            "c": "0.1 is the best of five for SGD; AdamW got one rate, and not its "
            "own. Adam's rates are a hundred times smaller.",
            "d": "AUC needs no threshold, so nothing has to be chosen for it.",
        },
    )


def check_what_brought_it(answer) -> Verdict:
    """A letter: steps or messages, from four numbers."""
    return choices.choose(
        answer,
        "b",
        {
            "a": "compare within a column: with the same messages sixteen steps are "
            "worth about as much as one.",
            "b": "from left to right AUC rises by a fifth, from the upper row to the "
            "lower one hardly at all.",
            "c": "if both were needed, only the last of the four would be high.",
            "d": "the four cells differ by far more than the draws do.",
        },
    )


def check_best_rate(best_rate) -> Verdict:
    """best_rate(rates, losses, before): the rate with the lowest loss, or 0.

    rates, losses: lists of S numbers; a loss can be nan or infinite. before: the loss
    at the start. Where no loss lies below it, the answer is 0: no step.
    """
    nan, inf = math.nan, math.inf
    cases = [
        ([0.1, 1.0, 10.0], [0.6, 0.4, 3.0], 0.7),
        ([0.2, 2.0, 20.0, 200.0], [0.65, 0.5, nan, 0.9], 0.7),
        ([0.3, 3.0], [0.9, inf], 0.7),
        ([0.5, 5.0, 50.0], [nan, 0.3, 0.2], 0.7),
        ([0.4, 4.0], [nan, nan], 0.7),
        ([0.7, 7.0], [0.2, 0.5], 0.7),
    ]

    def pick(rates, losses, before, *, guard=True, skip_nan=True, sign=1):
        best, lowest = 0.0, before if guard else inf
        for rate, loss in zip(rates, losses, strict=True):
            if sign * loss < sign * lowest or (not skip_nan and math.isnan(loss)):
                best, lowest = rate, loss
        return best

    return judge(
        best_rate,
        pick,
        cases,
        {
            "where every step does harm, none is best: return 0.": (
                lambda *case: pick(*case, guard=False),
            ),
            "nan is not a low loss: np.argmin stops at it.": (
                lambda rates, losses, before: rates[int(np.argmin(losses))],
                lambda rates, losses, before: (
                    rates[int(np.argmin(losses))] if not min(losses) >= before else 0.0
                ),
                lambda *case: pick(*case, skip_nan=False),
            ),
            "that is the lowest loss; return its rate.": (
                lambda rates, losses, before: min(
                    [each for each in losses if each < before], default=0.0
                ),
            ),
            "that is the place of the rate in the list; return the rate.": (
                lambda rates, losses, before: (
                    rates.index(pick(rates, losses, before))
                    if pick(rates, losses, before)
                    else 0
                ),
            ),
            "that is the largest rate that helps; the lowest loss was asked for.": (
                lambda rates, losses, before: max(
                    [r for r, x in zip(rates, losses, strict=True) if x < before],
                    default=0.0,
                ),
            ),
            "that is the smallest rate that helps; the lowest loss was asked for.": (
                lambda rates, losses, before: min(
                    [r for r, x in zip(rates, losses, strict=True) if x < before],
                    default=0.0,
                ),
            ),
            "that is the rate with the highest loss.": (
                lambda rates, losses, before: max(
                    zip(losses, rates, strict=True), key=lambda each: each[0]
                )[1],
            ),
        },
    )
