"""One step: what it would do before you take it.

`profile(model, loss_fn)` looks along the ray `θ + lr·d`, where d is minus the gradient
unless you name another direction, and puts the model back exactly as it was.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.optimize import brentq, minimize_scalar
from torch import Tensor, nn

from course_utils import hessian, interrupts, progress

Model = nn.Module | Tensor | Sequence[Tensor]


@dataclass(frozen=True)
class StepReport:
    """What one step of `lr` does to the loss.

    before, after: the loss at the start and after the step.
    promised: the change that the slope promises, lr·g·d.
    actual: the change that happened, after - before.
    """

    lr: float
    before: float
    after: float
    promised: float

    @property
    def actual(self) -> float:
        return self.after - self.before

    def __str__(self):
        start = f"Learning rate {self.lr:.2g}: the loss goes from {self.before:.3g} "
        if not math.isfinite(self.after):
            return start + "to no finite number (diverged)."
        return start + (
            f"to {self.after:.3g}, a change of {self.actual:+.2g}; "
            f"the slope promised {self.promised:+.2g}."
        )


def profile(
    model: Model,
    loss_fn: Callable[[Model], Tensor],
    direction: str | Sequence[Tensor] = "gradient",
    *,
    show_progress: bool = False,
) -> "StepProfile":
    """What a step along `direction` would do to `loss_fn(model)`.

    model: an nn.Module, or a tensor or list of tensors that require a gradient.
    loss_fn: takes the model, returns a scalar tensor; it holds the batch.
    direction: "gradient" (d = -g), "sign" (d = -sign(g)) or tensors shaped like the
        trainable parameters, such as a momentum or a Newton direction.

    The model runs in the mode it is in (train or eval), because that is the mode your
    own step would use. Every loss is computed from the same random state, so dropout
    drops the same units along the whole ray. Parameters, buffers, gradients and the
    random state are left as they were, bit for bit, also when `loss_fn` raises
    or you interrupt it.

    Errors: TypeError for a complex or integer parameter; ValueError for no trainable
    parameter, a loss that is no finite scalar or depends on no parameter, a zero
    gradient, or a direction of another shape.
    """
    return StepProfile(model, loss_fn, direction, show_progress=show_progress)


class StepProfile:
    """The loss along one ray. Make it with `profile`; see there."""

    def __init__(self, model, loss_fn, direction="gradient", *, show_progress=False):
        self.model, self.loss_fn, self.show_progress = model, loss_fn, show_progress
        self._params = _trainable(model)
        self._buffers = list(model.buffers()) if isinstance(model, nn.Module) else []
        self._start = [p.detach().clone() for p in self._params]
        self._random_state = torch.get_rng_state()
        self._losses: dict[float, float] = {}
        self._is_over = False
        self.hessian_method: str | None = None  # set once a curvature was asked for
        with self._at(0, self._start):
            loss = _checked_loss(loss_fn(model))
            self.loss = loss.item()
            grads = hessian.gradient(loss, self._params)
        self.grad_norm = hessian.norm(grads)
        self.direction = _direction(direction, grads)
        self.is_gradient = isinstance(direction, str) and direction == "gradient"
        self.slope = hessian.dot(grads, self.direction)

    def losses(self, lrs) -> np.ndarray:
        """The true loss after one step of each size; not finite where it diverged."""
        lrs = _checked_lrs(lrs)
        new = [lr for lr in dict.fromkeys(lrs.tolist()) if lr not in self._losses]
        self._losses |= zip(new, map(float, self._walk(new, self.loss_fn)), strict=True)
        return np.array([self._losses[lr] for lr in lrs.tolist()])

    def along(self, lrs, measure: Callable[[Model], object]) -> list:
        """`measure(model)` after one step of each size, without gradients."""
        return self._walk(_checked_lrs(lrs).tolist(), measure)

    def linear(self, lrs) -> np.ndarray:
        """The slope's promise, L + lr·g·d."""
        return self.loss + _checked_lrs(lrs) * self.slope

    def quadratic(self, lrs) -> np.ndarray:
        """The promise of slope and curvature, L + lr·g·d + ½ lr²·dᵀHd."""
        return self.linear(lrs) + 0.5 * _checked_lrs(lrs) ** 2 * self.curvature

    def report(self, lr: float) -> StepReport:
        """One step of `lr` in numbers; `str(report)` says it in words."""
        (after,) = self.losses([lr])
        return StepReport(float(lr), self.loss, float(after), float(lr) * self.slope)

    def take_(self, lr: float) -> float:
        """Take the step for good and return the new loss. The profile is over."""
        (lr,) = _checked_lrs([lr]).tolist()
        self._check_is_here()
        (after,) = self.losses([lr])
        with interrupts.held():
            self._move(lr, self.direction)
            self._is_over = True
        return float(after)

    @cached_property
    def best_lr(self) -> float:
        """The lowest point of the ray, among the sizes up to twice the break-even."""
        lrs, losses = self._scan
        lowest = int(np.nanargmin(losses))
        if lowest == 0:
            return 0.0
        low, high = lrs[lowest - 1], lrs[min(lowest + 1, len(lrs) - 1)]
        found = minimize_scalar(
            self._finite_loss,
            bounds=(low, high),
            method="bounded",
            options={"xatol": 1e-3 * lrs[lowest]},
        )
        return float(found.x if found.fun < losses[lowest] else lrs[lowest])

    @cached_property
    def break_even_lr(self) -> float:
        """Where this one step stops helping: the ray crosses its start again.

        Infinite where it never does, 0 where the direction does not descend. It is
        the first crossing; further out a network's loss may fall again.
        """
        lrs, losses = self._scan
        if losses[-1] < self.loss:
            return math.inf
        if len(lrs) == 1:
            return 0.0
        return float(
            brentq(lambda lr: self._finite_loss(lr) - self.loss, *lrs[-2:], rtol=1e-4)
        )

    @cached_property
    def curvature(self) -> float:
        """dᵀHd, how fast the slope along the ray changes at the start."""
        return self._with_hessian(
            lambda times: hessian.dot(self.direction, times(self.direction))
        )

    @cached_property
    def stable_lr(self) -> float | None:
        """2 / λmax: where REPEATED steps along -g start to grow; no limit for one step.

        Infinite where the loss curves up in no direction (λmax ≤ 0); None for another
        direction than the gradient's.
        """
        if not self.is_gradient:
            return None
        largest = self._with_hessian(
            lambda times: hessian.largest_eigenvalue(times, self._start)
        )
        return 2 / largest if largest > 0 else math.inf

    def _with_hessian(self, use: Callable) -> float:
        """`use(v to Hv)`, exact where autograd can, else by gradient differences."""
        self._check_is_here()
        try:
            with self._at(0, self._start):
                loss = self.loss_fn(self.model)
                found = use(hessian.exact_product(loss, self._params))
            self.hessian_method = "exact"
        except RuntimeError as error:
            if "not implemented" not in str(error):
                raise
            found = use(hessian.difference_product(self._gradient_at, self._start))
            self.hessian_method = "difference of gradients"
        return found

    def _gradient_at(self, direction: list[Tensor], size: float) -> list[Tensor]:
        with self._at(size, direction):
            return hessian.gradient(self.loss_fn(self.model), self._params)

    @cached_property
    def _scan(self) -> tuple[np.ndarray, np.ndarray]:
        """Sizes that double until the loss is past its start, and their losses."""
        if self.slope >= 0:
            return np.zeros(1), np.array([self.loss])
        lr = 1e-3 * max(abs(self.loss), 1e-12) / -self.slope
        while self._finite_loss(lr) >= self.loss and lr > 1e-30:
            lr /= 16
        lrs = [0.0, lr]
        while self._finite_loss(lrs[-1]) < self.loss and len(lrs) < 80:
            lrs.append(2 * lrs[-1])
        return np.array(lrs), np.array([self._finite_loss(lr) for lr in lrs])

    def _finite_loss(self, lr: float) -> float:
        """The loss, with a large number in place of one that is not finite."""
        (loss,) = self.losses([lr])
        ceiling = self.loss + 1e3 * (1 + abs(self.loss))
        return min(loss, ceiling) if math.isfinite(loss) else ceiling

    def _walk(self, lrs, measure) -> list:
        """`measure(model)` at each size, then everything as it was."""
        self._check_is_here()
        results = []
        bar_of = progress.bar(len(lrs), "steps", is_shown=self.show_progress)
        with torch.no_grad(), self._restored() as move_to, bar_of as bar:
            for lr in lrs:
                move_to(lr, self.direction)
                result = measure(self.model)
                results.append(
                    result.detach().clone() if isinstance(result, Tensor) else result
                )
                bar.update()
        return results

    @contextmanager
    def _restored(self):
        """Gives `move_to(lr, direction)`; on leaving, puts everything back."""
        buffers = [b.detach().clone() for b in self._buffers]

        def move_to(lr: float, direction: list[Tensor]) -> None:
            torch.set_rng_state(self._random_state)
            for buffer, old in zip(self._buffers, buffers, strict=True):
                buffer.data.copy_(old)
            self._move(lr, direction)

        random_state = torch.get_rng_state()
        try:
            yield move_to
        finally:
            with interrupts.held():
                move_to(0, self._start)
                torch.set_rng_state(random_state)

    @contextmanager
    def _at(self, lr: float, direction: list[Tensor]):
        """The model moved by lr·direction, from the random state of the start."""
        with self._restored() as move_to:
            move_to(lr, direction)
            yield

    def _move(self, lr: float, direction: list[Tensor]) -> None:
        """params = start + lr·direction, as optim.SGD computes it.

        Through `.data`, so that a graph the learner still holds stays valid.
        """
        for param, start, d in zip(self._params, self._start, direction, strict=True):
            if lr:
                torch.add(start, d, alpha=lr, out=param.data)
            else:
                param.data.copy_(start)

    def _check_is_here(self) -> None:
        """The profile describes one point; the model must still stand there."""
        if self._is_over:
            raise RuntimeError("take_ has ended this profile: make a new one")
        if not all(map(torch.equal, self._params, self._start)):
            raise RuntimeError(
                "the model has moved since this profile was made: make a new one"
            )


