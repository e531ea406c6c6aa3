"""What a caller gives: numbers of any kind as Python's own, and lists of a kind.

numpy's and torch's numbers are taken like Python's own.
"""

import math
import operator
from collections.abc import Iterable
from numbers import Integral
from typing import Any

KINDS: dict[type, str] = {
    str: "a str (decode bytes)",
    Integral: "a whole number",
    Iterable: "a list",
}


def whole(value, name: str, *, least: int = 1) -> int:
    """`value` as an int. Errors: ValueError, naming the argument, for anything else."""
    try:
        number = least - 1 if is_truth(value) else operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise ValueError(f"{name} is {value!r}: give a whole number from {least}")
    return number


def real(value, name: str, *, least: float = 0.0, is_open: bool = False) -> float:
    """`value` as a finite float from `least` on, or above it if `is_open`."""
    try:
        number = math.nan if isinstance(value, str) or is_truth(value) else float(value)
    except (TypeError, ValueError, RuntimeError):
        number = math.nan
    if not math.isfinite(number) or number < least or (is_open and number == least):
        limit = f"above {least:g}" if is_open else f"from {least:g}"
        raise ValueError(f"{name} is {value!r}: give a finite number {limit}")
    return number


def is_truth(value) -> bool:
    """Is it True or False, of Python or numpy?"""
    return isinstance(value, bool) or type(value).__name__ in ("bool", "bool_")


def of_kind(value, name: str, kind: type[Any], *, least: int = 0):
    """`value`, if it is of this kind, and as a number not below `least`."""
    if isinstance(value, bool) or not isinstance(value, kind):
        raise TypeError(f"{name} is of type {type(value).__name__}: give {KINDS[kind]}")
    if kind is Integral and value < least:
        raise ValueError(f"{name} is {value}: give {least} or more")
    return value


def list_of(values: Iterable, name: str, kind: type) -> list:
    """The values as a list, each of this kind; a tensor or an array will do."""
    values = values.tolist() if hasattr(values, "tolist") else values  # tensor, array
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        wrong = type(values).__name__
        raise TypeError(f"{name} is of type {wrong}: give a list, each {KINDS[kind]}")
    values = list(values)
    if kind is Integral and set(map(type, values)) == {int} and min(values) >= 0:
        return values  # the usual case, at once
    return [of_kind(value, f"{name}[{i}]", kind) for i, value in enumerate(values)]
