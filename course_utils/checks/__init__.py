"""Exercise checkers, one module a lesson: each takes the learner's function.

A checker runs the function on several cases beside a right one. Where the results
differ, it looks whether they equal those of a known mistake, and names it.
"""

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    mistakes: Mapping[str, Callable | Sequence[Callable]],
    *,
    atol: float = 1e-6,
    names: Sequence[str] = (),
    unfilled: str = "return your result",
    hint: str = "",
) -> Verdict:
    """Compare `function` with `right` on every case, and name a known mistake.

    Every function gets a copy of each case's arguments, and must not change it.
    mistakes: what to tell the learner, and a function that makes this mistake, or
    several that make it in different ways. Results are numbers, lists, tensors, or
    tuples of them, compared with a relative tolerance of 1e-4 and an absolute one of
    `atol`; axes of length 1 do not matter. names: of the values of a tuple. unfilled:
    what is left to do where nothing is returned. hint: what to say of any other wrong
    result, in place of the right one.
    """
    require_function(function)
    wanted, _ = _run(right, cases, names)
    try:
        results, trace = _run(function, cases, names)
    except Exception as error:  # whatever the learner's code raises is an answer too
        results, trace, fault = None, "", f"{type(error).__name__}: {error}"
    if results is not None and all(r is None or r is ... for r in results):
        return Verdict(False, f"Not filled in yet: {unfilled}, then run again.")
    if results is not None and _all_close(results, wanted, atol):
        if trace:
            return Verdict(False, f"Not yet: the result is right, but {trace}.")
        return Verdict(True, f"Right, on all {len(cases)} cases.")
    is_fixed = results is not None and _is_constant(results)
    ways = (
        (words, wrong)
        for words, each in mistakes.items()
        for wrong in (each if isinstance(each, tuple | list) else (each,))
    )
    for words, wrong in ways:
        try:
            wrongs, _ = _run(wrong, cases, names)
        except Exception as error:
            same = results is None and fault == f"{type(error).__name__}: {error}"
        else:
            same = results is not None and _all_close(results, wrongs, atol)
            same = same and (not is_fixed or _is_constant(wrongs))
        if same:
            return Verdict(False, f"Not yet: {words}")
    if results is None:
        dtypes = "dtype" in fault or "scalar type" in fault
        more = ": whole numbers meet real ones; .float() makes them alike" * dtypes
        return Verdict(False, f"Not yet: your function stopped with {fault}{more}")
    if _is_constant(results) and not _is_constant(wanted):
        return Verdict(
            False, f"Not yet: it gives {_brief(results[0])} whatever it is given."
        )
    for position, name in enumerate(_parameters(function, len(cases[0]))):
        given = [case[position] for case in cases]
        if all(map(_is_close, results, given, [0] * len(given))):
            return Verdict(False, f"Not yet: that is `{name}`, as it came in.")
    i = next(i for i, r in enumerate(results) if not _is_close(r, wanted[i], atol))
    said = hint or f"on case {i + 1} of {len(cases)} " + _difference(
        results[i], wanted[i], atol, names
    )
    return Verdict(False, f"Not yet: {said}")


def _difference(result, wanted, atol, names: Sequence[str] = ()) -> str:
    """Where a result differs from the right one, in words."""
    if result is None or result is ...:
        return "your function returned nothing: is a way through it without return?"
    if isinstance(wanted, tuple):
        if not isinstance(result, tuple | list) or len(result) != len(wanted):
            many = len(result) if isinstance(result, tuple | list) else "one"
            named = f" ({', '.join(names)})" if names else ""
            return f"you returned {many}, and {len(wanted)} were asked for{named}."
        k = next(k for k, w in enumerate(wanted) if not _is_close(result[k], w, atol))
        name = names[k] if names else f"result {k + 1}"
        return f"{name}: " + _difference(result[k], wanted[k], atol)
    if isinstance(result, str) and not isinstance(wanted, str):
        return f"your function returned the text {result!r}: return a number."
    try:
        return _difference_of_tensors(_tensor(result), _tensor(wanted), atol)
    except (TypeError, ValueError, RuntimeError):  # no numbers, or only one
        return (
            f"your function returned {_brief(result)}, and the right result is "
            f"{_brief(wanted)}."
        )