def _trainable(model: Model) -> list[Tensor]:
    """The model's trainable parameters, tied ones once."""
    if isinstance(model, nn.Module):
        params: list[Tensor] = list(model.parameters())
    else:
        params = [model] if isinstance(model, Tensor) else list(model)
    for param in params:
        if not isinstance(param, Tensor):
            raise TypeError(f"model holds a {type(param).__name__}: give tensors")
        if not isinstance(model, nn.Module) or param.requires_grad:
            if not param.is_floating_point():
                raise TypeError(
                    f"a parameter of model has dtype {param.dtype}: "
                    "a step needs real floating-point numbers (use .float())"
                )
    params = list(dict.fromkeys(p for p in params if p.requires_grad))
    if not params:
        raise ValueError(
            "model has no trainable parameter: call requires_grad_(True) on one"
        )
    return params


def _checked_loss(loss) -> Tensor:
    if not isinstance(loss, Tensor):
        raise TypeError(
            f"loss_fn returned a {type(loss).__name__}: return a scalar tensor"
        )
    if loss.numel() != 1:
        raise ValueError(
            f"loss_fn returned shape {tuple(loss.shape)}: reduce it to one number, "
            "for example with .mean()"
        )
    if not loss.requires_grad:
        raise ValueError(
            "loss_fn depends on no trainable parameter: compute it from the model it "
            "is given, without detach() or no_grad()"
        )
    if not torch.isfinite(loss):
        raise ValueError(
            f"the loss is {loss.item()} at the start: look for bad inputs or "
            "parameters before you take a step"
        )
    return loss.reshape(())


