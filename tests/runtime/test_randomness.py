"""The random states: taken, restored, seeded, and swapped for a while."""

import json
import random

import numpy as np
import pytest
import torch

from course_utils.runtime import randomness


def draw():
    return torch.rand(3).tolist(), np.random.rand(3).tolist(), random.random()  # noqa: NPY002


def test_restored_states_give_the_same_numbers():
    np.random.randn()  # noqa: NPY002 (leaves half a pair of normal numbers behind)
    states = randomness.states()
    first = draw(), np.random.randn()  # noqa: NPY002
    assert draw() != first[0]
    randomness.restore(states)
    assert (draw(), np.random.randn()) == first  # noqa: NPY002


def test_states_are_plain_data():
    states = randomness.states()
    assert isinstance(states.pop("torch"), torch.Tensor)
    assert isinstance(states["numpy"].pop(1), torch.Tensor)
    json.dumps(states)


def test_seeded_is_what_each_seeding_gives_and_changes_nothing():
    before = randomness.states()
    seeded = randomness.seeded(5)
    after = randomness.states()
    assert randomness.are_same(before, after)
    randomness.restore(seeded)
    ours = draw()
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    random.seed(5)
    assert draw() == ours


@pytest.mark.parametrize("fails", [False, True])
def test_swapped_goes_on_within_and_returns_after(fails):
    def within(inner):
        try:
            with randomness.swapped(inner):
                drawn.append(draw())
                if fails:
                    raise KeyError("broken")
        except KeyError:
            assert fails

    randomness.restore(randomness.seeded(7))
    wanted_inner = [draw(), draw()]
    outer = randomness.seeded(1)
    randomness.restore(outer)
    wanted = draw()
    randomness.restore(outer)
    drawn, inner = [], randomness.seeded(7)
    within(inner)
    within(inner)
    assert drawn == wanted_inner
    assert draw() == wanted
