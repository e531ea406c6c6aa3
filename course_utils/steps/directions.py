"""The tensors to step along: made from the gradient, or an optimizer's own step.

A step of learning rate lr adds lr·direction to the parameters.
"""

import copy
from collections import defaultdict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_utils.steps.standpoint import Standpoint

Direction = str | Tensor | Sequence[Tensor] | torch.optim.Optimizer


def along(kind: Direction, grads: list[Tensor]) -> list[Tensor]:
    """The direction that `kind` names, one tensor a parameter.

    grads: the gradient, dense. Errors: ValueError for a zero gradient where the
    direction is made from it, an unknown name, or tensors of other shapes.
    """
    if isinstance(kind, str):
        if kind not in FROM_GRADIENT:
            names = ", ".join(f'"{name}"' for name in FROM_GRADIENT)
            raise ValueError(
                f"direction is {kind!r}: give {names}, tensors or an optimizer"
            )
        if not any(g.any() for g in grads):
            raise ValueError(
                "the gradient is zero: no step changes the loss to first order; start "
                "somewhere else, or give direction= tensors of your own"
            )
        return [-FROM_GRADIENT[kind](g) for g in grads]
    given = [kind] if isinstance(kind, Tensor) else list(kind)  # type: ignore[arg-type]
    if [d.shape for d in given] != [g.shape for g in grads]:
        raise ValueError(
            f"direction has shapes {[tuple(d.shape) for d in given]}: the trainable "
            f"parameters have {[tuple(g.shape) for g in grads]}"
        )
    return [d.detach().to(g) for d, g in zip(given, grads, strict=True)]


def orthogonal(grad: Tensor) -> Tensor:
    """U Vᵀ of a gradient U S Vᵀ, the singular values all made 1: Muon's direction.

    grad: (R, C), or more dimensions, those after the first taken together; a vector
    counts as a matrix of one row. Singular values that are rounding noise, by the rule
    of torch.linalg.matrix_rank, stay 0: a gradient of T tokens has rank T at most.
    Source: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon, who come
    close to it by Newton and Schulz's iteration; here it is exact.
    """
    matrix = grad.reshape(1 if grad.dim() < 2 else len(grad), -1).cpu().double()
    is_tall = matrix.shape[0] > matrix.shape[1]
    short = matrix.T if is_tall else matrix  # (r, c), r ≤ c
    squares, vectors = torch.linalg.eigh(short @ short.T)  # (r,), (r, r)
    noise = max(short.shape) * torch.finfo(grad.dtype).eps
    keeps = squares > noise**2 * squares[-1]
    vectors = vectors[:, keeps]
    polar = vectors @ ((vectors.T @ short) / squares[keeps].sqrt()[:, None])
    return (polar.T if is_tall else polar).reshape(grad.shape).to(grad)


FROM_GRADIENT: dict[str, Callable[[Tensor], Tensor]] = {
    "gradient": lambda grad: grad,
    "sign": torch.sign,
    "orthogonal": orthogonal,
}


class OptimizerStep:
    """What `optimizer.step()` would add, found on a copy of the optimizer's state.

    direction: one tensor a parameter. `keep()` gives the optimizer the state it has
    after this step, for a step that is really taken.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        place: Standpoint,
        grads: Sequence[Tensor | None],
    ):
        """grads: as backward() leaves them, None where the loss uses no parameter."""
        check(optimizer, place.params)
        self._optimizer, kept = optimizer, dict(vars(optimizer))
        with place.visits() as go:
            go(0, place.start)
            try:
                vars(optimizer).update(_copied(optimizer))
                for param, grad in zip(place.params, grads, strict=True):
                    param.grad = None if grad is None else grad.clone()
                with torch.no_grad():
                    optimizer.step()
                self._after = dict(vars(optimizer))
            finally:
                vars(optimizer).clear()
                vars(optimizer).update(kept)
            self.direction = [
                param.detach() - start
                for param, start in zip(place.params, place.start, strict=True)
            ]

    def keep(self) -> None:
        """The step was taken: the optimizer remembers it."""
        groups = self._optimizer.param_groups  # a schedule may hold these very dicts
        for group, after in zip(groups, self._after["param_groups"], strict=True):
            group.update(after)
        self._optimizer.state.clear()
        self._optimizer.state.update(self._after["state"])


def _copied(optimizer) -> dict:
    """State and groups that a step may change; the parameters stay the same tensors."""
    state: dict = defaultdict(dict)
    for param, memory in optimizer.state.items():
        state[param] = copy.deepcopy(memory)
    groups = [
        {key: value if key == "params" else copy.deepcopy(value)
         for key, value in group.items()}
        for group in optimizer.param_groups
    ]  # fmt: skip
    return {"state": state, "param_groups": groups}


def check(optimizer: torch.optim.Optimizer, params: list[Tensor]) -> None:
    """Raise ValueError for an optimizer whose step cannot be foreseen from here."""
    if isinstance(optimizer, torch.optim.LBFGS):
        raise ValueError(
            "direction is an LBFGS, which asks for the loss several times in one step: "
            "give another optimizer, or tensors"
        )
    known = set(map(id, params))
    own = [p for group in optimizer.param_groups for p in group["params"]]
    if not any(id(p) in known for p in own):
        raise ValueError(
            "direction is an optimizer of another model: make one with this model's "
            "parameters"
        )
    if any(id(p) not in known for p in own if p.requires_grad):
        raise ValueError(
            "direction is an optimizer that also moves parameters which the model does "
            "not have: give one for this model alone"
        )
