"""Where a model stands: all that a look from elsewhere may disturb, and the way back.

It moves the parameters and knows nothing of losses and gradients.
"""

from collections.abc import Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from course_utils.runtime import interrupts, randomness

Model = nn.Module | Tensor | Sequence[Tensor]


class Standpoint:
    """The parameters, buffers, modes, gradients and random states of a model.

    model: an nn.Module, or a tensor or list of tensors. params: its trainable
    parameters, which are what moves; `start` holds a copy of them.
    """

    def __init__(self, model: Model, params: list[Tensor]):
        self.params = params
        self.start = [param.detach().clone() for param in params]
        self.random = randomness.states()
        self._modules = list(model.modules()) if isinstance(model, nn.Module) else []

    def has_moved(self) -> bool:
        """Is a parameter no longer what it was?"""
        return not all(map(torch.equal, self.params, self.start))

    @contextmanager
    def visits(self, *, with_numpy: bool = True):
        """Gives `go(lr, direction)`; on leaving, everything is put back, bit for bit.

        Each `go` begins from the same modes, buffers and random states, those of the
        start. So dropout drops the same units wherever the model goes. with_numpy: see
        `randomness.states`.
        """
        random = {k: v for k, v in self.random.items() if with_numpy or k != "numpy"}
        buffers, modes = self.buffers(), [m.training for m in self._modules]
        outer = randomness.states(with_numpy=with_numpy)
        grads = [(p.grad, None if p.grad is None else p.grad.clone())
                 for p in self.params]  # fmt: skip

        def go(lr: float, direction: list[Tensor]) -> None:
            randomness.restore(random)
            self.restore_buffers(buffers)
            for module, mode in zip(self._modules, modes, strict=True):
                if module.training is not mode:  # setting it is slow
                    module.training = mode
            self.move(lr, direction)

        try:
            yield go
        finally:
            with interrupts.held():
                go(0, self.start)
                for param, (grad, value) in zip(self.params, grads, strict=True):
                    param.grad = grad
                    if grad is not None and value is not None:
                        grad.copy_(value)
                randomness.restore(outer)

    def move(self, lr: float, direction: list[Tensor]) -> None:
        """params = start + lr·direction, as optim.SGD computes it.

        Through `.data`, so that a graph the learner still holds stays valid.
        """
        for param, start, d in zip(self.params, self.start, direction, strict=True):
            if lr:
                torch.add(start, d, alpha=lr, out=param.data)
            else:
                param.data.copy_(start)
        torch.clear_autocast_cache()  # it may hold the parameters as they were

    def buffers(self) -> list[tuple]:
        """What each module has as buffers now, and their values."""
        return [
            (module, dict(module._buffers), _copies(module._buffers))
            for module in self._modules
            if module._buffers
        ]

    def restore_buffers(self, buffers: list[tuple]) -> None:
        """The same tensors, also where forward assigned others, with those values."""
        for module, tensors, values in buffers:
            module._buffers.clear()
            module._buffers.update(tensors)
            for name, value in values.items():
                tensors[name].data.copy_(value)


def _copies(buffers: dict) -> dict[str, Tensor]:
    return {n: b.detach().clone() for n, b in buffers.items() if b is not None}


def trainable(model: Model) -> list[Tensor]:
    """The model's trainable parameters, tied ones once.

    Errors: TypeError for what is no tensor of real floating-point numbers, ValueError
    where none is trainable, or one has no values yet.
    """
    if isinstance(model, nn.Module):
        params: list[Tensor] = list(model.parameters())
    else:
        params = [model] if isinstance(model, Tensor) else list(model)
    for param in params:
        if not isinstance(param, Tensor):
            raise TypeError(f"model holds a {type(param).__name__}: give tensors")
        if not isinstance(model, nn.Module) or param.requires_grad:
            _check_numbers(param)
    params = list(dict.fromkeys(p for p in params if p.requires_grad))
    if not params:
        raise ValueError(
            "model has no trainable parameter: call requires_grad_(True) on one"
        )
    return params


def _check_numbers(param: Tensor) -> None:
    if is_lazy(param) or param.is_meta:
        raise ValueError(
            "a parameter of model has no values yet: run the model once, or load its "
            "weights, first"
        )
    if not param.is_floating_point():
        raise TypeError(
            f"a parameter of model has dtype {param.dtype}: "
            "a step needs real floating-point numbers (use .float())"
        )


def name_of(model: Model, param: Tensor) -> str:
    """What the model calls this parameter."""
    named = model.named_parameters() if isinstance(model, nn.Module) else ()
    return next((name for name, each in named if each is param), "a parameter")


def kept(result):
    """A result that later moves of the model do not change."""
    if isinstance(result, Tensor):
        return result.detach().clone()
    if isinstance(result, np.ndarray):  # it may look into the parameters
        return result.copy()
    if isinstance(result, dict):
        return {name: kept(each) for name, each in result.items()}
    if type(result) in (tuple, list):
        return type(result)(map(kept, result))
    return result
