"""Checkers of lesson 09b: AUC, the size of LoRA, a slope, weights that move."""

import numpy as np
import torch

from course_utils.checks import Verdict, judge


def check_share_of_pairs(share_of_pairs) -> Verdict:
    """share_of_pairs(spam_scores, ham_scores): the AUC, a tie counting one half."""
    cases = []
    for seed, (s, n) in enumerate([(5, 7), (3, 11), (8, 4)]):
        random = np.random.default_rng(seed)
        spam, ham = random.integers(0, 6, s) + 2.0, random.integers(0, 6, n) + 0.0
        cases.append(
            (torch.tensor(spam).float() - 3.5, torch.tensor(ham).float() - 3.5)
        )

    def pairs(spam, ham, *, tie=0.5):
        return (
            (spam[:, None] > ham).float() + tie * (spam[:, None] == ham).float()
        ).mean()

    return judge(
        share_of_pairs,
        pairs,
        cases,
        {
            "a tie counts one half; you count it as nothing.": (
                lambda s, h: pairs(s, h, tie=0)
            ),
            "a tie counts one half; you count it whole.": (
                lambda s, h: pairs(s, h, tie=1)
            ),
            "that is turned round: the ham scores above the spam.": (
                lambda s, h: pairs(h, s)
            ),
            "that is a number of pairs; divide by how many there are.": (
                lambda s, h: pairs(s, h) * len(s) * len(h)
            ),
            "you divided by the spam alone; every spam meets every ham.": (
                lambda s, h: pairs(s, h) * len(h)
            ),
            "you divided by the ham alone; every spam meets every ham.": (
                lambda s, h: pairs(s, h) * len(s)
            ),
            "that is accuracy at threshold 0; the AUC has no threshold.": (
                lambda s, h: ((s > 0).sum() + (h <= 0).sum()) / (len(s) + len(h))
            ),
            "that is the share of spam above 0: recall; compare with each ham.": (
                lambda s, h: (s > 0).float().mean()
            ),
            "that is the difference of the means; count pairs.": (
                lambda s, h: s.mean() - h.mean()
            ),
            "each spam must be compared with every ham, not with their mean.": (
                lambda s, h: (s > h.mean()).float().mean()
            ),
        },
    )


def check_lora_size(lora_size) -> Verdict:
    """lora_size(shapes, rank): how many numbers A and B hold together."""
    cases = [
        ([(576, 576), (192, 576)], 8),
        ([(7, 5)], 2),
        ([(3, 11), (13, 2), (5, 5)], 3),
        ([(128, 512)] * 6, 1),
    ]
    return judge(
        lora_size,
        lambda shapes, rank: sum(rank * (m + n) for m, n in shapes),
        cases,
        {
            "those are the weights themselves; LoRA has two thin ones beside each.": (
                lambda shapes, rank: sum(m * n for m, n in shapes)
            ),
            "only A is counted, (rank, in); B is (out, rank).": (
                lambda shapes, rank: sum(rank * n for m, n in shapes)
            ),
            "only B is counted, (out, rank); A is (rank, in).": (
                lambda shapes, rank: sum(rank * m for m, n in shapes)
            ),
            "the rank is missing.": lambda shapes, rank: sum(m + n for m, n in shapes),
            "only the first weight is counted; sum over all.": (
                lambda shapes, rank: rank * sum(shapes[0])
            ),
            "there is no rank-by-rank matrix between A and B.": (
                lambda shapes, rank: sum(rank * (m + n) + rank**2 for m, n in shapes)
            ),
            "that multiplies the two sizes; A and B are added.": (
                lambda shapes, rank: sum(rank * m * n for m, n in shapes),
                lambda shapes, rank: sum(rank * m * rank * n for m, n in shapes),
            ),
            "that is Adam's memory too; count what is trained, once.": (
                lambda shapes, rank: 3 * sum(rank * (m + n) for m, n in shapes),
                lambda shapes, rank: 2 * sum(rank * (m + n) for m, n in shapes),
            ),
        },
    )