def _difference_of_tensors(found: Tensor, right: Tensor, atol: float) -> str:
    """Their shapes, or the first entry that differs. ValueError for single numbers."""
    found_shape, right_shape = tuple(found.shape), tuple(right.shape)
    found, right = found.squeeze(), right.squeeze()
    if found.shape != right.shape:
        is_turned = _is_close(found.reshape(-1), right.reshape(-1), atol)
        start = "the numbers are right, but the" if is_turned else "the"
        return f"{start} shape is {found_shape}, and {right_shape} was asked for."
    if right.numel() == 1:
        raise ValueError("single numbers are shown as they are")
    is_near = torch.isclose(found, right, rtol=1e-4, atol=atol, equal_nan=True)
    place = tuple((~is_near).nonzero()[0].tolist())
    return (
        f"entry {list(place)} is {found[place]:.6g}, and the right one is "
        f"{right[place]:.6g}; {int((~is_near).sum())} of {right.numel()} differ."
    )


def require_function(function) -> None:
    """Raise TypeError for what cannot be called."""
    if not callable(function):
        raise TypeError(f"function is a {type(function).__name__}: give a function")


def _run(function, cases, names) -> tuple[list, str]:
    """The result of each case, and what was changed that should not have been."""
    results, trace = [], ""
    for case in cases:
        given = copy.deepcopy(case)
        with torch.enable_grad():  # on leaving, as it was
            results.append(_opened(function(*given), names))
            if not torch.is_grad_enabled():
                trace = "gradients are switched off and stay so: use torch.no_grad()"
        pairs = zip(_parameters(function, len(case)), given, case, strict=True)
        for name, after, before in pairs:
            if _is_data(before) and not _is_same(after, before):
                trace = trace or (
                    f"`{name}` is not what it was: leave the arguments as they are, "
                    "and make something new"
                )
    return results, trace


def _is_same(after, before) -> bool:
    """The same values, in the same shape."""
    shapes = (getattr(after, "shape", None), getattr(before, "shape", None))
    return shapes[0] == shapes[1] and _is_close(after, before, 0)


def _parameters(function, count: int) -> list[str]:
    """What the function calls its arguments."""
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # one written in C
        names = []
    return [*names, *(f"argument {i + 1}" for i in range(len(names), count))][:count]


def _opened(result, names):
    """Iterators as lists, and a dict as a tuple: by these names, or in its order."""
    if isinstance(result, dict):
        chosen = names if set(names) == set(result) else result
        result = tuple(result[name] for name in chosen)
    if isinstance(result, Iterator | range):
        result = list(result)
    if type(result) in (tuple, list):
        return type(result)(_opened(each, ()) for each in result)
    return result


def _is_data(value) -> bool:
    return isinstance(value, Tensor | np.ndarray | list | dict | set)


def _is_constant(results) -> bool:
    """Is one number given for every case?"""
    numbers = [r for r in results if isinstance(r, int | float | np.generic | Tensor)]
    return len(numbers) == len(results) > 1 and all(
        _is_close(r, results[0], 0) for r in results
    )


def _all_close(results, wanted, atol) -> bool:
    return all(_is_close(r, w, atol) for r, w in zip(results, wanted, strict=True))


def _is_close(result, wanted, atol) -> bool:
    """Same values; a tensor or an array serves where a list is wanted."""
    if result is None or wanted is None or wanted is ...:
        return result is wanted
    if isinstance(wanted, tuple | list):
        if isinstance(result, Tensor | np.ndarray):
            result = result.tolist()
        return (
            isinstance(result, tuple | list)
            and len(result) == len(wanted)
            and _all_close(result, wanted, atol)
        )
    if isinstance(wanted, str | dict | set):
        return isinstance(result, type(wanted)) and result == wanted
    try:
        result, wanted = _tensor(result).squeeze(), _tensor(wanted).squeeze()
    except (TypeError, ValueError, RuntimeError):
        return False
    return result.shape == wanted.shape and torch.allclose(
        result, wanted, rtol=1e-4 if atol else 0, atol=atol, equal_nan=True
    )


def _tensor(value) -> Tensor:
    """A copy in float64: torch refuses or warns of some views that numpy makes."""
    if isinstance(value, np.ndarray):
        value = value.copy()
    if isinstance(value, tuple | list) and any(map(torch.is_tensor, value)):
        value = torch.stack([_tensor(each) for each in value])
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
    return f"{value:.6g}" if isinstance(value, float) else repr(value)
