"""Exercise checkers, one module a lesson: each takes the learner's function.

A checker runs the function on several cases beside a right one. Where the results
differ, it looks whether they equal those of a known mistake, and names it.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Verdict:
    """What a checker says. True only if the function is right."""

    is_right: bool
    words: str

    def __bool__(self):
        return self.is_right

    def __repr__(self):
        return self.words


def judge(
    function: Callable,
    right: Callable,
    cases: Sequence[tuple],
    mistakes: Mapping[str, Callable],
    *,
    atol: float = 1e-6,
    unfilled: str = "return your result",
) -> Verdict:
    """Compare `function` with `right` on every case, and name a known mistake.

    Every function gets a copy of each case's arguments. mistakes: what to tell the
    learner, and a function that makes this mistake. Results are numbers, lists,
    tensors, or tuples of them, compared with a relative tolerance of 1e-4 and an
    absolute one of `atol`. unfilled: what is left to do where nothing is returned.
    """
    require_function(function)
    wanted = _run(right, cases)
    try:
        results = _run(function, cases)
    except Exception as error:  # whatever the learner's code raises is an answer too
        results, fault = None, f"{type(error).__name__}: {error}"
    if results is not None and any(r is None or r is ... for r in results):
        return Verdict(False, f"Not filled in yet: {unfilled}, then run again.")
    if results is not None and _all_close(results, wanted, atol):
        return Verdict(True, f"Right, on all {len(cases)} cases.")
    for words, wrong in mistakes.items():
        try:
            wrongs = _run(wrong, cases)
        except Exception as error:
            same = results is None and fault == f"{type(error).__name__}: {error}"
        else:
            same = results is not None and _all_close(results, wrongs, atol)
        if same:
            return Verdict(False, f"Not yet: {words}")
    if results is None:
        return Verdict(False, f"Not yet: your function stopped with {fault}")
    i = next(i for i, r in enumerate(results) if not _is_close(r, wanted[i], atol))
    return Verdict(
        False,
        f"Not yet: on case {i + 1} of {len(cases)} your function returned "
        f"{_brief(results[i])}, and the right result is {_brief(wanted[i])}.",
    )


def require_function(function) -> None:
    """Raise TypeError for what cannot be called."""
    if not callable(function):
        raise TypeError(f"function is a {type(function).__name__}: give a function")


def _run(function, cases) -> list:
    return [function(*copy.deepcopy(case)) for case in cases]


def _all_close(results, wanted, atol) -> bool:
    return all(_is_close(r, w, atol) for r, w in zip(results, wanted, strict=True))


def _is_close(result, wanted, atol) -> bool:
    """Same shape, same values; a tensor or an array serves where a list is wanted."""
    if isinstance(wanted, tuple | list):
        if isinstance(result, Tensor | np.ndarray):
            result = result.tolist()
        return (
            isinstance(result, tuple | list)
            and len(result) == len(wanted)
            and _all_close(result, wanted, atol)
        )
    if isinstance(wanted, str | dict):
        return isinstance(result, type(wanted)) and result == wanted
    try:
        result, wanted = _tensor(result), _tensor(wanted)
    except (TypeError, ValueError, RuntimeError):
        return False
    return result.shape == wanted.shape and torch.allclose(
        result, wanted, rtol=1e-4, atol=atol, equal_nan=True
    )


def _tensor(value) -> Tensor:
    """A copy in float64: torch refuses or warns of some views that numpy makes."""
    if isinstance(value, np.ndarray):
        value = value.copy()
    tensor = torch.as_tensor(value).detach()
    if tensor.is_complex():
        raise TypeError("complex numbers have no order")
    return tensor.to(torch.float64)


def _brief(value) -> str:
    """The value in few words: large tensors by their shape and first entries."""
    if isinstance(value, Tensor | np.ndarray):
        flat = value.ravel().tolist()
        if len(flat) <= 6:
            return str(value.tolist())
        return f"a tensor of shape {tuple(value.shape)} that starts with {flat[:3]}"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_brief, value)) + ")"
    return repr(value)
