"""What a profile is given, checked: a loss that is a scalar, sizes that are sizes."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

UNCONNECTED = (
    " depends on no trainable parameter: compute it from the model it is given, "
    "without detach(), no_grad() or item()"
)


def loss(loss, name: str) -> Tensor:
    if not isinstance(loss, Tensor):
        raise TypeError(
            f"{name} returned a {type(loss).__name__}: return a scalar tensor"
        )
    if loss.numel() != 1:
        raise ValueError(
            f"{name} returned shape {tuple(loss.shape)}: reduce it to one number, "
            "for example with .mean()"
        )
    if not loss.requires_grad:
        raise ValueError(name + UNCONNECTED)
    if not torch.isfinite(loss):
        raise ValueError(
            f"the loss is {loss.item()} at the start: look for bad inputs or "
            "parameters before you take a step"
        )
    return loss.reshape(())


def require_connected(grads: Sequence[Tensor | None], name: str) -> None:
    """Raise ValueError where no parameter is used, though the loss has a gradient.

    So it is with a loss that was made anew and told to require one.
    """
    if all(grad is None for grad in grads):
        raise ValueError(name + UNCONNECTED)


def lrs(lrs) -> np.ndarray:
    lrs = lrs.detach().cpu() if isinstance(lrs, Tensor) else lrs
    lrs = np.asarray(lrs, dtype=float)
    if lrs.ndim != 1:
        raise ValueError(f"lrs has shape {lrs.shape}: give a list of learning rates")
    if not (np.isfinite(lrs).all() and (lrs >= 0).all()):
        raise ValueError(
            "lr must be finite and not negative: the sign is in the direction"
        )
    return lrs
