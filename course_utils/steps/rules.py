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
from typing import NamedTuple

import torch
from torch import Tensor

from course_utils.steps import hessian, tensors
from course_utils.steps.tensors import Tensors

NEWTON_LIMIT = 2_000  # parameters; a Hessian of that size takes seconds to solve


class Moments(NamedTuple):
    """What Adam remembers."""

    mean: Tensors  # decaying mean of the gradients
    square: Tensors  # decaying mean of their squares
    num_steps: int  # steps taken so far


@torch.no_grad()
def sgd_step(params: Tensors, grads: Tensors, *, lr: float) -> Tensors:
    """Return params - lr * grads (Cauchy 1847; on minibatches, Robbins, Monro 1951)."""
    tensors.check_range(lr=lr)
    tensors.check_match(params, grads=grads)
    return tensors.apply(partial(torch.add, alpha=-lr), params, grads)


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
def heavy_ball_step(
    params: Tensors,
    grads: Tensors,
    velocity: Tensors | None = None,
    *,
    lr: float,
    momentum: float,
) -> tuple[Tensors, Tensors]:
    """Return (params, velocity) after v = momentum * v + lr * g, params = params - v.

    The other common form (Polyak 1964): the learning rate is inside the velocity, so
    that a change of it leaves the old speed as it is.
    """
    tensors.check_match(params, grads=grads)
    pushed = tensors.apply(lambda g: lr * g, grads)
    velocity = _next_velocity(params, pushed, velocity, lr, momentum)
    return sgd_step(params, velocity, lr=1.0), velocity


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
    ahead = tensors.apply(partial(torch.add, alpha=momentum), grads, velocity)
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
    tensors.check_range(lr=lr, eps=eps)
    tensors.check_range(below=1, beta1=beta1, beta2=beta2)
    tensors.check_match(params, grads=grads)
    _check_eps(params, eps)
    if moments is None:
        zeros = tensors.apply(torch.zeros_like, params)
        moments = Moments(zeros, zeros, num_steps=0)
    tensors.check_match(params, mean=moments.mean, square=moments.square)

    mean = tensors.apply(lambda m, g: beta1 * m + (1 - beta1) * g, moments.mean, grads)
    square = tensors.apply(
        lambda s, g: beta2 * s + (1 - beta2) * g**2, moments.square, grads
    )
    num_steps = moments.num_steps + 1

    def update(param, m, s):
        unbiased_mean = m / (1 - beta1**num_steps)
        unbiased_square = s / (1 - beta2**num_steps)
        return param - lr * unbiased_mean / (unbiased_square.sqrt() + eps)

    return tensors.apply(update, params, mean, square), Moments(mean, square, num_steps)


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
    tensors.check_range(lr=lr, weight_decay=weight_decay)
    tensors.check_match(params, grads=grads)
    decayed = tensors.apply(lambda param: param * (1 - lr * weight_decay), params)
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
    tensors.check_range(lr=lr, damping=damping)
    tensors.check_match(params, grads=grads)
    found = tensors.leaves(grads)
    grad = torch.cat([found[key].reshape(-1) for key in tensors.leaves(params)])  # (P,)
    _check_hessian(hessian, grad)
    damped = hessian + damping * torch.eye(len(grad)).to(hessian)  # (P, P)
    _check_positive_definite(damped, damping)
    step = torch.linalg.solve(damped, grad)  # (P,)
    pieces = iter(
        step.split([param.numel() for param in tensors.leaves(params).values()])
    )
    steps = tensors.apply(lambda param: next(pieces).reshape(param.shape), params)
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
    tensors.check_range(lr=lr)
    if not (0 < c < 1 and 0 < shrink < 1 and max_tries >= 1):
        got = f"got {c}, {shrink} and {max_tries}"
        raise ValueError(f"c, shrink must lie between 0 and 1, max_tries >= 1, {got}")
    tensors.check_match(params, grads=grads)
    direction = tensors.apply(torch.neg, grads) if direction is None else direction
    tensors.check_match(params, direction=direction)
    slope = _slope(grads, direction)
    start_loss = _scalar(loss_fn(params))
    if not math.isfinite(start_loss):
        raise ValueError(f"loss_fn(params) is {start_loss}: start where it is finite")
    for trial_lr in (lr * shrink**k for k in range(max_tries)):
        trial = tensors.apply(partial(torch.add, alpha=trial_lr), params, direction)
        loss = _scalar(loss_fn(trial))
        if math.isfinite(loss) and loss <= start_loss + c * trial_lr * slope:
            return trial, trial_lr
    raise RuntimeError(
        f"no lr from {lr:.3g} down to {trial_lr:.3g} lowers the loss enough: "
        "check that grads belongs to loss_fn, or stop, for params may be at a minimum"
    )


def _next_velocity(params, grads, velocity, lr, momentum) -> Tensors:
    """Return momentum * velocity + grads."""
    tensors.check_range(lr=lr)
    tensors.check_range(below=1, momentum=momentum)
    tensors.check_match(params, grads=grads)
    if velocity is None:
        velocity = tensors.apply(torch.zeros_like, params)
    tensors.check_match(params, velocity=velocity)
    return tensors.apply(lambda g, v: momentum * v + g, grads, velocity)


def _slope(grads: Tensors, direction: Tensors) -> float:
    """Return g.d, the change of the loss per unit of lr; ValueError if not negative."""
    slope = hessian.dot(
        *(list(tensors.leaves(each).values()) for each in (grads, direction))
    )
    if not slope < 0:
        raise ValueError(
            f"direction does not descend: g.d is {slope:.3g} and must be negative "
            "(0 if the gradient is zero, positive if direction is the gradient itself)"
        )
    return slope


def _check_eps(params: Tensors, eps: float) -> None:
    """1e-8 is 0 in float16, and then a gradient of zero gives 0 / 0."""
    for key, param in tensors.leaves(params).items():
        if eps and not torch.tensor(eps, dtype=param.dtype):
            raise ValueError(
                f"eps is {eps:g}, which is 0 in {param.dtype} "
                f"({tensors.label('params', key)}): give 1e-4 or more, or float32"
            )


def _scalar(loss: Tensor | float) -> float:
    shape = torch.as_tensor(loss).shape
    if shape.numel() != 1:
        raise ValueError(f"loss_fn must return a scalar, got shape {tuple(shape)}")
    return float(loss)


def _check_hessian(hessian: Tensor, grad: Tensor) -> None:
    """Raise ValueError unless hessian is a finite symmetric (P, P) for grad (P,)."""
    size = len(grad)
    if size > NEWTON_LIMIT:
        raise ValueError(
            f"Newton's step on {size:,} parameters needs a Hessian of {size**2:.1e} "
            f"entries and about {size**3:.1e} operations; the limit is {NEWTON_LIMIT:,}"
        )
    tensors.check_pair("hessian", hessian, grad.new_empty(size, size))
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
