"""The states of the random generators that a training step may draw from."""

import random
from contextlib import contextmanager

import numpy as np
import torch


def states() -> dict:
    """The states of torch's, numpy's and Python's generators, as plain data."""
    name, keys, *rest = np.random.get_state()  # noqa: NPY002 (what a model may use)
    return {
        "torch": torch.get_rng_state(),
        "numpy": [name, np.asarray(keys).tolist(), *rest],
        "python": random.getstate(),
    }


def restore(states: dict) -> None:
    """Put states that `states` returned back into the generators."""
    torch.set_rng_state(states["torch"])
    np.random.set_state(tuple(states["numpy"]))  # noqa: NPY002
    random.setstate(states["python"])


def seeded(seed: int) -> dict:
    """The states after seeding all three; the generators stay as they are."""
    with swapped(states()):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        return states()


@contextmanager
def swapped(inner: dict):
    """Within, the generators go on from `inner`, which is updated; then they return."""
    outer = states()
    restore(inner)
    try:
        yield
    finally:
        inner.update(states())
        restore(outer)
