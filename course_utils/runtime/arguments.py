"""Numbers that a caller gives: whole ones of any kind become int, real ones float.

numpy's and torch's numbers are taken like Python's own.
"""

import math
import operator


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
