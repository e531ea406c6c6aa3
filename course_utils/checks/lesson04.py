"""Checkers of lesson 04: a ruler, a promise, a limit, a valley, minibatches."""

import numpy as np
import torch

from course_utils.checks import Verdict, judge, require_function
from course_utils.checks.choices import choose
from course_utils.steps import surfaces

BOWLS = (surfaces.bowl(4, angle=0.5), surfaces.bowl(10, scale=3), surfaces.bowl(30))


def check_steepest_on_diamond(steepest) -> Verdict:
    """steepest(grads): of all steps whose absolute values add up to 1, the best."""

    def one_hot(g, sign=-1.0, pick=torch.argmax):
        step = torch.zeros_like(g)
        i = pick(g.abs())
        step[i] = sign * g[i].sign()
        return step

    cases = [(torch.tensor(g).double(),) for g in
             ([3.0, -1.0], [-0.5, 2, 1], [0.2, -0.1, 0, -4], [-5.0, 4])]  # fmt: skip
    return judge(
        steepest,
        one_hot,
        cases,
        {
            "that goes uphill: against the sign.": lambda g: one_hot(g, 1.0),
            "its length is not 1: the absolute values add up to more.": (
                lambda g: -g.sign()
            ),
            "that is best for the round ruler; on a diamond a corner wins.": (
                lambda g: -g / g.norm()
            ),
            "the length is 1, but it is spread over all dials: put it where it buys "
            "most.": (
                lambda g: -g / g.abs().sum(),
                lambda g: -g.sign() / len(g),
            ),
            "that is the flattest dial; take the steepest.": (
                lambda g: one_hot(g, pick=torch.argmin)
            ),
            "that is the place; return the step.": lambda g: g.abs().argmax(),
            "a step of length 1: the entry is 1 or -1, not the gradient's.": (
                lambda g: one_hot(g) * g.abs().max()
            ),
            "the largest in size counts, with either sign: use grads.abs().": (
                lambda g: torch.zeros_like(g).index_fill(0, g.argmax(), -1.0)
            ),
        },
        hint="not that one. Each dial buys its slope for each unit of length: which "
        "buys most?",
    )


def check_predict_loss(predict_loss) -> Verdict:
    """predict_loss(loss, grads, hessian, lr): L - lr |g|² + ½ lr² g·Hg."""

    def right(loss, g, H, lr, *, half=0.5, squared=2):
        return loss - lr * g @ g + half * lr**squared * g @ H @ g

    points = [torch.tensor(bowl.start, dtype=torch.float64) for bowl in BOWLS]
    cases = [
        (bowl(point), bowl.gradient(point), bowl.hessian(point), lr)
        for bowl, point, lr in zip(BOWLS, points, (0.1, 0.7, 2.0), strict=True)
    ]
    saddle, point = surfaces.saddle(), torch.tensor([0.2, 1.0]).double()
    cases.append((saddle(point), saddle.gradient(point), saddle.hessian(point), 1.5))
    return judge(
        predict_loss,
        right,
        cases,
        {
            "it is as it was: both faults are still there.": (
                lambda *case: right(*case, half=1, squared=1)
            ),
            "the factor one half of the curvature is missing.": (
                lambda *case: right(*case, half=1)
            ),
            "the curvature goes with lr squared.": lambda *case: right(
                *case, squared=1
            ),
            "that is the first promise; add the curvature.": (
                lambda *case: right(*case, half=0)
            ),
            "the curvature has the wrong sign: it takes back part of the promise.": (
                lambda *case: right(*case, half=-0.5)
            ),
            "the step goes downhill: the slope's term is subtracted.": (
                lambda loss, g, H, lr: right(loss, g, H, lr) + 2 * lr * g @ g
            ),
            "the slope's term needs |g| squared.": (
                lambda loss, g, H, lr: right(loss, g, H, lr) + lr * (g @ g - g.norm())
            ),
            "that is the change; add the loss before the step.": (
                lambda loss, g, H, lr: right(0, g, H, lr)
            ),
        },
    )


