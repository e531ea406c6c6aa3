"""Parameters as one tensor, a list or a dict of them: mapped over, and checked."""

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor

Tensors = Tensor | list[Tensor] | dict[Any, Tensor]


def apply(function: Callable, tensors: Tensors, *others: Tensors) -> Tensors:
    """Return function(tensor, *others) for each tensor, in the structure of tensors."""
    trees = [leaves(tree) for tree in (tensors, *others)]
    results = {key: function(*(tree[key] for tree in trees)) for key in trees[0]}
    if isinstance(tensors, Tensor):
        return results[None]
    return results if isinstance(tensors, dict) else list(results.values())


def leaves(tensors: Tensors, name: str = "params") -> dict[Any, Tensor]:
    """Return each tensor under its key: a name, an index, or None for a lone tensor."""
    if isinstance(tensors, Tensor):
        return {None: tensors}
    if isinstance(tensors, dict):
        return tensors
    if isinstance(tensors, list | tuple):
        return dict(enumerate(tensors))
    raise TypeError(
        f"{name} must be a tensor, or a list or dict of them, not {tensors}"
    )


def check_range(*, below: float = math.inf, **numbers: float) -> None:
    for name, value in numbers.items():
        if not 0 <= value < below:
            raise ValueError(f"{name} must lie in [0, {below}), got {value}")


def check_match(params: Tensors, **others: Tensors) -> None:
    """Raise unless params can be stepped and each of others matches it."""
    expected = leaves(params)
    if not expected:
        raise ValueError("params holds no tensor: there is nothing to step")
    for key, param in expected.items():
        if not isinstance(param, Tensor) or not param.is_floating_point():
            kind = getattr(param, "dtype", type(param).__name__)
            raise TypeError(
                f"{label('params', key)} must be a floating-point tensor, got {kind}"
            )
    for name, other in others.items():
        if other is None:
            raise ValueError(f"{name} is None: call loss.backward() first")
        found = leaves(other, name)
        if found.keys() != expected.keys():
            raise ValueError(f"{name} has keys {[*found]}, but params {[*expected]}")
        for key, param in expected.items():
            check_pair(label(name, key), found[key], param)


def label(name: str, key: Any) -> str:
    return name if key is None else f"{name}[{key!r}]"


def check_pair(label: str, found: Tensor, param: Tensor) -> None:
    if not isinstance(found, Tensor):
        raise ValueError(f"{label} is {found}, no tensor: call loss.backward() first")
    if found.shape != param.shape or found.dtype != param.dtype:
        raise ValueError(
            f"{label} must be {param.dtype} of shape {tuple(param.shape)} to match, "
            f"got {found.dtype} of shape {tuple(found.shape)}"
        )
