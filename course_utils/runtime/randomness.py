"""The states of the random generators that a training step may draw from."""

import random
from contextlib import contextmanager

import numpy as np
import torch

DEVICES = "cuda", "xpu", "mps"  # kinds of accelerators; each has generators of its own


def states(*, with_numpy: bool = True) -> dict:
    """The states of torch's (on every device), numpy's and Python's generators.

    Tensors and plain data, so that a checkpoint can hold them. with_numpy: numpy's
    takes ten times as long as all others, here and in `restore`; leave it out where it
    is known that nothing is drawn from it.
    """
    found = {
        "torch": torch.get_rng_state(),
        "devices": {kind: _get(module) for kind, module in _devices()},
        "python": random.getstate(),
    }
    if with_numpy:
        name, keys, *rest = np.random.get_state()  # noqa: NPY002 (a model may use it)
        wide = torch.from_numpy(np.asarray(keys).astype(np.int64))
        found["numpy"] = [name, wide, *rest]
    return found


def restore(states: dict) -> None:
    """Put states that `states` returned back into the generators."""
    torch.set_rng_state(states["torch"])
    for kind, module in _devices():
        if kind in states["devices"]:
            _set(module, states["devices"][kind])
    random.setstate(states["python"])
    if "numpy" in states:
        name, keys, *rest = states["numpy"]
        keys = keys.numpy().astype(np.uint32)
        np.random.set_state((name, keys, *rest))  # noqa: NPY002


def are_same(left: dict, right: dict) -> bool:
    """Would all generators go on alike from these two states?"""
    return (
        torch.equal(left["torch"], right["torch"])
        and left["devices"].keys() == right["devices"].keys()
        and all(
            all(map(torch.equal, found, right["devices"][kind]))
            for kind, found in left["devices"].items()
        )
        and left["python"] == right["python"]
        and is_numpys_same(left, right)
    )


def is_numpys_same(left: dict, right: dict) -> bool:
    """The same of numpy's generator alone."""
    (kind, keys, *rest), (other, other_keys, *others) = left["numpy"], right["numpy"]
    return (kind, rest) == (other, others) and torch.equal(keys, other_keys)


def _get(module) -> list[torch.Tensor]:
    """The state of each device of a kind; Apple's GPU is always one."""
    get_all = getattr(module, "get_rng_state_all", None)
    return get_all() if get_all else [module.get_rng_state()]


def _set(module, found: list[torch.Tensor]) -> None:
    set_all = getattr(module, "set_rng_state_all", None)
    set_all(found) if set_all else module.set_rng_state(*found)


def _devices():
    """The accelerators in use: each kind, and the module that holds its generator."""
    for kind in DEVICES:
        module = getattr(torch, kind, None)
        if module is None or not module.is_available():
            continue
        if kind == "mps" or module.is_initialized():
            yield kind, module


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