def check_stable_lr(stable_lr) -> Verdict:
    """stable_lr(hessian, weight_decay): 2 / (λmax + w), or infinity."""

    def right(H, decay, *, top=2.0, part=1.0, pick=-1):
        largest = torch.linalg.eigvalsh(H)[pick] + part * decay
        return top / largest if largest > 0 else torch.inf

    start = torch.zeros(2, dtype=torch.float64)
    cases = [(bowl.hessian(start), decay)
             for bowl, decay in zip(BOWLS, (0.5, 3.0, 0.0), strict=True)]  # fmt: skip
    saddle = surfaces.saddle().hessian(start)  # 1 and -2
    cases += [(saddle, 0.5), (-BOWLS[0].hessian(start), 0.1), (-saddle, 0.3)]
    return judge(
        stable_lr,
        right,
        cases,
        {
            "the weight decay is not used: it adds w to every curvature.": (
                lambda H, w: right(H, 0)
            ),
            "that is 1 / (λmax + w), the best for one direction; the limit is twice "
            "that.": lambda H, w: right(H, w, top=1.0),
            "½ w |θ|² has the curvature w, not ½ w or 2 w.": (
                lambda H, w: right(H, w, part=0.5),
                lambda H, w: right(H, w, part=2.0),
            ),
            "the decay is subtracted; it makes every direction curve more.": (
                lambda H, w: right(H, -w)
            ),
            "you took the smallest eigenvalue; the largest sets the limit.": (
                lambda H, w: right(H, w, pick=0)
            ),
            "where no curvature is positive there is no limit: return torch.inf.": (
                lambda H, w: 2 / (torch.linalg.eigvalsh(H)[-1] + w)
            ),
            "where no curvature is positive your function returns nothing: return "
            "torch.inf there.": (
                lambda H, w: right(H, w) if right(H, w) < torch.inf else None
            ),
            "no limit is not 0, which would forbid every step: return torch.inf.": (
                lambda H, w: right(H, w) if right(H, w) < torch.inf else 0.0
            ),
            "add w before you ask for the sign: with decay a direction may curve up "
            "that did not.": (
                lambda H, w: (
                    right(H, w) if torch.linalg.eigvalsh(H)[-1] > 0 else torch.inf
                )
            ),
            "you took the largest in absolute value: curving down sets no limit.": (
                lambda H, w: 2 / (torch.linalg.eigvalsh(H).abs().max() + w)
            ),
        },
    )


def check_age_and_income(answer) -> Verdict:
    """Slow and about to diverge, with features in unlike units: what is it?"""
    return choose(
        answer,
        "b",
        {
            "a": "lower rates are slower still, as the story says: slow and "
            "oscillating come together in a narrow valley.",
            "b": "one weight's curvature is millions of times the other's. The cure "
            "costs one line.",
            "c": "twice the rate would not diverge because of that; and half of it "
            "would not be slower because of that.",
        },
    )


def check_minibatches(minibatches) -> Verdict:
    """minibatches(num_examples, batch_size, random): every number once, shuffled."""
    require_function(minibatches)

    def told(make):
        """Sizes, all numbers sorted, and whether order and minibatches are random."""

        def look(n, size, seed):
            found = make(n, size, np.random.default_rng(seed))
            if found is None or found is ...:
                return None
            batches = [np.asarray(batch).ravel().tolist() for batch in found]
            rows = sum(batches, [])
            mixed = rows != sorted(rows) and rows != sorted(rows)[::-1]
            inner = any(max(b) - min(b) >= len(b) for b in batches if b)
            return [len(b) for b in batches], sorted(rows), [int(mixed), int(inner)]

        return look

    def right(n, size, random):
        order = random.permutation(n)
        return [order[i : i + size] for i in range(0, n, size)]

    return judge(
        told(minibatches),
        told(right),
        [(12, 4, 0), (11, 4, 1), (30, 7, 2), (9, 3, 3)],
        {
            "they come in order: shuffle first, or a batch may hold one class only.": (
                told(
                    lambda n, size, random: [
                        np.arange(n)[i : i + size] for i in range(0, n, size)
                    ]
                )
            ),
            "the batches are shuffled, but each holds neighbors: shuffle numbers.": (
                told(
                    lambda n, size, random: [
                        np.arange(size * i, min(n, size * i + size))
                        for i in random.permutation(-(-n // size))
                    ]
                ),
            ),
            "the last numbers are lost: the last minibatch may be smaller.": (
                told(lambda n, size, random: right(n, size, random)[: n // size])
            ),
            "some numbers come twice and some never: each exactly once.": (
                told(
                    lambda n, size, random: [
                        (random.permutation(n + 1)[:size] * 0).tolist()
                        for _ in range(-(-n // size))
                    ]
                ),
            ),
            "that is one row of numbers; cut it into minibatches.": (
                told(lambda n, size, random: [[i] for i in random.permutation(n)])
            ),
        },
        names=("the sizes", "the numbers in all", "is it shuffled"),
        hint="not each number exactly once, in batches of `batch_size`, in random "
        "order.",
    )
