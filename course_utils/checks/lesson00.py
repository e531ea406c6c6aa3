"""Checkers of lesson 00: a slope and one step, for numbers."""

import math

from course_utils.checks import Verdict, judge


def check_slope(slope) -> Verdict:
    """slope(loss, x): the derivative of `loss` at x, by a small difference.

    A difference is not exact: it may be 0.02 off, as one of 0.01 to one side is.
    """

    def right(loss, x):
        return (loss(x + 1e-6) - loss(x - 1e-6)) / 2e-6

    cases = [(lambda x: x**2, 3.0), (lambda x: (x - 1) ** 2, -2.0), (math.sin, 0.5)]
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
        },
        atol=0.02,
    )


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
        },
    )
