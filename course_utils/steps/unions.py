"""A loss over several batches as one: the mean of all rows, a batch at a time."""

from collections.abc import Callable, Mapping
from functools import partial

from torch import Tensor

from course_utils.steps.standpoint import Model


def of(loss_fn: Callable, batches) -> list[tuple[float, Callable[[Model], Tensor]]]:
    """The loss as a weighted sum of functions of the model: one a batch."""
    if batches is None:
        return [(1.0, loss_fn)]
    batches = list(batches)
    sizes = [_size(batch) for batch in batches]
    if not sum(sizes):
        raise ValueError("batches is empty: give a list of at least one batch")
    return [
        (size / sum(sizes), partial(lambda batch, model: loss_fn(model, batch), batch))
        for size, batch in zip(sizes, batches, strict=True)
    ]


def _size(batch) -> int:
    """Rows of a batch: of the first tensor in a tuple, a list or a dict of them."""
    if isinstance(batch, Mapping):
        batch = tuple(batch.values())
    if isinstance(batch, tuple | list) and batch and hasattr(batch[0], "shape"):
        batch = batch[0]
    return len(batch)


def weighted(parts, vectors) -> list:
    """The sum of one vector a part by its weight, without holding them all."""
    total: list = []
    for (weight, _), vector in zip(parts, vectors, strict=True):
        if len(parts) == 1:
            return vector
        vector = [None if v is None else weight * v for v in vector]
        total = [
            b if a is None else a if b is None else a + b
            for a, b in zip(total or [None] * len(vector), vector, strict=True)
        ]
    return total
