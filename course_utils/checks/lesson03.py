"""Checkers of lesson 03: attention, its scale and masks, a block, reading a head."""

import functools
import math

import numpy as np
import torch

from course_utils.checks import Verdict, judge, require_function
from course_utils.checks.choices import choose
from course_utils.models.attention import scaled_dot_product_attention


def _random(*shape, seed=0) -> torch.Tensor:
    values = np.random.default_rng(seed).standard_normal(shape)
    return torch.tensor(values, dtype=torch.float32)


def check_attention(attention) -> Verdict:
    """attention(query, key, value, mask): the output (T, D).

    query: (T, K), key: (S, K), value: (S, D), mask: bool (T, S), True = attend; every
    row may attend to something.
    """
    cases = []
    for seed, (t, s, k, d) in enumerate([(3, 3, 2, 5), (3, 5, 7, 2), (5, 5, 11, 3)]):
        mask = _random(t, s, seed=seed + 10) > 0
        mask[:, 0] = True
        for row in range(t):  # and no row to everything
            mask[row, 1 + row % (s - 1)] = False
        query, key, value = (
            3 * _random(rows, width, seed=seed + 20 + i)
            for i, (rows, width) in enumerate([(t, k), (s, k), (s, d)])
        )
        cases.append((query, key, value, mask))
    # Scores of -60 where attention is allowed: a mask of -50 would attract it.
    query, key = 12 * torch.eye(4), -10 * torch.ones(4, 4)
    mask = ~torch.eye(4, dtype=torch.bool)
    cases.append((query, key, _random(4, 3, seed=40), mask))

    def output(*case):
        """(output, weights), as the lesson's own function returns them, will do."""
        result = attention(*case)
        is_pair = isinstance(result, tuple | list) and len(result) == 2
        return result[0] if is_pair else result

    def variant(*, scale=None, axis=-1, use="mask", fill=-torch.inf):
        def attend(query, key, value, mask):
            scores = query @ key.mT / (scale or math.sqrt(query.shape[-1]))
            allowed = {"mask": mask, "none": mask | True, "inverse": ~mask}[use]
            scores = scores.masked_fill(~allowed, fill)
            return torch.softmax(scores, dim=axis) @ value

        return attend

    def masked_late(query, key, value, mask, power=0.5):
        weights = torch.softmax(query @ key.mT / query.shape[-1] ** power, dim=-1)
        return (weights * mask) @ value

    require_function(attention)
    return judge(
        functools.wraps(attention)(output),
        lambda *case: scaled_dot_product_attention(*case)[0],
        cases,
        {
            "the mask is not used: masked tokens still get attention.": (
                variant(use="none")
            ),
            "the mask is the wrong way round: True means may be attended to.": (
                variant(use="inverse")
            ),
            "masked scores became 0, and e⁰ is 1: set them to -inf.": variant(fill=0.0),
            "masked scores became a number such as -20, and where the real ones are "
            "lower still, masked tokens win: set them to -inf.": tuple(
                variant(fill=fill) for fill in (-1.0, -10.0, -20.0, -50.0)
            ),
            "you masked after softmax, so a row no longer adds up to 1.": masked_late,
            "it is as it was: both faults are still there.": functools.partial(
                masked_late, power=1
            ),
            "softmax ran over the queries (dim=0): each row must add up to 1.": (
                variant(axis=0)
            ),
            "the scores are not divided by √K.": variant(scale=1.0),
            "you divided by K; divide by its square root.": (
                lambda q, k, v, m: variant(scale=q.shape[-1])(q, k, v, m)
            ),
            "you returned the weights; multiply them with value.": (
                lambda *case: scaled_dot_product_attention(*case)[1]
            ),
        },
        atol=1e-5,
    )


def check_no_division(answer) -> Verdict:
    """Why does training stand still at width 64 without the division by √K?"""
    return choose(
        answer,
        "b",
        {
            "a": "the scores get larger, not smaller: their spread is the root of the "
            "width.",
            "b": "the scores spread by 8, softmax is nearly 0 or 1, and there its "
            "slope is nearly nothing.",
            "c": "the values are not touched by the division; only the scores are.",
        },
    )