def check_slope_along(slope_along) -> Verdict:
    """slope_along(loss, params, z, eps): (L(θ + εz) - L(θ - εz)) / 2ε."""

    def bent(params):
        return (params**3).sum() + params[0] * params[-1]

    def curved(params):
        return (torch.arange(1.0, len(params) + 1) * params**2).sum() + params.sum()

    cases = []
    for seed, (loss, size, eps) in enumerate(
        [(bent, 5, 0.1), (curved, 3, 0.2), (bent, 7, 0.05), (curved, 4, 0.01)]
    ):
        random = np.random.default_rng(seed)
        params, z = (
            torch.tensor(random.standard_normal(size), dtype=torch.float32)
            for _ in range(2)
        )
        cases.append((loss, params, z, eps))

    def right(loss, params, z, eps):
        return (loss(params + eps * z) - loss(params - eps * z)) / (2 * eps)

    return judge(
        slope_along,
        right,
        cases,
        {
            "divide by 2·eps: the two places are that far apart.": (
                lambda loss, p, z, e: right(loss, p, z, e) * 2
            ),
            "divide by how far the two places are apart.": (
                lambda loss, p, z, e: right(loss, p, z, e) * 2 * e
            ),
            "that is one side only: go as far back as ahead.": (
                lambda loss, p, z, e: (loss(p + e * z) - loss(p)) / e
            ),
            "the sign is turned round: ahead minus behind.": (
                lambda loss, p, z, e: -right(loss, p, z, e)
            ),
            "the direction z is not used.": (
                lambda loss, p, z, e: (loss(p + e) - loss(p - e)) / (2 * e)
            ),
            "you went a whole z, not eps·z.": (
                lambda loss, p, z, e: (loss(p + z) - loss(p - z)) / 2,
                lambda loss, p, z, e: (loss(p + z) - loss(p - z)) / (2 * e),
            ),
            "that is the gradient's estimate, the slope times z; return the slope.": (
                lambda loss, p, z, e: right(loss, p, z, e) * z
            ),
            "that is the curvature along z; subtract the two losses.": (
                lambda loss, p, z, e: (
                    (loss(p + e * z) - 2 * loss(p) + loss(p - e * z)) / e**2
                )
            ),
            "that is their mean; subtract them.": lambda loss, p, z, e: (
                (loss(p + e * z) + loss(p - e * z)) / 2
            ),
        },
        atol=1e-4,
    )


def check_is_moved(is_moved) -> Verdict:
    """is_moved(weights, steps): which weights differ after a step, in bfloat16.

    weights, steps: float32, of one shape. Weights are stored in bfloat16 before the
    step and after it, rounded to the nearest. Returns bool.
    """
    cases = []
    for seed, size in enumerate((7, 11, 23)):
        random = np.random.default_rng(seed)
        weights = torch.tensor(random.normal(0, 0.2, size)).float()
        steps = torch.tensor(random.normal(0, 1, size)).float() * weights.abs() / 300
        cases.append((weights, steps))

    def moved(weights, steps):
        stored = weights.bfloat16()
        return (stored.float() + steps).bfloat16() != stored

    return judge(
        is_moved,
        lambda *case: moved(*case).float(),
        cases,
        {
            "in float32 nearly every weight moves; store the sum in bfloat16.": (
                lambda w, s: (w + s != w).float(),
                lambda w, s: (w.bfloat16().float() + s != w.bfloat16()).float(),
            ),
            "it is the wrong way round: True where a weight has moved.": (
                lambda *case: (~moved(*case)).float()
            ),
            "the weights are stored in bfloat16 before the step, too.": (
                lambda w, s: ((w + s).bfloat16() != w).float(),
                lambda w, s: ((w + s).bfloat16() != w.bfloat16()).float(),
            ),
            "the rounded step is not what counts; round the sum.": (
                lambda w, s: (s.bfloat16() != 0).float()
            ),
            "those are the new weights; say which have moved.": (
                lambda w, s: (w.bfloat16().float() + s).bfloat16().float()
            ),
            "that is by how much they moved; say which have.": (
                lambda w, s: (
                    (w.bfloat16().float() + s).bfloat16().float() - w.bfloat16().float()
                )
            ),
            "that is float16: it has more digits and a smaller range.": (
                lambda w, s: ((w.half().float() + s).half() != w.half()).float()
            ),
        },
    )
