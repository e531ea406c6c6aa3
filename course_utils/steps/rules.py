"""Update rules as pure functions: each takes params and grads and returns new params.

params is a tensor, or a list or dict of tensors; the result has the same structure (a
tuple comes back as a list) and records no gradient, and no input is changed. grads,
velocity and the like match params tensor by tensor, in shape and dtype.

A rule with a memory returns (params, state) and takes that state as its third argument,
so one loop drives them all: `result = rule(params, grads, *state)`.

Learning rates may be 0. Every rule raises ValueError, naming the argument, on a number
outside its range or on tensors that do not match, and TypeError on params that are not
floating-point. A gradient that is nan or inf is not an error; the params become so too.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_utils.steps import hessian

Tensors = Tensor | list[Tensor] | dict[Any, Tensor]

NEWTON_LIMIT = 2_000  # parameters; a Hessian of that size takes seconds to solve


class Moments(NamedTuple):
    """What Adam remembers."""

    mean: Tensors  # decaying mean of the gradients
    square: Tensors  # decaying mean of their squares
    num_steps: int  # steps taken so far


@torch.no_grad()
def sgd_step(params: Tensors, grads: Tensors, *, lr: float) -> Tensors:
    """Return params - lr * grads (Cauchy 1847; on minibatches, Robbins, Monro 1951)."""
    _check_range(lr=lr)
    _check_tensors(params, grads=grads)
    return _map(partial(torch.add, alpha=-lr), params, grads)


@torch.no_grad()
def momentum_step(
    params: Tensors,
    grads: Tensors,
    velocity: Tensors | None = None,
    *,
    lr: float,
    momentum: float,
) -> tuple[Tensors, Tensors]:
    """Return (params, velocity) after v = momentum * v + g, params = params - lr * v.

    PyTorch's form of the heavy ball (Polyak 1964); velocity None is a ball at rest.
    momentum lies in [0, 1).
    """
    velocity = _next_velocity(params, grads, velocity, lr, momentum)
    return sgd_step(params, velocity, lr=lr), velocity


@torch.no_grad()
def nesterov_step(
    params: Tensors,
    grads: Tensors,
    velocity: Tensors | None = None,
    *,
    lr: float,
    momentum: float,
) -> tuple[Tensors, Tensors]:
    """Return (params, velocity): as momentum_step, but moved by g + momentum * v.

    PyTorch's form of Nesterov's method (Nesterov 1983; Sutskever et al. 2013).
    """
    velocity = _next_velocity(params, grads, velocity, lr, momentum)
    ahead = _map(partial(torch.add, alpha=momentum), grads, velocity)
    return sgd_step(params, ahead, lr=lr), velocity


@torch.no_grad()
def adam_step(
    params: Tensors,
    grads: Tensors,
    moments: Moments | None = None,
    *,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
) -> tuple[Tensors, Moments]:
    """Return (params, moments) after one step of Adam (Kingma, Ba 2015, algorithm 1).

    moments None starts both means at zero. Both betas lie in [0, 1), eps is >= 0.
    """
    beta1, beta2 = betas
    _check_range(lr=lr, eps=eps)
    _check_range(below=1, beta1=beta1, beta2=beta2)
    _check_tensors(params, grads=grads)
    _check_eps(params, eps)
    if moments is None:
        zeros = _map(torch.zeros_like, params)
        moments = Moments(zeros, zeros, num_steps=0)
    _check_tensors(params, mean=moments.mean, square=moments.square)

    mean = _map(lambda m, g: beta1 * m + (1 - beta1) * g, moments.mean, grads)
    square = _map(lambda s, g: beta2 * s + (1 - beta2) * g**2, moments.square, grads)
    num_steps = moments.num_steps + 1

    def update(param, m, s):
        unbiased_mean = m / (1 - beta1**num_steps)
        unbiased_square = s / (1 - beta2**num_steps)
        return param - lr * unbiased_mean / (unbiased_square.sqrt() + eps)

    return _map(update, params, mean, square), Moments(mean, square, num_steps)


@torch.no_grad()
def adamw_step(
    params: Tensors,
    grads: Tensors,
    moments: Moments | None = None,
    *,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> tuple[Tensors, Moments]:
    """Return (params, moments): params shrink by lr * weight_decay, then adam_step.

    The decay bypasses the moments (Loshchilov, Hutter 2019). weight_decay is >= 0.
    """
    _check_range(lr=lr, weight_decay=weight_decay)
    _check_tensors(params, grads=grads)
    decayed = _map(lambda param: param * (1 - lr * weight_decay), params)
    return adam_step(decayed, grads, moments, lr=lr, betas=betas, eps=eps)


@torch.no_grad()
def newton_step(
    params: Tensors,
    grads: Tensors,
    hessian: Tensor,
    *,
    lr: float = 1.0,
    damping: float | None = None,
) -> Tensors:
    """Return params - lr * (hessian + damping * I)^-1 grads.

    hessian (P, P) runs over the P numbers in params, flattened in order. A Hessian that
    is not positive definite is refused, for Newton's step would climb along its
    negative directions: pass a damping larger than minus its smallest eigenvalue
    (Levenberg 1944; Nocedal, Wright 2006, section 3.4). Raises ValueError for that,
    for a wrong shape, for nan or inf, and above NEWTON_LIMIT numbers.
    """
    damping = 0.0 if damping is None else damping
    _check_range(lr=lr, damping=damping)
    _check_tensors(params, grads=grads)
    found = _leaves(grads)
    grad = torch.cat([found[key].reshape(-1) for key in _leaves(params)])  # (P,)
    _check_hessian(hessian, grad)
    damped = hessian + damping * torch.eye(len(grad)).to(hessian)  # (P, P)
    _check_positive_definite(damped, damping)
    step = torch.linalg.solve(damped, grad)  # (P,)
    pieces = iter(step.split([param.numel() for param in _leaves(params).values()]))
    steps = _map(lambda param: next(pieces).reshape(param.shape), params)
    return sgd_step(params, steps, lr=lr)


@torch.no_grad()
def line_search_step(
    params: Tensors,
    loss_fn: Callable[[Tensors], Tensor | float],
    grads: Tensors,
    direction: Tensors | None = None,
    *,
    lr: float = 1.0,
    c: float = 1e-4,
    shrink: float = 0.5,
    max_tries: int = 50,
) -> tuple[Tensors, float]:
    """Return (params, lr) for the first learning rate that lowers the loss enough.

    Backtracking: lr, lr * shrink, ... (at most max_tries of them) until
    L(params + lr * d) <= L(params) + c * lr * g.d (Armijo 1966). A loss that is nan or
    inf is not low enough. direction d is -grads unless given. c and shrink lie between
    0 and 1. Raises ValueError if d does not descend (g.d >= 0), if the loss at params
    is not finite or no scalar, and RuntimeError if no learning rate will do.
    """
    _check_range(lr=lr)
    if not (0 < c < 1 and 0 < shrink < 1 and max_tries >= 1):
        got = f"got {c}, {shrink} and {max_tries}"
        raise ValueError(f"c, shrink must lie between 0 and 1, max_tries >= 1, {got}")
    _check_tensors(params, grads=grads)
    direction = _map(torch.neg, grads) if direction is None else direction
    _check_tensors(params, direction=direction)
    slope = _slope(grads, direction)
    start_loss = _scalar(loss_fn(params))
    if not math.isfinite(start_loss):
        raise ValueError(f"loss_fn(params) is {start_loss}: start where it is finite")
    for trial_lr in (lr * shrink**k for k in range(max_tries)):
        trial = _map(partial(torch.add, alpha=trial_lr), params, direction)
        loss = _scalar(loss_fn(trial))
        if math.isfinite(loss) and loss <= start_loss + c * trial_lr * slope:
            return trial, trial_lr
    raise RuntimeError(
        f"no lr from {lr:.3g} down to {trial_lr:.3g} lowers the loss enough: "
        "check that grads belongs to loss_fn, or stop, for params may be at a minimum"
    )


def _next_velocity(params, grads, velocity, lr, momentum) -> Tensors:
    """Return momentum * velocity + grads."""
    _check_range(lr=lr)
    _check_range(below=1, momentum=momentum)
    _check_tensors(params, grads=grads)
    if velocity is None:
        velocity = _map(torch.zeros_like, params)
    _check_tensors(params, velocity=velocity)
    return _map(lambda g, v: momentum * v + g, grads, velocity)


def _slope(grads: Tensors, direction: Tensors) -> float:
    """Return g.d, the change of the loss per unit of lr; ValueError if not negative."""
    slope = hessian.dot(*(list(_leaves(each).values()) for each in (grads, direction)))
    if not slope < 0:
        raise ValueError(
            f"direction does not descend: g.d is {slope:.3g} and must be negative "
            "(0 if the gradient is zero, positive if direction is the gradient itself)"
        )
    return slope


def _check_eps(params: Tensors, eps: float) -> None:
    """1e-8 is 0 in float16, and then a gradient of zero gives 0 / 0."""
    for key, param in _leaves(params).items():
        if eps and not torch.tensor(eps, dtype=param.dtype):
            raise ValueError(
                f"eps is {eps:g}, which is 0 in {param.dtype} "
                f"({_label('params', key)}): give 1e-4 or more, or params in float32"
            )


def _scalar(loss: Tensor | float) -> float:
    shape = torch.as_tensor(loss).shape
    if shape.numel() != 1:
        raise ValueError(f"loss_fn must return a scalar, got shape {tuple(shape)}")
    return float(loss)


def _map(function: Callable, tensors: Tensors, *others: Tensors) -> Tensors:
    """Return function(tensor, *others) for each tensor, in the structure of tensors."""
    trees = [_leaves(tree) for tree in (tensors, *others)]
    results = {key: function(*(tree[key] for tree in trees)) for key in trees[0]}
    if isinstance(tensors, Tensor):
        return results[None]
    return results if isinstance(tensors, dict) else list(results.values())


def _leaves(tensors: Tensors, name: str = "params") -> dict[Any, Tensor]:
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


def _check_range(*, below: float = math.inf, **numbers: float) -> None:
    for name, value in numbers.items():
        if not 0 <= value < below:
            raise ValueError(f"{name} must lie in [0, {below}), got {value}")


def _check_tensors(params: Tensors, **others: Tensors) -> None:
    """Raise unless params can be stepped and each of others matches it."""
    expected = _leaves(params)
    if not expected:
        raise ValueError("params holds no tensor: there is nothing to step")
    for key, param in expected.items():
        if not isinstance(param, Tensor) or not param.is_floating_point():
            kind = getattr(param, "dtype", type(param).__name__)
            label = _label("params", key)
            raise TypeError(f"{label} must be a floating-point tensor, got {kind}")
    for name, other in others.items():
        if other is None:
            raise ValueError(f"{name} is None: call loss.backward() first")
        found = _leaves(other, name)
        if found.keys() != expected.keys():
            raise ValueError(f"{name} has keys {[*found]}, but params {[*expected]}")
        for key, param in expected.items():
            _check_match(_label(name, key), found[key], param)


def _label(name: str, key: Any) -> str:
    return name if key is None else f"{name}[{key!r}]"


def _check_match(label: str, found: Tensor, param: Tensor) -> None:
    if not isinstance(found, Tensor):
        raise ValueError(f"{label} is {found}, no tensor: call loss.backward() first")
    if found.shape != param.shape or found.dtype != param.dtype:
        raise ValueError(
            f"{label} must be {param.dtype} of shape {tuple(param.shape)} to match, "
            f"got {found.dtype} of shape {tuple(found.shape)}"
        )


def _check_hessian(hessian: Tensor, grad: Tensor) -> None:
    """Raise ValueError unless hessian is a finite symmetric (P, P) for grad (P,)."""
    size = len(grad)
    if size > NEWTON_LIMIT:
        raise ValueError(
            f"Newton's step on {size:,} parameters needs a Hessian of {size**2:.1e} "
            f"entries and about {size**3:.1e} operations; the limit is {NEWTON_LIMIT:,}"
        )
    _check_match("hessian", hessian, grad.new_empty(size, size))
    if not hessian.isfinite().all():
        raise ValueError("hessian holds nan or inf")
    if (hessian - hessian.mT).abs().max() > 1e-3 * hessian.abs().max():
        raise ValueError("hessian is not symmetric")


def _check_positive_definite(damped: Tensor, damping: float) -> None:
    eigenvalues = torch.linalg.eigvalsh(damped)  # ascending
    rounding = len(damped) * torch.finfo(damped.dtype).eps * eigenvalues.abs().max()
    if eigenvalues[0] <= rounding:
        needed = max(damping - float(eigenvalues[0]), 0.0)
        raise ValueError(
            "hessian + damping * I is not positive definite (smallest eigenvalue "
            f"{eigenvalues[0]:.3g}, damping {damping:g}): Newton's step would not "
            f"descend; pass damping= above {needed:.3g}"
        )