def check_window_mask(window_mask) -> Verdict:
    """window_mask(num_tokens, width): (T, T), True where a token may look."""
    cases = [(5, 2), (7, 3), (4, 1), (3, 5)]

    def mask(keep):
        def make(num_tokens, width):
            i, j = torch.arange(num_tokens)[:, None], torch.arange(num_tokens)
            return keep(i - j, width)

        return make

    return judge(
        window_mask,
        mask(lambda back, width: (back >= 0) & (back < width)),
        cases,
        {
            "that is the whole past; the window ends after `width` tokens.": (
                mask(lambda back, width: back >= 0)
            ),
            "it sees the future: True above the diagonal.": (
                mask(lambda back, width: back < width),
                mask(lambda back, width: back.abs() < width),
                mask(lambda back, width: (back <= 0) & (back > -width)),
            ),
            "one too many: the token itself counts among the `width`.": (
                mask(lambda back, width: (back >= 0) & (back <= width))
            ),
            "a token may look at itself, too.": (
                mask(lambda back, width: (back > 0) & (back < width)),
                mask(lambda back, width: (back > 0) & (back <= width)),
            ),
            "it is the wrong way round: True means may look.": (
                mask(lambda back, width: ~((back >= 0) & (back < width)))
            ),
            "those are all True, or all False; who may look at whom?": (
                mask(lambda back, width: back == back),
                mask(lambda back, width: back != back),
            ),
        },
    )


def check_pre_norm(pre_norm) -> Verdict:
    """pre_norm(x, attention, mlp, norm1, norm2): a block that norms before parts."""
    width = 6
    torch.manual_seed(0)
    parts = [torch.nn.Linear(width, width).requires_grad_(False) for _ in range(2)]
    norms = [torch.nn.LayerNorm(width).requires_grad_(False) for _ in range(2)]
    norms[1].weight.mul_(2.0)
    cases = [(_random(2, 3, width, seed=seed), *parts, *norms) for seed in (1, 2, 3)]

    def right(x, attention, mlp, norm1, norm2):
        a = x + attention(norm1(x))
        return a + mlp(norm2(a))

    def post(x, attention, mlp, norm1, norm2):
        a = norm1(x + attention(x))
        return norm2(a + mlp(a))

    return judge(
        pre_norm,
        right,
        cases,
        {
            "that norms after each sum, as BERT does; norm before each part.": post,
            "the straight way back is normed, too: add x itself, not norm(x).": (
                lambda x, attention, mlp, norm1, norm2: (
                    (a := norm1(x) + attention(norm1(x))) * 0 + norm2(a) + mlp(norm2(a))
                )
            ),
            "the input is not added: each part adds to what it got.": (
                lambda x, attention, mlp, norm1, norm2: mlp(norm2(attention(norm1(x))))
            ),
            "the MLP gets x; it gets what attention made of it.": (
                lambda x, attention, mlp, norm1, norm2: (
                    x + attention(norm1(x)) + mlp(norm2(x))
                )
            ),
            "at the end x is added; add what came out of the first half.": (
                lambda x, attention, mlp, norm1, norm2: (
                    x + mlp(norm2(x + attention(norm1(x))))
                )
            ),
            "the two norms are exchanged.": (
                lambda x, attention, mlp, norm1, norm2: right(
                    x, attention, mlp, norm2, norm1
                )
            ),
            "that is the first half; the MLP is missing.": (
                lambda x, attention, mlp, norm1, norm2: x + attention(norm1(x))
            ),
        },
        atol=1e-5,
        hint="not that. Two lines: a = x + …, y = a + …, and each part gets a norm.",
    )


def check_reading_heads(answer) -> Verdict:
    """A head looks at [CLS] with nearly all its weight: what may one say?"""
    return choose(
        answer,
        "c",
        {
            "a": "the weight says where values are taken from. What is in the value, "
            "and what later layers do with it, it does not say.",
            "b": "heads that have nothing to do park their attention where nothing is "
            "to be read: rows must add up to 1.",
            "c": "and to know more, change it and see whether the verdict changes.",
        },
    )
