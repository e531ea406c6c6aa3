"""Checkers of lesson 00: a slope, a step, two learning rates, a claim."""

import math

import numpy as np
import torch

from course_utils.checks import Verdict, judge, require_function
from course_utils.checks.choices import choose


def check_slope(slope) -> Verdict:
    """slope(loss, x): the derivative of `loss` at x, by a small difference.

    A difference is not exact: it may be 0.02 off, as one of 0.01 to one side is.
    """

    def right(loss, x):
        return (loss(x + 1e-6) - loss(x - 1e-6)) / 2e-6

    cases = [(lambda x: x**2, 3.0), (lambda x: (x - 1) ** 2, -2.0), (math.sin, 0.5),
             (math.sin, 0.0), (math.exp, 0.3), (math.cos, 1.1),
             (lambda x: 5.0 - x, 2.0)]  # fmt: skip
    if _rounds(slope, right, cases):
        return Verdict(
            False,
            "Not yet: you rounded the slope. Return it as it is; round when you print.",
        )
    return judge(
        slope,
        right,
        cases,
        {
            "that is the difference of the losses; divide it by how far x moved.": (
                lambda loss, x: loss(x + 1e-6) - loss(x)
            ),
            "the sign is turned round: subtract the loss at the smaller x.": (
                lambda loss, x: -right(loss, x)
            ),
            "you moved x both ways by h, so x moved 2 h in all: divide by 2 * h.": (
                lambda loss, x: 2 * right(loss, x)
            ),
            "you moved x one way only, by h: divide by h, not by 2 * h.": (
                lambda loss, x: right(loss, x) / 2
            ),
            "that is the loss itself; its slope was asked for.": lambda loss, x: loss(
                x
            ),
            "that is the loss divided by x; nudge x and see how the loss changes.": (
                lambda loss, x: loss(x) / x
            ),
        },
        atol=0.02,
    )


def _rounds(slope, right, cases) -> bool:
    """Are the results nearly right, and none has more than three digits?"""
    try:
        found = [float(slope(*case)) for case in cases]
        is_round = all(round(each, 3) == each for each in found)
        is_round = is_round and np.allclose(
            found, [right(*c) for c in cases], atol=0.02
        )
    except Exception:  # judge says what is wrong
        return False
    return is_round


def check_step_down(step_down) -> Verdict:
    """step_down(loss, x, lr): the tensor where one step lands, twice in a row."""

    def twice(step):
        """The same step from the same tensor again: old gradients must not count."""

        def both(loss, start, lr):
            x = start.clone().requires_grad_()
            first = step(loss, x, lr)
            if first is None or first is ...:
                return None
            with torch.no_grad():
                if not torch.equal(x, start):
                    raise ValueError("x has changed: return a new tensor")
            return first, step(loss, x, lr)

        return both

    def taking(factor, *, keep=False):
        def step(loss, x, lr):
            x.grad = x.grad if keep else None
            loss(x).backward()
            with torch.no_grad():
                return factor(x, x.grad, lr)

        return twice(step)

    cases = [(lambda x: (x - 3) ** 2, torch.tensor(1.0), 0.1),
             (lambda x: (x**2).sum(), torch.tensor([2.0, -3.0]), 0.2),
             (lambda x: x.exp().sum(), torch.tensor([0.0, 1, 0.5]), 0.05)]  # fmt: skip
    require_function(step_down)
    return judge(
        twice(step_down),
        taking(lambda x, g, lr: x - lr * g),
        cases,
        {
            "it still goes uphill: a step goes against the gradient.": (
                taking(lambda x, g, lr: x + lr * g),
                taking(lambda x, g, lr: x + lr * g, keep=True),
            ),
            "the second step adds the old gradient to the new: clear x.grad first.": (
                taking(lambda x, g, lr: x - lr * g, keep=True)
            ),
            "the learning rate is missing: it scales the gradient.": (
                taking(lambda x, g, lr: x - g),
                taking(lambda x, g, lr: x - g, keep=True),
            ),
            "that is how far to move; the step starts at x.": (
                taking(lambda x, g, lr: -lr * g),
                taking(lambda x, g, lr: -lr * g, keep=True),
            ),
        },
        names=("the first step", "the second"),
        hint="that is not where the step lands: x minus the learning rate times "
        "the gradient, with nothing left over from before.",
    )


def check_two_rates(two_rates) -> Verdict:
    """two_rates(curvature): the rate into the minimum, and the last without harm."""
    cases = [(2.0,), (8.0,), (0.5,), (3.0,)]
    return judge(
        two_rates,
        lambda c: (1 / c, 2 / c),
        cases,
        {
            "that is right for the dial above only; use the curvature.": (
                lambda c: (0.5, 1.0)
            ),
            "a steeper dial needs a shorter step, not a longer one.": (
                lambda c: (c / 4, c / 2),
                lambda c: (c, 2 * c),
                lambda c: (0.25 * c, 0.5 * c),
            ),
            "the order: first the one that lands in the minimum.": (
                lambda c: (2 / c, 1 / c)
            ),
            "twice too long: the slope is curvature * (x - minimum).": (
                lambda c: (2 / c, 4 / c)
            ),
            "half too short: the slope is curvature * (x - minimum).": (
                lambda c: (0.5 / c, 1 / c)
            ),
            "the first is right; the step does harm once it lands farther away than "
            "it began, at twice that rate.": (
                lambda c: (1 / c, 1 / c),
                lambda c: (1 / c, 1.0),
                lambda c: (1 / c, 4 / c),
            ),
        },
        names=("the rate that lands in the minimum", "the last that does no harm"),
    )


def check_reading(answer) -> Verdict:
    """Which sentence does the evidence of one run carry?"""
    return choose(
        answer,
        "b",
        {
            "a": "one model is not any model, and one seed is not all: the evidence "
            "is smaller than the sentence.",
            "b": "it says no more than was tried. To say more, try more.",
            "c": '"holds only when" names the case in which it does hold.',
        },
    )
