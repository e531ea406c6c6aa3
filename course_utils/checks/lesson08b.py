"""Checkers of lesson 08b: what a batch gains, a rate, the cost of a fix, a price."""

import math

import numpy as np
import torch

from course_utils.checks import Verdict, choices, judge


def check_gain_share(gain_share) -> Verdict:
    """gain_share(grads, batch_size): the batch's share of the full batch's gain.

    grads: (N, P), the gradient of each example; their mean is not zero. batch_size:
    from 1 to N, drawn without replacement.
    """
    cases = []
    for seed, (n, p, size) in enumerate([(7, 3, 2), (11, 2, 5), (13, 5, 1)]):
        random = np.random.default_rng(seed)
        cases.append((torch.tensor(0.5 + random.standard_normal((n, p))), size))

    def scale(grads):
        mean = grads.mean(dim=0)
        return (grads - mean).square().sum(dim=1).mean() / mean.square().sum()

    def share(grads, size, ratio=None):
        n = len(grads)
        ratio = scale(grads) if ratio is None else ratio
        return 1 / (1 + ratio * (n - size) / (n - 1) / size)

    def by(ratio):
        return lambda grads, size: share(grads, size, ratio(grads))

    return judge(
        gain_share,
        share,
        cases,
        {
            "drawn without replacement: the factor (N - B) / (N - 1) is missing.": (
                lambda grads, size: 1 / (1 + scale(grads) / size)
            ),
            "that is the noise scale; the share is 1 over (1 + noise / signal).": (
                lambda grads, size: scale(grads)
            ),
            "the 1 in the denominator is missing.": (
                lambda grads, size: 1 / (1 / share(grads, size) - 1)
            ),
            "that is the part that is lost; 1 minus it is gained.": (
                lambda grads, size: 1 - share(grads, size)
            ),
            "divide by the *squared* length of the mean gradient.": by(
                lambda grads: scale(grads) * grads.mean(dim=0).norm()
            ),
            "the scale is the wrong way round: noise over signal.": by(
                lambda grads: 1 / scale(grads)
            ),
            "add the variances of all parameters; their mean was taken.": by(
                lambda grads: scale(grads) / grads.shape[1]
            ),
            "take the mean over the examples; their sum was taken.": by(
                lambda grads: scale(grads) * len(grads)
            ),
            "subtract the mean gradient first: that is the spread around zero.": by(
                lambda grads: scale(grads) + 1
            ),
            "both lengths are squared in the scale.": by(
                lambda grads: scale(grads).sqrt()
            ),
            "divide by N, not by N - 1, so that it fits the formula of the text.": by(
                lambda grads: scale(grads) * len(grads) / (len(grads) - 1)
            ),
        },
        atol=1e-8,
    )


def check_best_rate(best_rate) -> Verdict:
    """best_rate(shares, curvatures): where the quadratic promise is lowest.

    shares: (P,), the parts of the squared gradient along P directions, summing to 1;
    curvatures: (P,), of these directions. Infinite where they say that it never turns.
    """

    def tensors(*lists):
        return tuple(torch.tensor(each, dtype=torch.float64) for each in lists)

    cases = [
        tensors([0.5, 0.3, 0.2], [4.0, 1.0, 0.5]),
        tensors([0.1, 0.9], [10.0, 0.1]),
        tensors([0.2, 0.2, 0.6], [3.0, 0.2, -0.5]),
        tensors([0.1, 0.9], [1.0, -2.0]),
    ]

    def right(shares, curvatures):
        felt = float((shares * curvatures).sum())
        return 1 / felt if felt > 0 else math.inf

    return judge(
        best_rate,
        right,
        cases,
        {
            "where the curvature along the step is not positive the promise falls "
            "forever: infinity.": (lambda s, c: 1 / float((s * c).sum())),
            "that is 2 over the largest curvature, the limit for repeated steps.": (
                lambda s, c: 2 / float(c.max())
            ),
            "that is 1 over the largest curvature; weigh all by their shares.": (
                lambda s, c: 1 / float(c.max())
            ),
            "2 over it is the break-even; the lowest point is at half of that.": (
                lambda s, c: 2 * right(s, c)
            ),
            "that is the curvature along the step; the rate is 1 over it.": (
                lambda s, c: float((s * c).sum())
            ),
            "every direction counts by its share; the plain mean was taken.": (
                lambda s, c: 1 / float(c.mean()) if c.mean() > 0 else math.inf
            ),
            "take 1 over the mean curvature, not the mean of 1 over each.": (
                lambda s, c: float((s / c).sum())
            ),
            "the shares are squared already: use them as they are.": (
                lambda s, c: (
                    1 / felt
                    if (felt := float((s.square() * c).sum())) > 0
                    else math.inf
                )
            ),
        },
        atol=1e-8,
    )


def check_cost(cost) -> Verdict:
    """cost(before, after, labels, edited): (others that changed, of these now wrong).

    before, after, labels: (N,) classes; edited: the place of the message that the
    step was made for, which does not count.
    """
    cases = []
    for seed, n in enumerate((7, 11, 13)):
        random = np.random.default_rng(seed)
        before, after, labels = random.integers(0, 2, (3, n))
        edited = int(np.flatnonzero(before != labels)[0])
        after[edited] = labels[edited]  # it was mended
        given = (torch.tensor(each) for each in (before, after, labels))
        cases.append((*given, edited))

    def count(before, after, labels, edited, *, others=True, wrong=None):
        changed = before != after
        if others:
            changed = changed & (torch.arange(len(before)) != edited)
        now_wrong = changed & (after != labels) if wrong is None else wrong
        return int(changed.sum()), int(now_wrong.sum())

    return judge(
        cost,
        count,
        cases,
        {
            "the edited message itself is among them; leave it out.": (
                lambda *case: count(*case, others=False),
            ),
            "the second number counts all that are wrong, changed or not.": (
                lambda b, a, y, i: count(b, a, y, i, wrong=a != y),
                lambda b, a, y, i: count(
                    b, a, y, i, wrong=(a != y) & (torch.arange(len(b)) != i)
                ),
            ),
            "the second number counts those that the step mended.": (
                lambda b, a, y, i: count(
                    b, a, y, i,
                    wrong=(b != a) & (a == y) & (torch.arange(len(b)) != i),
                ),
            ),
            "those are shares; give the numbers.": (
                lambda *case: tuple(each / len(case[0]) for each in count(*case))
            ),
            "the order: first all that changed, then those now wrong.": (
                lambda *case: count(*case)[::-1]
            ),
            "that is the first number only.": lambda *case: count(*case)[0],
            "the labels do not say what changed; compare before with after.": (
                lambda b, a, y, i: (
                    int(((a != y) & (torch.arange(len(b)) != i)).sum()),
                    count(b, a, y, i)[1],
                )
            ),
        },
        names=("others that changed", "of these now wrong"),
    )  # fmt: skip


def check_fair(answer) -> Verdict:
    """A letter: what is wrong with a comparison of SAM and plain steps."""
    return choices.choose(
        answer,
        "d",
        {
            "a": "twenty starts, all on one side, are plenty.",
            "b": "each was given the best of the same four rates.",
            "c": "the messages that judge chose nothing here.",
            "d": "a step of SAM takes two gradients, so it was given twice the work.",
        },
    )
