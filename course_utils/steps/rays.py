"""One number along a ray: where it is lowest, and where it is back at its start.

Plain numbers only: `loss_at(lr)` is any function, finite or not.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Loss = Callable[[float], float]
FIRST = 1e-3  # the share of the loss that the slope promises for the first size
HUMP_SIZES = 50  # looked at where the loss rose and fell again, at most twice
LONGEST = 100  # sizes after which a ray counts as never back at its start


@dataclass(frozen=True)
class Ray:
    """Sizes from 0 that double until the loss is past its start, and their losses.

    loss_at: with a large number in place of one that is not finite. eps: how finely a
    loss is computed, relative to it.
    """

    loss_at: Loss
    lrs: np.ndarray
    losses: np.ndarray
    eps: float

    def lowest(self) -> float:
        """The lowest point, no finer than its loss can be told from its neighbors'."""
        from scipy.optimize import minimize_scalar  # half a second to import

        i = int(np.nanargmin(self.losses))
        if i == 0:
            return 0.0
        low, high = self.lrs[i - 1], self.lrs[min(i + 1, len(self.lrs) - 1)]
        finest = 1e-3 * self.lrs[i]
        found = minimize_scalar(
            self.loss_at,
            bounds=(low, high),
            method="bounded",
            options={"xatol": finest},
        )
        best, loss = self.lrs[i], self.losses[i]
        if found.fun < loss:
            best, loss = found.x, found.fun
        sharp = _sharpness(
            (low, best, high), (self.losses[i - 1], loss, self.loss_at(high))
        )
        noise = 4 * self.eps * max(abs(loss), abs(self.losses[0]))
        blur = math.sqrt(2 * noise / sharp) if sharp > 0 else 0.0
        return _rounded(float(best), max(blur, finest))

    def crossing(self) -> float:
        """Where the loss is back at its start; infinite where it never is."""
        from scipy.optimize import brentq

        start = self.losses[0]
        if len(self.lrs) == 1:
            return 0.0
        if self.losses[-1] < start:
            return math.inf
        low, high = self.lrs[-2:]
        share = brentq(  # in shares of the gap: brentq's tolerance is absolute
            lambda t: self.loss_at(low + t * (high - low)) - start, 0, 1, xtol=1e-4
        )
        return float(low + share * (high - low))


def scan(loss_at: Loss, before: float, slope: float, eps: float) -> Ray:
    """Look along a ray that starts at the loss `before` with this slope."""
    ceiling = before + 1e3 * (abs(before) or 1.0)

    def finite(lr: float) -> float:
        loss = loss_at(lr)
        return min(loss, ceiling) if math.isfinite(loss) else ceiling

    lrs, losses, humps = [0.0], [before], 0

    def look(sizes) -> None:
        for lr in sizes:
            if len(lrs) == 1 or losses[-1] < before:
                lrs.append(float(lr))
                losses.append(finite(lr))

    if slope < 0:
        look(_first(finite, before, slope, eps))
    while len(lrs) > 1 and losses[-1] < before and len(lrs) < LONGEST:
        look([2 * lrs[-1]])
        if losses[-3] < losses[-2] > losses[-1] and humps < 2:
            humps += 1
            low, high = lrs[-3], lrs[-1]
            del lrs[-2:], losses[-2:]
            look(np.linspace(low, high, HUMP_SIZES)[1:])
    return Ray(finite, np.array(lrs), np.array(losses), eps)


def _first(finite: Loss, before: float, slope: float, eps: float) -> list[float]:
    """A small size at which the loss is lower, in a list; nothing where none is found.

    Where arithmetic is coarse, small steps do not show, and larger ones are tried.
    """
    share = max(FIRST, 16 * eps)
    lr = share * max(abs(before), 1e-12) / -slope
    smaller = (lr / 16**k for k in range(26))
    larger = (lr * 4**k for k in range(1, 11))
    unchanged = 0
    for size in smaller:
        loss = finite(size)
        if loss < before:
            return [size]
        unchanged += loss == before
        if unchanged == 2:
            break
    return [size for size in larger if finite(size) < before][:1]


def _sharpness(x, y) -> float:
    """The second derivative of the parabola through three points."""
    (a, b, c), (p, q, r) = x, y
    if not a < b < c:
        return 0.0
    return 2 * ((r - q) / (c - b) - (q - p) / (b - a)) / (c - a)


def _rounded(value: float, blur: float) -> float:
    """Without the digits that are finer than the blur; one digit stays."""
    places = -math.floor(math.log10(min(blur, abs(value))))
    return round(value, places)
