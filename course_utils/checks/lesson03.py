"""Checkers of lesson 03: attention with a mask, and splitting into heads."""

import math

import numpy as np
import torch

from course_utils.attention import scaled_dot_product_attention
from course_utils.checks import Verdict, judge


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

    return judge(
        attention,
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

    return judge(
        split_heads,
        right,
        cases,
        {
            "reshape(B, H, T, K) puts pieces of different tokens into one head: split "
            "the last axis first, then swap tokens and heads.": mixed,
            "tokens and heads are not swapped yet: the shape is (B, H, T, K).": (
                lambda x, h: right(x, h).transpose(1, 2)
            ),
            "each head takes every H-th column; it gets K neighbors.": interleaved,
        },
    )
