"""The cross-entropy of logistic regression on given examples, as a surface."""

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import softplus

from course_utils.steps.surfaces import Point, Surface


def logistic(features, targets, *, l2: float = 0.0) -> Surface:
    """Return the mean cross-entropy of a logistic regression with two weights.

    The logits are features @ params, without a bias; l2 adds l2 / 2 * |params|^2.
    features (N, 2) and targets (N,), all 0 or 1, may be tensors or numpy arrays.
    minima is () if l2 is 0 and no single point is lowest: a line through the origin
    separates the classes, and the loss falls for ever, or the features are collinear.
    Raises ValueError on other shapes or values.
    """
    features, targets = _check_data(features, targets)
    if not 0 <= l2 < math.inf:
        raise ValueError(f"l2 must be finite and not negative, got {l2}")
    signed = features * (2 * targets - 1)[:, None]  # (N, 2)
    size = signed.square().mean(0).sqrt()
    unit = torch.where(size > 0, 1 / size, 1.0)  # moves a usual logit by 1
    surface = Surface(
        "logistic regression",
        *_cross_entropy(signed, l2),
        minima=(),
        bounds=_box(-6 * unit, 6 * unit),
        start=(0.0, 0.0),
    )
    if l2 == 0 and not _surrounds_origin(signed * unit):
        return surface
    lowest = _newton(surface)
    pad = torch.maximum(lowest.abs(), unit)
    bounds = _box(lowest.clamp(max=0) - pad, lowest.clamp(min=0) + pad)
    return replace(surface, minima=(tuple(lowest.tolist()),), bounds=bounds)


def _box(low: Tensor, high: Tensor) -> tuple[Point, Point]:
    (x0, y0), (x1, y1) = low.tolist(), high.tolist()
    return (x0, x1), (y0, y1)


def _check_data(features, targets) -> tuple[Tensor, Tensor]:
    """Return features (N, 2) and targets (N,) in float64, or say why not."""
    features = torch.as_tensor(features, dtype=torch.float64).detach()
    targets = torch.as_tensor(targets, dtype=torch.float64).detach()
    if features.ndim != 2 or features.shape[1] != 2 or len(features) == 0:
        raise ValueError(f"features must be (N, 2), N > 0, got {tuple(features.shape)}")
    if targets.shape != features.shape[:1]:
        raise ValueError(
            f"targets must have shape ({len(features)},), got {tuple(targets.shape)}; "
            "a column (N, 1) would broadcast against (N,) to (N, N)"
        )
    if not features.isfinite().all():
        raise ValueError("features must be finite, found nan or inf")
    if not ((targets == 0) | (targets == 1)).all():
        raise ValueError("targets must be 0 or 1")
    return features, targets


def _cross_entropy(signed: Tensor, l2: float) -> tuple[Callable, Callable, Callable]:
    """Return loss, gradient and Hessian for features turned to their own side (N, 2).

    With z = signed @ params the loss of an example is log(1 + exp(-z)).
    """

    def margins(x, y):
        u, v = signed.to(x).unbind(1)
        return u, v, x[..., None] * u + y[..., None] * v  # (N,), (N,), (..., N)

    def loss(x, y):
        block = max(1, 2**20 // len(signed))  # all of a large grid would fill memory
        pairs = zip(x.flatten().split(block), y.flatten().split(block), strict=True)
        # beyond 40, log(1 + exp(z)) is z in float64
        means = [softplus(-margins(*pair)[2], threshold=40).mean(-1) for pair in pairs]
        return torch.cat(means).reshape(x.shape) + l2 / 2 * (x**2 + y**2)

    def gradient(x, y):
        u, v, z = margins(x, y)
        pull = -torch.sigmoid(-z)  # d loss / dz
        return (pull * u).mean(-1) + l2 * x, (pull * v).mean(-1) + l2 * y

    def hessian(x, y):
        u, v, z = margins(x, y)
        bend = torch.sigmoid(z) * torch.sigmoid(-z)  # d2 loss / dz2
        xx, xy, yy = ((bend * pair).mean(-1) for pair in (u * u, u * v, v * v))
        return xx + l2, xy, yy + l2

    return loss, gradient, hessian


def _surrounds_origin(points: Tensor) -> bool:
    """Return whether every half-plane through the origin holds some of points (N, 2).

    It does when no two neighbors, seen from the origin, are half a turn apart or more.
    """
    points = points[points.any(dim=1)]
    if len(points) == 0:
        return False
    angles = torch.atan2(points[:, 1], points[:, 0]).sort().values
    gaps = torch.cat((angles, angles[:1] + 2 * math.pi)).diff()
    return bool(gaps.max() < math.pi - 1e-9)


def _newton(surface: Surface) -> Tensor:
    """Return the minimum (2,) of a convex surface: Newton steps, halved if uphill."""
    params = torch.zeros(2, dtype=torch.float64)
    for _ in range(100):
        step = torch.linalg.solve(surface.hessian(params), surface.gradient(params))
        if step.norm() <= 1e-12 * (1 + params.norm()):
            return params - step
        while surface(params - step) > surface(params) + 1e-15:
            step = step / 2
        params = params - step
    raise ValueError("no minimum found in 100 Newton steps: pass l2, or scale features")
