"""How a loss bends: the Hessian times a vector, and its largest eigenvalue.

Vectors are lists of tensors, shaped like the parameters; the Hessian is never formed.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

Vector = list[Tensor]
Product = Callable[[Vector], Vector]

STILL, LEAST = 4, 10  # products in which the largest eigenvalue must not have risen
SHORTEST = 1e-3  # parameters count as this long at least: some are zero
PIECE = 1 << 20  # numbers that are added up at once
TINY = 1e-30


def gradient(loss: Tensor, params: Vector, *, create_graph: bool = False) -> Vector:
    """The gradient of `loss`, dense, with zeros for parameters that it does not use."""
    return [
        torch.zeros_like(param) if grad is None else dense(grad)
        for param, grad in zip(
            params, raw_gradient(loss, params, create_graph), strict=True
        )
    ]


def raw_gradient(
    loss: Tensor, params: Vector, create_graph: bool = False
) -> list[Tensor | None]:
    """As `backward()` leaves it: None for what is not used, sparse where it is so."""
    if any(kind == "CheckpointFunctionBackward" for kind in _own_functions(loss)):
        raise ValueError(
            "loss_fn uses a reentrant checkpoint, whose gradient cannot be asked for "
            "alone: call checkpoint(..., use_reentrant=False)"
        )
    return list(
        torch.autograd.grad(loss, params, create_graph=create_graph, allow_unused=True)
    )


def dense(grad: Tensor) -> Tensor:
    return grad if grad.layout is torch.strided else grad.to_dense()


def has_own_functions(loss: Tensor) -> bool:
    """Does the loss go through a `torch.autograd.Function` written in Python?

    The backward of such a function may lose its own derivative and say nothing.
    """
    return any(_own_functions(loss))


def _own_functions(loss: Tensor):
    """The name of each such function in the graph of the loss."""
    todo, seen = [loss.grad_fn], set()
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(node, torch.autograd.function.BackwardCFunction):
            yield node.name()
        todo.extend(parent for parent, _ in node.next_functions)


def exact_product(loss: Tensor, params: Vector) -> Product:
    """v to Hv by a second backward pass through the graph of `loss` (Pearlmutter 1994).

    Calling the result raises an error where an operation, such as PyTorch's fused
    attention on a CPU, has no second derivative.
    """
    grads = gradient(loss, params, create_graph=True)

    def times(vector: Vector) -> Vector:
        used = [(g, v) for g, v in zip(grads, vector, strict=True) if g.requires_grad]
        if not used:  # the loss is linear in every parameter
            return [torch.zeros_like(v) for v in vector]
        outputs, directions = zip(*used, strict=True)
        products = torch.autograd.grad(
            outputs,
            params,
            grad_outputs=directions,
            retain_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )
        return [dense(product) for product in products]

    return times


def difference_product(
    gradient_at: Callable[[Vector, float], Vector], params: Vector
) -> Product:
    """v to Hv by a central difference of gradients, (∇L(θ + εv) - ∇L(θ - εv)) / 2ε.

    gradient_at(vector, size): the gradient at the parameters moved by size·vector. The
    displacement is short against the parameters that the vector moves, however long
    all the others are.
    """
    precision = max(torch.finfo(param.dtype).eps for param in params) ** (1 / 3)

    def times(vector: Vector) -> Vector:
        length = norm(vector)
        if not length:
            return [torch.zeros_like(v) for v in vector]
        size = precision * _moved_length(vector, params) / length
        after, before = gradient_at(vector, size), gradient_at(vector, -size)
        return [(a - b) / (2 * size) for a, b in zip(after, before, strict=True)]

    return times


def _moved_length(vector: Vector, params: Vector) -> float:
    """How long the parameters are that `vector` moves, each as far as it is moved.

    The root mean square of the parameters, weighted by vector², times the root of how
    many numbers the vector moves (its participation ratio, 1 to all of them).
    """
    total = weighted = fourth = 0.0
    for v, p in zip(vector, params, strict=True):
        for x, q in zip(_pieces(v), _pieces(p), strict=True):
            square = x * x
            total += square.sum().item()
            weighted += (square * q * q).sum().item()
            fourth += (square * square).sum().item()
    typical, moved = math.sqrt(weighted / total), total**2 / fourth
    return max(typical, SHORTEST) * math.sqrt(moved)


def largest_eigenvalue(
    times: Product,
    like: Sequence[Tensor],
    *,
    tol: float | None = None,
    max_products: int = 200,
) -> float:
    """The largest algebraic eigenvalue of a symmetric H, given v to Hv.

    Lanczos's method (1950) from a seeded random vector, kept to three vectors, since a
    library's would hold twenty of the model's size. The estimate can only rise. A small
    residual would prove that it is an eigenvalue, not that it is the largest, which a
    random start may hardly see; so the method goes on until the estimate has stood
    still, to tol, for STILL products, and for at least LEAST. Where the vectors reached
    so far are all there is, it goes on from a fresh random one. Ghost copies of an
    eigenvalue, which rounding brings in, do not change the largest.

    tol: relative; the root of the precision of the parameters where it is None.
    Errors: RuntimeError where max_products are not enough or a product is not finite.
    """
    eps = max(torch.finfo(t.dtype).eps for t in like)
    tol = math.sqrt(eps) if tol is None else tol
    random = np.random.default_rng(0)
    v = _random_unit(like, random)
    last, beta = _scaled(v, 0), 0.0
    diagonal: list[float] = []
    beside: list[float] = []
    estimates: list[float] = []
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
        values = np.linalg.eigvalsh(np.diag(diagonal) + np.diag(beside, -1))
        estimates.append(float(values[-1]))
        if len(estimates) >= max(LEAST, STILL + 1):
            rise = estimates[-1] - estimates[-1 - STILL]
            if rise <= tol * abs(estimates[-1]):
                return estimates[-1]
        if beta <= 10 * eps * np.abs(values).max():
            last, beta, v = _scaled(v, 0), 0.0, _random_unit(like, random)
        else:
            last, v = v, _scaled(w, 1 / beta)
        beside.append(beta)
    raise RuntimeError(
        f"the largest eigenvalue was not found within {max_products} Hessian products: "
        "raise max_products or tol"
    )


def _random_unit(like: Sequence[Tensor], random: np.random.Generator) -> Vector:
    """A random direction of length 1, where `like` is and of its kind."""
    drawn = [np.array(random.standard_normal(t.shape), dtype=np.float32) for t in like]
    v = [torch.from_numpy(d).to(t) for d, t in zip(drawn, like, strict=True)]
    return _scaled(v, 1 / norm(v))


def dot(left: Vector, right: Vector) -> float:
    """Sum of products over all parameters, added up in float64 where there is one."""
    return sum(_dot(a, b) for a, b in zip(left, right, strict=True))


def _dot(a: Tensor, b: Tensor) -> float:
    """Never multiplied in half precision; what is tiny is multiplied in float64."""
    wide = torch.float32 if a.device.type == "mps" else torch.float64
    total = 0.0
    for x, y in zip(_pieces(a), _pieces(b), strict=True):
        found = (x * y).sum(dtype=wide).item()
        if abs(found) < TINY:  # the products of float32 end at 1e-38
            found = (x.to(wide) * y.to(wide)).sum().item()
        total += found
    return total


def _pieces(tensor: Tensor) -> Sequence[Tensor]:
    """A few numbers at a time, to save memory, in float32 at least."""
    tensor = tensor.detach()
    if tensor.itemsize < 4:
        tensor = tensor.float()
    return [tensor] if tensor.numel() <= PIECE else tensor.reshape(-1).split(PIECE)


def norm(vector: Vector) -> float:
    """Euclidean length over all parameters."""
    return dot(vector, vector) ** 0.5


def _scaled(vector: Vector, factor: float) -> Vector:
    return [v * factor for v in vector]
