"""One step: what it would do before you take it.

`profile(model, loss_fn)` looks along the ray `θ + lr·d`, where d is minus the gradient
unless you name another direction, and puts the model back exactly as it was.
"""

import math
import weakref
from collections.abc import Callable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_utils.runtime import interrupts, progress, randomness
from course_utils.steps import directions, hessian, inputs, rays, unions
from course_utils.steps.standpoint import (
    Model,
    Standpoint,
    kept,
    name_of,
    trainable,
)

DIFFERENCE = "difference of gradients"


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
    loss_fn: Callable[..., Tensor],
    direction: directions.Direction = "gradient",
    *,
    batches: Sequence | None = None,
    show_progress: bool = False,
) -> "StepProfile":
    """What a step along `direction` would do to `loss_fn(model)`.

    model: an nn.Module, or a tensor or list of tensors that require a gradient.
    loss_fn: takes the model, returns a scalar tensor; it holds the batch. It must be a
        function of the parameters: asked twice at the same place it gives the same.
    direction: "gradient" (d = -g), "sign" (d = -sign(g)), "orthogonal" (each matrix
        with all its singular values made 1), tensors shaped like the trainable
        parameters, such as a momentum or a Newton direction, or a
        torch.optim.Optimizer: what its step() would add, with its memory, weight decay
        and hooks. Then lr counts multiples of the optimizer's own step.
    batches: a list of batches, for a set that does not fit in one; loss_fn is then
        called as loss_fn(model, batch), one batch at a time, and the loss is the mean
        over all rows: each batch counts by its size (the rows of its first tensor).

    The model runs in the mode it is in (train or eval), because that is the mode your
    own step would use. Every loss is computed from the same random state, so dropout
    drops the same units along the whole ray. Parameters, buffers, gradients, modes and
    the random states of torch, numpy and Python are left as they were, bit for bit,
    also when `loss_fn` raises or you interrupt it.

    Errors: TypeError for a complex or integer parameter; ValueError for no trainable
    parameter, a loss that is no finite scalar, depends on no parameter, or changes by
    itself, a gradient that is zero or not finite, or a direction of another shape.
    """
    return StepProfile(
        model, loss_fn, direction, batches=batches, show_progress=show_progress
    )


