import math

import numpy as np
import pytest
import torch

from course_utils.runtime import arguments


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), torch.tensor(3)])
def test_whole_numbers_of_any_kind(value):
    found = arguments.whole(value, "size")
    assert type(found) is int
    assert found == 3


@pytest.mark.parametrize(
    "value", [0, -1, 2.0, "3", None, True, np.True_, np.float64(3), [3], math.nan]
)
def test_other_than_whole_is_named(value):
    with pytest.raises(ValueError, match="size is .*: give a whole number from 1"):
        arguments.whole(value, "size")


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), torch.tensor(0.5), 1, 0])
def test_real_numbers_of_any_kind(value):
    found = arguments.real(value, "lr")
    assert type(found) is float
    assert found == float(value)


@pytest.mark.parametrize(
    "value", [-1, math.nan, math.inf, "1", None, True, torch.ones(2), [1.0]]
)
def test_other_than_real_is_named(value):
    with pytest.raises(ValueError, match="lr is .*: give a finite number from 0"):
        arguments.real(value, "lr")


def test_the_end_itself_may_be_excluded():
    with pytest.raises(ValueError, match="above 0"):
        arguments.real(0, "lr", is_open=True)
    assert arguments.real(1e-9, "lr", is_open=True) == 1e-9
