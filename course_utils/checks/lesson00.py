"""Checkers of lesson 00: a slope and one step, for numbers."""

import math

import numpy as np

from course_utils.checks import Verdict, judge


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


def check_step(step) -> Verdict:
    """step(x, slope, lr): where one step of gradient descent lands."""
    cases = [(3.0, 6.0, 0.1), (-2.0, -5.0, 0.3), (0.5, 0.0, 7.0)]
    return judge(
        step,
        lambda x, slope, lr: x - lr * slope,
        cases,
        {
            "you went uphill: the step goes against the slope.": (
                lambda x, slope, lr: x + lr * slope
            ),
            "the learning rate is missing: it scales the slope.": (
                lambda x, slope, lr: x - slope
            ),
            "you returned only how far to move; the step starts at x.": (
                lambda x, slope, lr: -lr * slope
            ),
            "you moved by lr whatever the slope; multiply lr by the slope.": (
                lambda x, slope, lr: x - lr
            ),
            "divide by nothing: the learning rate is a factor.": (
                lambda x, slope, lr: x - slope / lr
            ),
            "the learning rate scales the slope, not the place you come from.": (
                lambda x, slope, lr: lr * x - slope
            ),
            "only the slope's sign counts here; its size should, too.": (
                lambda x, slope, lr: x - lr * ((slope > 0) - (slope < 0))
            ),
        },
    )
