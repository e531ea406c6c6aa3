"""How a loss bends: the Hessian times a vector, and its largest eigenvalue.

Vectors are lists of tensors, shaped like the parameters; the Hessian is never formed.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy.linalg import eigh_tridiagonal
from torch import Tensor

Vector = list[Tensor]


def gradient(loss: Tensor, params: Vector, *, create_graph: bool = False) -> Vector:
    """The gradient of `loss`, with zeros for parameters that it does not use."""
    return list(
        torch.autograd.grad(
            loss,
            params,
            create_graph=create_graph,
            allow_unused=True,
            materialize_grads=True,
        )
    )


def exact_product(loss: Tensor, params: Vector) -> Callable[[Vector], Vector]:
    """v to Hv by a second backward pass through the graph of `loss` (Pearlmutter 1994).

    Calling the result raises RuntimeError where an operation, such as PyTorch's fused
    attention on a CPU, has no second derivative.
    """
    grads = gradient(loss, params, create_graph=True)

    def times(vector: Vector) -> Vector:
        used = [(g, v) for g, v in zip(grads, vector, strict=True) if g.requires_grad]
        if not used:  # the loss is linear in every parameter
            return [torch.zeros_like(v) for v in vector]
        outputs, directions = zip(*used, strict=True)
        return list(
            torch.autograd.grad(
                outputs,
                params,
                grad_outputs=directions,
                retain_graph=True,
                allow_unused=True,
                materialize_grads=True,
            )
        )

    return times


def difference_product(
    gradient_at: Callable[[Vector, float], Vector], params: Vector
) -> Callable[[Vector], Vector]:
    """v to Hv by a central difference of gradients, (∇L(θ + εv) - ∇L(θ - εv)) / 2ε.

    gradient_at(vector, size): the gradient at the parameters moved by size·vector.
    """
    scale = max(1.0, norm(params))
    precision = torch.finfo(params[0].dtype).eps ** (1 / 3)

    def times(vector: Vector) -> Vector:
        length = norm(vector)
        if not length:
            return [torch.zeros_like(v) for v in vector]
        size = precision * scale / length
        after, before = gradient_at(vector, size), gradient_at(vector, -size)
        return [(a - b) / (2 * size) for a, b in zip(after, before, strict=True)]

    return times


def largest_eigenvalue(
    times: Callable[[Vector], Vector],
    like: Sequence[Tensor],
    *,
    tol: float = 5e-3,
    max_products: int = 200,
) -> float:
    """The largest algebraic eigenvalue of a symmetric H, given v to Hv.

    Lanczos's method (1950) from a seeded random vector, kept to three vectors, since a
    library's would hold twenty of the model's size. It stops where the residual
    ‖Hv - λv‖ is at most tol·|λ|, or at rounding. Unlike power iteration it does not
    take a large negative eigenvalue for the largest. Ghost copies of an eigenvalue,
    which rounding brings in, do not change the largest.

    Errors: RuntimeError where max_products are not enough or a product is not finite.
    """
    random = np.random.default_rng(0)
    v = [
        torch.from_numpy(np.array(random.standard_normal(t.shape))).to(t) for t in like
    ]
    v = _scaled(v, 1 / norm(v))
    last, beta = _scaled(v, 0), 0.0
    diagonal: list[float] = []
    beside: list[float] = []
    rounding = 10 * torch.finfo(v[0].dtype).eps
    for _ in range(max_products):
        w = times(v)
        alpha = dot(v, w)
        if not math.isfinite(alpha):
            raise RuntimeError(
                "the curvature here is not finite: there is no stable_lr"
            )
        w = [
            a - alpha * b - beta * c for a, b, c in zip(w, v, last, strict=True)
        ]  # orthogonal to v and last
        beta = norm(w)
        diagonal.append(alpha)
        values, vectors = eigh_tridiagonal(diagonal, beside)
        residual = beta * abs(vectors[-1, -1])
        if residual <= max(tol * abs(values[-1]), rounding * np.abs(values).max()):
            return float(values[-1])
        beside.append(beta)
        last, v = v, _scaled(w, 1 / beta)
    raise RuntimeError(
        f"the largest eigenvalue was not found within {max_products} Hessian products: "
        "raise max_products or tol"
    )


def dot(left: Vector, right: Vector) -> float:
    """Sum of products over all parameters, added up in float64."""
    return sum(
        (a * b).sum(dtype=torch.float64).item()
        for a, b in zip(left, right, strict=True)
    )


def norm(vector: Vector) -> float:
    """Euclidean length over all parameters."""
    return dot(vector, vector) ** 0.5


def _scaled(vector: Vector, factor: float) -> Vector:
    return [v * factor for v in vector]
