"""Checkers of lesson 10: gradients of many machines made one, a fault, memory."""

import math

import numpy as np
import torch

from course_utils.checks import Verdict, choices, judge


def check_together(together) -> Verdict:
    """together(grads, counts): the gradient of the mean loss of all tokens.

    grads: (K, P), each machine's own gradient of the mean loss of its tokens; counts:
    (K,), how many tokens it has.
    """
    cases = []
    for seed, counts in enumerate([(7.0, 3.0), (1.0, 4.0, 5.0), (2.0, 2.0, 1.0, 9.0)]):
        random = np.random.default_rng(seed)
        grads = torch.tensor(random.standard_normal((len(counts), 3)))
        cases.append((grads, torch.tensor(counts).double()))

    def right(grads, counts):
        return (counts[:, None] * grads).sum(dim=0) / counts.sum()

    return judge(
        together,
        right,
        cases,
        {
            "that is the mean of means: a token on a machine with few counts more "
            "than one on a machine with many.": lambda g, n: g.mean(dim=0),
            "each machine's gradient is a mean already; weigh it by its tokens before "
            "you add.": (
                lambda g, n: g.sum(dim=0),
                lambda g, n: g.sum(dim=0) / n.sum(),
            ),
            "divide by all tokens at the end: that is the gradient of a sum.": (
                lambda g, n: (n[:, None] * g).sum(dim=0)
            ),
            "the weights add up to 1 already, so do not divide by the machines, "
            "too.": lambda g, n: right(g, n) / len(n),
            "divide by the number of all tokens, not of machines.": (
                lambda g, n: (n[:, None] * g).mean(dim=0)
            ),
            "a machine with many tokens counts more, not less.": (
                lambda g, n: right(g, 1 / n)
            ),
            "weigh by the tokens themselves, not by their root or square.": (
                lambda g, n: right(g, n.sqrt()),
                lambda g, n: right(g, n**2),
            ),
            "that is one machine's gradient only.": (
                lambda g, n: g[0],
                lambda g, n: g[-1],
            ),
            "add over the machines: the result has one number for each weight.": (
                lambda g, n: n[:, None] * g / n.sum()
            ),
        },
        atol=1e-8,
    )


def check_fault(answer) -> Verdict:
    """A letter: which line of an accumulating loop makes another step."""
    return choices.choose(
        answer,
        "c",
        {
            "a": "zeroing once, before the parts, is right: their gradients add up.",
            "b": "the parts may differ in size; what counts is how each is weighed.",
            "c": "each part's loss is a mean over its own tokens. Divided by four, a "
            "token of a small part counts more: the mean of means.",
            "d": "one step after all parts is what accumulation is about.",
        },
    )


def check_machines(machines_needed) -> Verdict:
    """machines_needed(num_params, room): with ZeRO 2, at least; or infinity."""

    def ceil(needed, left):
        return math.ceil(needed / left) if left > 0 else math.inf

    def right(params, room):
        return ceil(12 * params, room * 1e9 - 4 * params)

    cases = [(1_000_000_000, 8.0), (7_000_000_000, 80.0), (3_000_000, 0.02)]
    cases += [(70_000_000_000, 80.0), (250_000_000, 1.5)]
    return judge(
        machines_needed,
        right,
        cases,
        {
            "every machine holds all weights: take them off its room first.": (
                lambda p, room: ceil(12 * p, room * 1e9),
            ),
            "that is ZeRO 3: here the weights are not cut.": (
                lambda p, room: ceil(16 * p, room * 1e9)
            ),
            "that is ZeRO 1: here the gradients are cut, too.": (
                lambda p, room: ceil(8 * p, room * 1e9 - 8 * p)
            ),
            "Adam has two memories.": (lambda p, room: ceil(8 * p, room * 1e9 - 4 * p)),
            "rounded down it does not fit: round up.": (
                lambda p, room: (
                    12 * p // (room * 1e9 - 4 * p) if right(p, room) < 1e9 else math.inf
                )
            ),
            "a machine is whole: round up.": (
                lambda p, room: (
                    12 * p / (room * 1e9 - 4 * p) if right(p, room) < 1e9 else math.inf
                )
            ),
            "where the weights alone do not fit, no number of machines is enough: "
            "infinity.": lambda p, room: math.ceil(12 * p / (room * 1e9 - 4 * p)),
            "a GB is 1e9 bytes here.": (
                lambda p, room: ceil(12 * p, room * 2**30 - 4 * p)
            ),
        },
        atol=1e-6,
    )
