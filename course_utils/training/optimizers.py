"""PyTorch's optimizers and schedules by name, over groups of parameters."""

import inspect
import math
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from course_utils.runtime import arguments

OPTIMIZERS: dict[str, Callable] = {
    "sgd": torch.optim.SGD,
    "momentum": lambda groups: torch.optim.SGD(groups, momentum=0.9),
    # fused: one pass over each parameter, no temporary copies of it
    "adam": partial(torch.optim.Adam, fused=True),
    "adamw": partial(torch.optim.AdamW, fused=True),
}
WARM_UP = 0.1  # the share of all steps in which "warm-up" rises

# The share of steps done, from 0 up to 1, to a factor of the learning rate.
SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda done: 1.0,
    "linear": lambda done: 1 - done,
    "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
    "step": lambda done: 0.1 ** math.floor(3 * done),
    "warm-up": lambda done: min(done / WARM_UP, (1 - done) / (1 - WARM_UP)),
}
PLATEAU = "plateau"


def lr_of(name: str, lr: float | Mapping[str, float]) -> float:
    """The learning rate of the parameter `name`: of the longest beginning that fits."""
    if not isinstance(lr, Mapping):
        return float(lr)
    fitting = [start for start in lr if name.startswith(start)]
    if not fitting:
        raise ValueError(f'lr has no rate for {name!r}: add "" for all the rest')
    return float(lr[max(fitting, key=len)])


def groups(
    model: nn.Module, lr: float | Mapping[str, float], weight_decay: float | None
) -> list[dict]:
    """Parameter groups: one for each learning rate, weight matrices apart.

    Only weight matrices decay; parameters at rate 0 are left out.
    """
    _check_rates(model, lr)
    decay = {}
    if weight_decay is not None:
        decay = {"weight_decay": arguments.real(weight_decay, "weight_decay")}
    found: dict[tuple, dict] = {}
    for name, param in model.named_parameters():
        rate, is_matrix = lr_of(name, lr), param.ndim >= 2
        if rate and param.requires_grad:
            options = decay if is_matrix else {"weight_decay": 0.0}
            group = {"params": [], "lr": rate, **options}
            found.setdefault((rate, is_matrix), group)["params"].append(param)
    if not found:
        raise ValueError("every parameter is frozen: give one a learning rate above 0")
    return list(found.values())


def make(optimizer: str | Callable, groups: list[dict]) -> torch.optim.Optimizer:
    """An optimizer by its name, or from a function of the groups.

    Errors: ValueError for another name, or an optimizer that asks for the loss itself.
    """
    if callable(optimizer):
        made = optimizer(groups)
        closure = inspect.signature(type(made).step).parameters.get("closure")
        if closure is not None and closure.default is inspect.Parameter.empty:
            raise ValueError(
                f"optimizer makes a {type(made).__name__}, which asks for the loss "
                "several times in a step: give one that takes a gradient"
            )
        return made
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"optimizer is {optimizer!r}: give one of {list(OPTIMIZERS)}")
    return OPTIMIZERS[optimizer](groups)


def schedule(
    kind: str | Callable[[float], float], optimizer, num_steps: int
) -> LambdaLR | ReduceLROnPlateau:
    """A torch scheduler; all but "plateau" take one `.step()` after each step."""
    if kind == PLATEAU:
        return ReduceLROnPlateau(optimizer, factor=0.5, patience=0)
    factor = kind if callable(kind) else SCHEDULES.get(kind)
    if factor is None:
        names = [*SCHEDULES, PLATEAU]
        raise ValueError(f"schedule is {kind!r}: give one of {names}, or a function")
    # From the middle of each step: no step of a schedule is taken at rate 0.
    return LambdaLR(
        optimizer, lambda step: float(factor(min((step + 0.5) / num_steps, 1)))
    )


def _check_rates(model, lr) -> None:
    for rate in lr.values() if isinstance(lr, Mapping) else [lr]:
        arguments.real(rate, "lr")
    names = [name for name, _ in model.named_parameters()]
    for start in lr if isinstance(lr, Mapping) else ():
        if not any(name.startswith(start) for name in names):
            raise ValueError(f"lr names {start!r}, and no parameter begins so")
