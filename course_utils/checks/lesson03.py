"""Checkers of lesson 03: attention with a mask, and splitting into heads."""

import functools
import math
from collections.abc import Iterator

import numpy as np
import torch

from course_utils.checks import Verdict, judge, require_function
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

    def masked_late(query, key, value, mask):
        weights = torch.softmax(query @ key.mT / math.sqrt(query.shape[-1]), dim=-1)
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


def check_split_heads(split_heads) -> Verdict:
    """split_heads(x, num_heads): x (B, T, D) as (B, H, T, K), K = D / H."""
    cases = [(_random(b, t, d), h) for b, t, d, h in ((2, 3, 10, 5), (3, 5, 14, 2))]

    def right(x, num_heads):
        B, T, D = x.shape
        return x.view(B, T, num_heads, D // num_heads).transpose(1, 2)

    def mixed(x, num_heads):
        B, T, D = x.shape
        return x.reshape(B, num_heads, T, D // num_heads)

    def interleaved(x, num_heads):
        B, T, D = x.shape
        return x.view(B, T, D // num_heads, num_heads).permute(0, 3, 1, 2)

    def stacked(x, num_heads):
        """A list of H heads (B, T, K) will do."""
        result = split_heads(x, num_heads)
        if isinstance(result, Iterator):
            result = list(result)
        if isinstance(result, tuple | list) and len(result) == num_heads:
            heads = [torch.as_tensor(head) for head in result]
            if {head.shape[:2] for head in heads} == {x.shape[:2]}:
                return torch.stack(heads, dim=1)
        return result

    require_function(split_heads)
    return judge(
        functools.wraps(split_heads)(stacked),
        right,
        cases,
        {
            "reshape(B, H, T, K) puts pieces of different tokens into one head: split "
            "the last axis first, then swap tokens and heads.": mixed,
            "tokens and heads are not swapped yet: the shape is (B, H, T, K).": (
                lambda x, h: right(x, h).transpose(1, 2)
            ),
            "each head takes every H-th column; it gets K neighbors.": interleaved,
            "the heads stand first: the batch does, (B, H, T, K).": (
                lambda x, h: right(x, h).transpose(0, 1)
            ),
            "each head is turned: (T, K), not (K, T).": (
                lambda x, h: right(x, h).transpose(2, 3)
            ),
            "that is the first head alone.": lambda x, h: right(x, h)[:, 0],
            "that cuts the tokens into pieces; cut the last axis.": (
                lambda x, h: x.transpose(1, 2).reshape(len(x), h, -1, x.shape[1])
            ),
        },
    )
