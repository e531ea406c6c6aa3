"""Checkers of lesson 08: steps from zero, of Newton, Adam, attention and LoRA."""

import numpy as np
import torch

from course_utils.checks import Verdict, choices, judge


def _random(*shape, seed=0) -> torch.Tensor:
    values = np.random.default_rng(seed).standard_normal(shape)
    return torch.tensor(values, dtype=torch.float32)


def check_decisions(decisions) -> Verdict:
    """decisions(X, y, X_new): what a linear head from zero says after one step.

    X: (N, D), y: (N,) of 0 and 1, X_new: (M, D); the head has a bias. Returns (M,).
    """
    cases = [
        (
            _random(n, d, seed=n),
            (torch.arange(n) % 3 == 0).long(),
            _random(50, d, seed=d),
        )
        for n, d in ((12, 5), (31, 3), (22, 7))
    ]

    def score(X, y, X_new, *, bias=True):
        signs = y - 0.5
        return X_new @ (signs[:, None] * X).sum(dim=0) + bias * signs.sum()

    def nearest(X, y, X_new):
        near = [(X_new - X[y == kind].mean(dim=0)).norm(dim=1) for kind in (0, 1)]
        return (near[1] < near[0]).long()

    return judge(
        decisions,
        lambda *case: (score(*case) > 0).long(),
        cases,
        {
            "the sign is turned round: the step goes down, minus the gradient.": (
                lambda *case: (score(*case) < 0).long()
            ),
            "the bias moves, too: add the sum of y - ½.": (
                lambda *case: (score(*case, bias=False) > 0).long()
            ),
            "that is the nearest class mean, the same only with centered features and "
            "even classes.": nearest,
            "those are the logits; return 0 or 1.": score,
            "those are signs; return 0 or 1.": lambda *case: score(*case).sign(),
            "those are the decisions on the old rows; decide on X_new.": (
                lambda X, y, X_new: (score(X, y, X) > 0).long()
            ),
            "that counts all as one class: the larger one.": lambda X, y, X_new: (
                torch.full((len(X_new),), int(y.float().mean() > 0.5))
            ),
            "at zero each probability is ½, not 0: ham pulls as well as spam.": (
                lambda X, y, X_new: (X_new @ X[y == 1].sum(dim=0) + y.sum() > 0).long()
            ),
        },
    )


def check_newton(newton) -> Verdict:
    """newton(X, y, ridge): one Newton step from zero of logistic regression, (D,).

    X: (N, D), y: (N,) of 0 and 1; one logit, no bias; loss mean + ridge/2·|w|².
    """
    cases = [
        (_random(n, d, seed=n), (torch.arange(n) % 3 == 0).long(), ridge)
        for n, d, ridge in ((13, 5, 0.1), (31, 3, 0.01), (23, 7, 1.0))
    ]

    def step(X, y, ridge, *, half=0.5, weight=0.25, mean=True, sign=1, invert=True):
        count = len(X) if mean else 1
        g = -((y - half)[:, None] * X).sum(dim=0) / len(X)
        H = weight * X.T @ X / count + ridge * torch.eye(X.shape[1])
        return -sign * (torch.linalg.solve(H, g) if invert else g)

    def gradient(X, y):
        return -((y - 0.5)[:, None] * X).sum(dim=0) / len(X)

    def hessian(X, ridge):
        return X.T @ X / 4 / len(X) + ridge * torch.eye(X.shape[1])

    return judge(
        newton,
        step,
        cases,
        {
            "the sign is turned round: the step is minus H⁻¹g.": (
                lambda *case: step(*case, sign=-1)
            ),
            "the ridge is not used.": lambda X, y, ridge: step(X, y, 0.0),
            "p(1 - p) is ¼ at zero: the Hessian lacks it.": (
                lambda *case: step(*case, weight=1.0)
            ),
            "the Hessian is a mean over the rows, like the loss.": (
                lambda *case: step(*case, mean=False)
            ),
            "the residual is p - y, and p is ½ at zero.": (
                lambda *case: step(*case, half=0.0)
            ),
            "that is a gradient step; solve with the Hessian.": (
                lambda *case: step(*case, invert=False)
            ),
            "you multiplied by the Hessian; solve with it.": lambda X, y, ridge: (
                -(hessian(X, ridge) @ gradient(X, y))
            ),
            "that is the gradient; the step goes against it, through H⁻¹.": (
                lambda X, y, ridge: gradient(X, y)
            ),
            "the ridge stands once on the diagonal, without a factor one half.": (
                lambda X, y, ridge: step(X, y, ridge / 2)
            ),
        },
        atol=1e-5,
    )