class StepProfile:
    """The loss along one ray. Make it with `profile`; see there."""

    def __init__(
        self, model, loss_fn, direction="gradient", *, batches=None, show_progress=False
    ):
        self.model, self.show_progress = model, show_progress
        self._parts = unions.of(loss_fn, batches)
        self._place = Standpoint(model, trainable(model))
        self._needs_gradients = self._has_own_functions = self._is_over = False
        self.hessian_method: str | None = None  # set once a curvature was asked for
        with self._at_start(), torch.enable_grad():
            self.loss, raw = self._loss_and_gradient()
            inputs.require_connected(raw, "loss_fn")
            self._after_forward = randomness.states(), self._place.buffers()
        states, _ = self._after_forward
        self._draws_numpy = not randomness.is_numpys_same(states, self._place.random)
        self._losses = {0.0: self._checked_look()}
        grads = [
            torch.zeros_like(param) if grad is None else hessian.dense(grad)
            for param, grad in zip(self._place.params, raw, strict=True)
        ]
        self.grad_norm = hessian.norm(grads)
        self._check_finite(grads)
        self._optimizer_step: directions.OptimizerStep | None = None
        if isinstance(direction, torch.optim.Optimizer):
            step = directions.OptimizerStep(direction, self._place, raw)
            self._optimizer_step, self.direction = step, step.direction
        else:
            self.direction = directions.along(direction, grads)
        self.is_gradient = isinstance(direction, str) and direction == "gradient"
        self.slope = hessian.dot(grads, self.direction)

    def losses(self, lrs) -> np.ndarray:
        """The true loss after one step of each size; not finite where it diverged."""
        lrs = inputs.lrs(lrs)
        new = [lr for lr in dict.fromkeys(lrs.tolist()) if lr not in self._losses]
        found = self._walk(new, self._loss, with_numpy=self._draws_numpy)
        self._losses |= zip(new, found, strict=True)
        return np.array([self._losses[lr] for lr in lrs.tolist()])

    def along(self, lrs, measure: Callable[[Model], object]) -> list:
        """`measure(model)` after one step of each size, without gradients."""
        return self._walk(inputs.lrs(lrs).tolist(), measure)

    def linear(self, lrs) -> np.ndarray:
        """The slope's promise, L + lr·g·d."""
        return self.loss + inputs.lrs(lrs) * self.slope

    def quadratic(self, lrs) -> np.ndarray:
        """The promise of slope and curvature, L + lr·g·d + ½ lr²·dᵀHd."""
        return self.linear(lrs) + 0.5 * inputs.lrs(lrs) ** 2 * self.curvature

    def promise(self, measure: Callable[[Model], Tensor]) -> float:
        """What the slope of another scalar promises: its gradient times d.

        A step of learning rate lr is promised to change measure(model) by lr times
        this. measure: takes the model, returns a scalar tensor with a gradient.
        """
        self._check_is_here()
        with self._at_start(), torch.enable_grad():
            value = inputs.loss(measure(self.model), "measure")
            return hessian.dot(
                hessian.gradient(value, self._place.params), self.direction
            )

    def report(self, lr: float) -> StepReport:
        """One step of `lr` in numbers; `str(report)` says it in words."""
        (after,) = self.losses([lr])
        return StepReport(float(lr), self.loss, float(after), float(lr) * self.slope)

    def take_(self, lr: float) -> float:
        """Take the step for good and return the new loss. The profile is over.

        What one forward pass leaves behind stays: new dropout masks are drawn next
        time, batch norm has seen the batch, and an optimizer given as direction
        remembers the step. So `profile(...).take_(lr)` in a loop is a training loop.
        """
        (lr,) = inputs.lrs([lr]).tolist()
        self._check_is_here()
        (after,) = self.losses([lr])
        states, buffers = self._after_forward
        with interrupts.held():
            self._is_over = True
            self._place.move(lr, self.direction)
            self._place.restore_buffers(buffers)
            if randomness.are_same(randomness.states(), self._place.random):
                randomness.restore(states)
            if self._optimizer_step is not None:
                self._optimizer_step.keep()
        return float(after)

    @cached_property
    def best_lr(self) -> float:
        """The lowest point of the ray, among the sizes up to twice the break-even.

        Given no finer than the minimum is sharp: where neighbors have the same loss to
        the precision of the arithmetic, the digits between them are left out.
        """
        return self._ray.lowest()

    @cached_property
    def break_even_lr(self) -> float:
        """Where this one step stops helping: the ray crosses its start again.

        Infinite where it never does, 0 where the direction does not descend. Further
        out a network's loss may fall again; and sizes that double are looked at, so a
        short hump before the first of them that is past the start is not seen.
        """
        return self._ray.crossing()

    @cached_property
    def curvature(self) -> float:
        """dᵀHd, how fast the slope along the ray changes at the start."""
        return self._second_order

    @cached_property
    def stable_lr(self) -> float | None:
        """2 / λmax: where REPEATED steps along -g start to grow; no limit for one step.

        Infinite where the loss curves up in no direction (λmax ≤ 0); None for another
        direction than the gradient's.
        """
        if not self.is_gradient:
            return None
        _ = self._second_order  # finds out by which method
        if self.hessian_method == DIFFERENCE:
            times = self._by_differences()
            largest = hessian.largest_eigenvalue(times, self._place.start)
        else:
            with self._at_start(), torch.enable_grad():
                times = self._exact()
                largest = hessian.largest_eigenvalue(times, self._place.start)
        return 2 / largest if largest > 0 else math.inf

    @cached_property
    def _second_order(self) -> float:
        """dᵀHd, exact where autograd can, else by gradient differences.

        Any failure of the second backward pass leads to differences. Where a function
        written in Python is in the graph, which may drop its second derivative
        silently, the two are compared.
        """
        self._check_is_here()
        product, self.hessian_method = None, "exact"
        with suppress(Exception), self._at_start(), torch.enable_grad():
            product = self._exact()(self.direction)
        if product is None or (self._has_own_functions and not self._is_near(product)):
            self.hessian_method = DIFFERENCE
            product = self._by_differences()(self.direction)
        return hessian.dot(self.direction, product)

    def _is_near(self, product: list[Tensor]) -> bool:
        """Is it what a difference of gradients gives, too?"""
        other = self._by_differences()(self.direction)
        error = hessian.norm([a - b for a, b in zip(product, other, strict=True)])
        return error <= 0.1 * hessian.norm(other)

    def _exact(self) -> hessian.Product:
        """v to Hv, from the graph of the loss, or of one batch after the other."""

        def of(part) -> hessian.Product:
            loss = part(self.model)
            self._has_own_functions |= hessian.has_own_functions(loss)
            return hessian.exact_product(loss, self._place.params)

        if len(self._parts) == 1:
            return of(self._parts[0][1])
        return lambda vector: unions.weighted(
            self._parts, (of(part)(vector) for _, part in self._parts)
        )

    def _by_differences(self) -> hessian.Product:
        return hessian.difference_product(self._gradient_at, self._place.start)

    def _gradient_at(self, direction: list[Tensor], size: float) -> list[Tensor]:
        with self._place.visits() as go, torch.enable_grad():
            go(size, direction)
            grads = (
                hessian.gradient(part(self.model), self._place.params)
                for _, part in self._parts
            )
            return unions.weighted(self._parts, grads)

    def _loss_and_gradient(self) -> tuple[float, list[Tensor | None]]:
        """At the start; the gradient as backward() would leave it."""
        losses: list[float] = []

        def gradients():
            for _, part in self._parts:
                loss = inputs.loss(part(self.model), "loss_fn")
                losses.append(loss.item())
                self._eps = max(
                    torch.finfo(each.dtype).eps for each in (loss, *self._place.params)
                )
                yield hessian.raw_gradient(loss, self._place.params)

        grads = unions.weighted(self._parts, gradients())
        weights = (weight for weight, _ in self._parts)
        return sum(w * x for w, x in zip(weights, losses, strict=True)), grads

    def _loss(self, model: Model) -> float:
        """The loss where the model stands, in float64 over the batches."""
        return sum(weight * part(model).item() for weight, part in self._parts)

    def _checked_look(self) -> float:
        """The loss at lr 0, in the way the ray looks; it must be that of the start.

        Without gradients, which is faster, unless the loss needs them or is another.
        """
        looks = []
        for self._needs_gradients in (False, True):
            try:
                (look,) = self._walk([0.0], self._loss)
            except Exception:
                if self._needs_gradients:
                    raise
                continue
            if abs(look - self.loss) <= self._eps**0.6 * abs(self.loss) + 1e-30:
                return look
            looks.append(look)
        raise ValueError(
            f"the loss changes by itself: {self.loss:.6g} and then {looks[-1]:.6g} "
            "with the same parameters. Fix the batch before profile (no next(loader) "
            "inside loss_fn), draw noise once, and let the model keep no state between "
            "calls"
        )

    def _check_finite(self, grads: list[Tensor]) -> None:
        if math.isfinite(self.grad_norm):
            return
        for param, grad in zip(self._place.params, grads, strict=True):
            if not grad.isfinite().all():
                raise ValueError(
                    f"the gradient of {name_of(self.model, param)} is not finite at "
                    "the start, though the loss is: look for a division by zero, a "
                    "root or a logarithm of 0, or a number too large for the dtype"
                )

    @cached_property
    def _ray(self) -> rays.Ray:
        profile = weakref.ref(self)  # no circle: del frees the tensors at once

        def loss_at(lr: float) -> float:
            return float(profile().losses([lr])[0])  # type: ignore[union-attr]

        return rays.scan(loss_at, self.loss, self.slope, self._eps)

    def _walk(self, lrs, measure, *, with_numpy: bool = True) -> list:
        """`measure(model)` at each size, then everything as it was."""
        self._check_is_here()
        results: list[Any] = []
        bar_of = progress.bar(len(lrs), "steps", is_shown=self.show_progress)
        with (
            torch.set_grad_enabled(self._needs_gradients),
            self._place.visits(with_numpy=with_numpy) as go,
            bar_of as bar,
        ):
            for lr in lrs:
                go(lr, self.direction if lr else self._place.start)
                results.append(kept(measure(self.model)))
                bar.update()
        return results

    @contextmanager
    def _at_start(self):
        """At the start, from its random state; then everything as it was."""
        with self._place.visits() as go:
            go(0, self._place.start)
            yield

    def _check_is_here(self) -> None:
        """The profile describes one point; the model must still stand there."""
        if self._is_over:
            raise RuntimeError("take_ has ended this profile: make a new one")
        if self._place.has_moved():
            raise RuntimeError(
                "the model has moved since this profile was made: make a new one"
            )