def _direction(direction, grads: list[Tensor]) -> list[Tensor]:
    """The tensors to step along."""
    if isinstance(direction, str):
        if direction not in ("gradient", "sign"):
            raise ValueError(
                f'direction is {direction!r}: give "gradient", "sign" or tensors'
            )
        if not any(g.any() for g in grads):
            raise ValueError(
                "the gradient is zero: no step changes the loss to first order; start "
                "somewhere else, or give direction= tensors of your own"
            )
        return [-g if direction == "gradient" else -g.sign() for g in grads]
    given = [direction] if isinstance(direction, Tensor) else list(direction)
    if [d.shape for d in given] != [g.shape for g in grads]:
        raise ValueError(
            f"direction has shapes {[tuple(d.shape) for d in given]}: the trainable "
            f"parameters have {[tuple(g.shape) for g in grads]}"
        )
    return [d.detach().to(g.dtype) for d, g in zip(given, grads, strict=True)]


def _checked_lrs(lrs) -> np.ndarray:
    lrs = np.asarray(lrs, dtype=float)
    if lrs.ndim != 1:
        raise ValueError(f"lrs has shape {lrs.shape}: give a list of learning rates")
    if not (np.isfinite(lrs).all() and (lrs >= 0).all()):
        raise ValueError(
            "lr must be finite and not negative: the sign is in the direction"
        )
    return lrs