def check_linear_attention(answer) -> Verdict:
    """answer(query, keys, values): attention without softmax, one number.

    query: (K,), keys: (T, K), values: (T,).
    """
    cases = [
        (_random(k, seed=k), _random(t, k, seed=t), _random(t, seed=t + 1))
        for t, k in ((7, 3), (5, 2), (11, 5))
    ]
    return judge(
        answer,
        lambda query, keys, values: (keys @ query) @ values,
        cases,
        {
            "that is attention with softmax; leave it out.": (
                lambda q, k, v: torch.softmax(k @ q, dim=0) @ v
            ),
            "divide by nothing: the sum itself was asked for.": (
                lambda q, k, v: (k @ q) @ v / len(v)
            ),
            "there is no √K here.": lambda q, k, v: (k @ q) @ v / len(q) ** 0.5,
            "those are the scores; weigh the values with them.": lambda q, k, v: k @ q,
            "the scores count by their size; they have a sign, too.": (
                lambda q, k, v: (k @ q).abs() @ v
            ),
            "that is the mean of the values; weigh them with the scores.": (
                lambda q, k, v: v.mean()
            ),
            "that is the sum of the scores; weigh the values with them.": (
                lambda q, k, v: (k @ q).sum()
            ),
        },
        atol=1e-5,
    )


def check_adam(answer) -> Verdict:
    """A letter: how far Adam's first step moves a tiny and a large gradient."""
    return choices.choose(
        answer,
        "b",
        {
            "a": "so it is for gradients far above ε. One of these two lies far below.",
            "b": "g / (|g| + ε) is nearly 1 for the large one and a ten-thousandth for "
            "the tiny one: ε is ten thousand times as large.",
            "c": "the large gradient is divided by its own size: 3 counts no more "
            "than 0.3 would.",
            "d": "nothing moves only where the gradient is zero.",
        },
    )


def check_first_step(first_step) -> Verdict:
    """first_step(G, A, lr): the change of W = BA after LoRA's first gradient step.

    G: (O, I), the gradient by W; A: (R, I), and B = 0 at first. Returns (O, I).
    """
    cases = [
        (_random(o, i, seed=o), _random(r, i, seed=i) / 2, lr)
        for o, i, r, lr in ((5, 3, 2, 0.1), (2, 7, 3, 0.5), (3, 5, 1, 2.0))
    ]
    return judge(
        first_step,
        lambda G, A, lr: -lr * G @ A.T @ A,
        cases,
        {
            "that is the change of B; W changes by B times A.": (
                lambda G, A, lr: -lr * G @ A.T
            ),
            "the sign is turned round: down the loss, minus the gradient.": (
                lambda G, A, lr: lr * G @ A.T @ A
            ),
            "that is the full step, without the detour through A.": (
                lambda G, A, lr: -lr * G
            ),
            "the learning rate is missing.": lambda G, A, lr: -G @ A.T @ A,
            "A does not move in the first step, so lr stands there once.": (
                lambda G, A, lr: -(lr**2) * G @ A.T @ A
            ),
            "that is Adam's direction for B, its sign; gradient descent was asked.": (
                lambda G, A, lr: -lr * (G @ A.T).sign() @ A
            ),
            "nothing moves? A has no gradient while B is zero, but B has one.": (
                lambda G, A, lr: torch.zeros_like(G)
            ),
            "do not divide by the size of A: it is taken as it is.": (
                lambda G, A, lr: -lr * G @ A.T @ A / A.square().sum(),
                lambda G, A, lr: -lr * G @ A.T @ A / A.norm(),
            ),
        },
        atol=1e-6,
    )
