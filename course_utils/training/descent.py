"""Many steps on a surface, with any rule."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral

import torch
from torch import Tensor

from course_utils.steps.surfaces import Surface


@dataclass(frozen=True)
class Trajectory:
    """Where a run of steps went.

    points: the start and the point after each step, (S + 1, P).
    losses: the loss at each of them, (S + 1,).
    diverged_at: the number of the step whose result was no longer finite, and with
        which the run stopped; None if every step was.
    """

    points: Tensor
    losses: Tensor
    diverged_at: int | None = None

    @property
    def num_steps(self) -> int:
        """Steps taken with a finite result."""
        return len(self.losses) - 1


def descend(surface: Surface, start, rule: Callable, num_steps: int) -> Trajectory:
    """Follow `rule` down `surface` for `num_steps` steps, or until it diverges.

    start: P numbers. rule: called as rule(params, grads, *state); it returns params,
    or (params, state), and gets that state at the next step. See `rules`.

    Errors: ValueError where num_steps is negative or the start is not P finite
    numbers with a finite loss, TypeError where num_steps is no whole number.
    """
    if isinstance(num_steps, bool) or not isinstance(num_steps, Integral):
        raise TypeError(f"num_steps is {num_steps!r}: give a whole number")
    if num_steps < 0:
        raise ValueError(f"num_steps is {num_steps}: give 0 or more")
    params = torch.as_tensor(start, dtype=torch.float64).detach().clone()
    count = len(surface.start)
    if params.shape != (count,) or not _is_finite(params, surface(params)):
        many = "one number" if count == 1 else "two numbers"
        raise ValueError(f"start is {start!r}: give {many} with a finite loss")
    points, losses, diverged_at = [params], [surface(params)], None
    state: list = []  # what the rule remembers
    for step in range(1, num_steps + 1):
        result = rule(params, surface.gradient(params), *state)
        params, *state = result if isinstance(result, tuple) else (result,)
        loss = surface(params)
        if not _is_finite(params, loss):
            diverged_at = step
            break
        points.append(params)
        losses.append(loss)
    return Trajectory(torch.stack(points), torch.stack(losses), diverged_at)


def _is_finite(params: Tensor, loss: Tensor) -> bool:
    return bool(torch.isfinite(params).all() and torch.isfinite(loss))
