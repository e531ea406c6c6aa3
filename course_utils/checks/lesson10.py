"""Checkers of lesson 10: gradients of many machines made one, a fault, bytes sent."""

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


def check_bytes(bytes_sent) -> Verdict:
    """bytes_sent(num_params, num_machines, bytes_each): by each, in a ring."""

    def right(num_params, num_machines, bytes_each):
        return 2 * (num_machines - 1) * num_params * bytes_each / num_machines

    return judge(
        bytes_sent,
        right,
        [(1000, 2, 4), (22_713_216, 8, 2), (600, 3, 8), (77, 1, 4)],
        {
            "the ring goes round twice: once to add up, once to hand out.": (
                lambda p, k, b: right(p, k, b) / 2
            ),
            "a machine sends a piece of 1/K in each of its K - 1 turns, not all.": (
                lambda p, k, b: 2 * (k - 1) * p * b,
                lambda p, k, b: (k - 1) * p * b,
            ),
            "K - 1 turns each way, not K: the last piece is there already.": (
                lambda p, k, b: 2 * p * b
            ),
            "that is the size of the gradient itself.": lambda p, k, b: p * b,
            "these are numbers, not bytes.": lambda p, k, b: right(p, k, 1),
            "these are bits; a byte has eight.": lambda p, k, b: 8 * right(p, k, b),
            "that is what all machines send together; asked is each.": (
                lambda p, k, b: k * right(p, k, b)
            ),
            "that is the size of one piece.": lambda p, k, b: p * b / k,
            "divide by the number of machines, not by the turns.": (
                lambda p, k, b: 2 * p * b / max(k - 1, 1)
            ),
        },
        atol=1e-6,
    )
