"""Losses of one or two parameters, with exact gradient, Hessian and minima.

This module knows nothing of data, models or pictures. Shapes: `...` stands for any
leading axes, P for the number of parameters, 1 or 2.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

Point = tuple[float, ...]  # P numbers


@dataclass(frozen=True)
class Surface:
    """A loss of few parameters: `surface(params)`, params (..., P), loss (...).

    Any floating-point dtype goes in and the same comes out; autograd may pass through.
    Where the loss overflows the value is inf or nan, not an error. Raises TypeError
    if params is no floating-point tensor, ValueError if its last axis is not P.
    """

    name: str
    loss_at: Callable = field(repr=False)  # (x, y) -> loss; with one parameter (x)
    gradient_at: Callable = field(repr=False)  # (x, y) -> d/dx, d/dy
    hessian_at: Callable = field(repr=False)  # (x, y) -> d2/dx2, d2/dxdy, d2/dy2
    minima: tuple[Point, ...]  # every local minimum; () if there is none
    bounds: tuple[Point, ...]  # (x0, x1), (y0, y1): what is worth drawing
    start: Point  # a good place to start a descent
    eigenvalues: Point | None = None  # of a constant Hessian, smallest first
    family: str = (
        ""  # the name of its formula in playground.js; "" if it has none there
    )
    constants: Point = ()  # the numbers in that formula

    def __call__(self, params: Tensor) -> Tensor:
        """Return the loss (...) at params (..., P)."""
        return self.loss_at(*self._split(params))

    def gradient(self, params: Tensor) -> Tensor:
        """Return the gradient (..., P) at params (..., P), by formula."""
        return torch.stack(self.gradient_at(*self._split(params)), dim=-1)

    def hessian(self, params: Tensor) -> Tensor:
        """Return the Hessian (..., P, P) at params (..., P), by formula."""
        entries = list(self.hessian_at(*self._split(params)))
        if len(entries) == 1:
            return entries[0][..., None, None]
        xx, xy, yy = entries
        rows = torch.stack((xx, xy), dim=-1), torch.stack((xy, yy), dim=-1)
        return torch.stack(rows, dim=-2)  # (..., 2, 2)

    def stable_lr(self) -> float:
        """2 / λmax, past which repeated steps grow: in the sharpest of its minima.

        Without a minimum, at its start; inf where nothing curves up there.
        """
        points = torch.tensor(self.minima or (self.start,), dtype=torch.float64)
        largest = torch.linalg.eigvalsh(self.hessian(points)).max().item()
        return 2 / largest if largest > 0 else math.inf

    def _split(self, params: Tensor) -> tuple[Tensor, ...]:
        """Return x (...), or x and y, of params (..., P)."""
        if not isinstance(params, Tensor) or not params.is_floating_point():
            kind = getattr(params, "dtype", type(params).__name__)
            raise TypeError(f"params must be a floating-point tensor, got {kind}")
        size, shape = len(self.start), tuple(params.shape)
        if shape[-1:] != (size,):
            raise ValueError(f"params must have shape (..., {size}), got {shape}")
        return params.unbind(-1)


def _check_positive(**numbers: float) -> None:
    for name, value in numbers.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be positive and finite, got {value}")


def _check_finite(**numbers: float) -> None:
    for name, value in numbers.items():
        if not math.isfinite(value):
            raise ValueError(f"{name} must be finite, got {value}")


def _quadratic(a: float, b: float, c: float) -> tuple[Callable, Callable, Callable]:
    """Return loss, gradient and Hessian of (a x^2 + 2 b x y + c y^2) / 2."""
    return (
        lambda x, y: (a * x**2 + 2 * b * x * y + c * y**2) / 2,
        lambda x, y: (a * x + b * y, b * x + c * y),
        lambda x, y: [torch.full_like(x, entry) for entry in (a, b, c)],
    )


def dial(curvature: float = 2.0, *, minimum: float = 0.0) -> Surface:
    """Return curvature / 2 * (x - minimum)^2, the bowl of one parameter.

    Raises ValueError if curvature is not positive, or a number is not finite.
    """
    _check_positive(curvature=curvature)
    _check_finite(minimum=minimum)
    return Surface(
        "dial",
        lambda x: curvature * (x - minimum) ** 2 / 2,
        lambda x: [curvature * (x - minimum)],
        lambda x: [torch.full_like(x, curvature)],
        minima=((minimum,),),
        bounds=((minimum - 4.0, minimum + 4.0),),
        start=(minimum - 2.0,),
        eigenvalues=(curvature,),
        family="dial",
        constants=(curvature, minimum),
    )


def wells(tilt: float = 0.3) -> Surface:
    """Return (x^2 - 1)^2 + tilt * x: two wells side by side, the left one deeper.

    Raises ValueError unless tilt lies between 0 and 1.5; from 1.54 on one well is left.
    """
    _check_positive(tilt=tilt)
    if tilt > 1.5:
        raise ValueError(f"tilt must be at most 1.5 for two wells, got {tilt}")
    low, _, high = sorted(np.roots([4, 0, -4, tilt]).real.tolist())
    return Surface(
        "two wells",
        lambda x: (x**2 - 1) ** 2 + tilt * x,
        lambda x: [4 * x * (x**2 - 1) + tilt],
        lambda x: [12 * x**2 - 4],
        minima=((low,), (high,)),
        bounds=((-1.8, 1.8),),
        start=(1.6,),
        family="wells",
        constants=(tilt,),
    )


def bowl(condition: float = 10.0, *, angle: float = 0.0, scale: float = 1.0) -> Surface:
    """Return the bowl (params @ H @ params) / 2 with its minimum at the origin.

    The eigenvalues of H are scale / condition, along the flat axis, and scale, along
    the steep one. At angle 0 the flat axis is x; angle turns it counterclockwise, in
    radians. Raises ValueError if condition < 1, scale <= 0 or one is not finite.
    """
    _check_positive(condition=condition, scale=scale)
    if condition < 1:
        raise ValueError(f"condition must be at least 1, got {condition}")
    _check_finite(angle=angle)
    flat, steep = scale / condition, scale
    cos, sin = math.cos(angle), math.sin(angle)
    a = flat * cos**2 + steep * sin**2
    b = (flat - steep) * sin * cos
    c = flat * sin**2 + steep * cos**2
    return Surface(
        f"bowl, condition {condition:g}",
        *_quadratic(a, b, c),
        minima=((0.0, 0.0),),
        bounds=((-4.0, 4.0), (-4.0, 4.0)),
        start=(-3.0 * cos - sin, cos - 3.0 * sin),  # (-3, 1), turned with the bowl
        eigenvalues=(flat, steep),
        family="quadratic",
        constants=(a, b, c),
    )


def saddle(*, up: float = 1.0, down: float = 2.0) -> Surface:
    """Return (up x^2 - down y^2) / 2: flat at the origin, and without a minimum.

    The eigenvalues are -down and up: by default the largest in absolute value is not
    the largest. Raises ValueError if up or down is not positive and finite.
    """
    _check_positive(up=up, down=down)
    return Surface(
        "saddle",
        *_quadratic(up, 0.0, -down),
        minima=(),
        bounds=((-2.0, 2.0), (-2.0, 2.0)),
        start=(1.5, 0.01),
        eigenvalues=(-down, up),
        family="quadratic",
        constants=(up, 0.0, -down),
    )


def rosenbrock() -> Surface:
    """Return (1 - x)^2 + 100 (y - x^2)^2, a curved valley (Rosenbrock 1960)."""
    return Surface(
        "Rosenbrock",
        lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
        lambda x, y: (2 * (x - 1) - 400 * x * (y - x**2), 200 * (y - x**2)),
        lambda x, y: (2 + 1200 * x**2 - 400 * y, -400 * x, torch.full_like(y, 200)),
        minima=((1.0, 1.0),),
        bounds=((-2.0, 2.0), (-1.0, 3.0)),
        start=(-1.2, 1.0),
        family="rosenbrock",
    )


def beale() -> Surface:
    """Return the sum of (c_k - x (1 - y^k))^2, k = 1, 2, 3 (Beale 1958).

    c = 1.5, 2.25, 2.625. One minimum, flat plains and steep walls; (0, 1) is a saddle.
    """

    def terms(x, y):  # each residual r and its derivatives: x, y, xy, yy
        for k, constant in ((1, 1.5), (2, 2.25), (3, 2.625)):
            slope, bend = k * y ** (k - 1), k * (k - 1) * y ** max(k - 2, 0)
            yield constant - x * (1 - y**k), y**k - 1, x * slope, slope, x * bend

    def gradient(x, y):
        parts = [(2 * r * rx, 2 * r * ry) for r, rx, ry, _, _ in terms(x, y)]
        return [sum(part) for part in zip(*parts, strict=True)]

    def hessian(x, y):
        parts = [
            (2 * rx**2, 2 * (rx * ry + r * rxy), 2 * (ry**2 + r * ryy))
            for r, rx, ry, rxy, ryy in terms(x, y)
        ]
        return [sum(part) for part in zip(*parts, strict=True)]

    return Surface(
        "Beale",
        lambda x, y: sum(r**2 for r, *_ in terms(x, y)),
        gradient,
        hessian,
        minima=((3.0, 0.5),),
        bounds=((-4.5, 4.5), (-4.5, 4.5)),
        start=(1.0, 1.0),
    )


def himmelblau() -> Surface:
    """Return (x^2 + y - 11)^2 + (x + y^2 - 7)^2, with four minima (Himmelblau 1972)."""
    return Surface(
        "Himmelblau",
        lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
        lambda x, y: (
            4 * x * (x**2 + y - 11) + 2 * (x + y**2 - 7),
            2 * (x**2 + y - 11) + 4 * y * (x + y**2 - 7),
        ),
        lambda x, y: (12 * x**2 + 4 * y - 42, 4 * (x + y), 12 * y**2 + 4 * x - 26),
        minima=(
            (3.0, 2.0),
            (-2.805118086952745, 3.131312518250573),
            (-3.779310253377747, -3.283185991286170),
            (3.584428340330492, -1.848126526964404),
        ),
        bounds=((-5.0, 5.0), (-5.0, 5.0)),
        start=(0.0, 0.0),
        family="himmelblau",
    )
