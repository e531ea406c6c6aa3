"""What the checkers of lesson 11's rooms have in common: how a step is measured."""

from collections.abc import Callable, Mapping
from functools import wraps

import numpy as np
import torch
from torch import Tensor, nn

from course_utils.checks import Verdict, judge
from course_utils.models import MLP
from course_utils.steps import cross_entropy

STILL_THERE = "the fault is still there."


def judge_loss(function, right, cases, mistakes: Mapping) -> Verdict:
    """`judge`, of a loss and its gradient."""
    return judge(
        _measured(function),
        _measured(right),
        cases,
        _each(_measured, mistakes),
        names=("loss", "gradient"),
    )


def judge_loop(function, right, cases, mistakes: Mapping, **options) -> Verdict:
    """`judge`, of loops that draw from the same random state."""
    return judge(
        _seeded(function),
        _seeded(right),
        cases,
        _each(_seeded, mistakes),
        **options,
    )


def _each(wrap: Callable, mistakes: Mapping) -> dict[str, list]:
    """Every mistaken function, wrapped."""
    return {
        words: [wrap(f) for f in (each if isinstance(each, list | tuple) else [each])]
        for words, each in mistakes.items()
    }


def _measured(loss_fn: Callable) -> Callable:
    """The loss and its gradient, zero where it reaches a parameter by no way."""

    @wraps(loss_fn)
    def run(model, *data):
        loss = loss_fn(model, *data)
        if loss is None or loss is ...:
            return loss
        params = list(model.parameters()) if isinstance(model, nn.Module) else [model]
        if not isinstance(loss, Tensor) or not loss.requires_grad:
            return float(loss), flat([torch.zeros_like(p) for p in params])
        grads = torch.autograd.grad(loss, params, allow_unused=True)
        pairs = zip(params, grads, strict=True)
        return loss.item(), flat(
            [torch.zeros_like(p) if g is None else g for p, g in pairs]
        )

    return run


def _seeded(function: Callable) -> Callable:
    @wraps(function)
    def run(*arguments):
        torch.manual_seed(0)
        return function(*arguments)

    return run


def flat(tensors) -> Tensor:
    """All numbers of all tensors, in one row."""
    return torch.cat([each.detach().flatten() for each in tensors])


def with_rates(loop, place: int, **options) -> list[Callable]:
    """The loop with another rate than it is given, at this place."""

    def with_rate(factor):
        def run(*given):
            before, rate, after = given[:place], given[place], given[place + 1 :]
            return loop(*before, factor * rate, *after, **options)

        return run

    return [with_rate(factor) for factor in (0.01, 0.1, 0.2, 0.25, 0.5, 2, 10)]


def valley(seed: int):
    """A surface of two weights, and a start on it."""
    random = np.random.default_rng(seed)
    X = torch.tensor(random.standard_normal((12, 2)))
    y = torch.tensor(random.integers(0, 2, 12)).double()
    start = torch.tensor(random.standard_normal(2))
    return cross_entropy.logistic(X, y, l2=0.1), start


def messages(seed: int, *, count: int = 8, num_classes: int = 2):
    """A small MLP, features (count, 5) and targets (count,)."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    X = torch.tensor(random.standard_normal((count, 5))).float()
    y = torch.tensor(random.integers(0, num_classes, count))
    return MLP(5, 4, num_classes), X, y
