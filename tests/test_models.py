"""The MLP: shapes, values by hand, bad sizes."""

import math

import pytest
import torch

from course_utils.models import MLP


def test_value_by_hand():
    mlp = MLP(2, 3, 2)
    with torch.no_grad():
        mlp.hidden.weight.copy_(torch.tensor([[1.0, 2.0], [-1.0, 1.0], [3.0, -1.0]]))
        mlp.hidden.bias.copy_(torch.tensor([0.5, 1.0, -2.0]))
        mlp.out.weight.copy_(torch.tensor([[1.0, -2.0, 4.0], [0.5, 3.0, -1.0]]))
        mlp.out.bias.copy_(torch.tensor([0.25, -1.0]))
    # hidden (1, -2): -2.5, -2, 3, after ReLU 0, 0, 3; (-1, 1): 1.5, 3, -6: 1.5, 3, 0
    logits = mlp(torch.tensor([[1.0, -2.0], [-1.0, 1.0]]))
    assert logits.tolist() == [[12.25, -4.0], [-4.25, 8.75]]


@pytest.mark.parametrize("lead", [(), (1,), (11,), (0,), (11, 13)])
def test_shapes(lead):
    mlp = MLP(3, 5, 7)
    assert mlp(torch.ones(*lead, 3)).shape == (*lead, 7)
    assert [tuple(p.shape) for p in mlp.parameters()] == [(5, 3), (5,), (7, 5), (7,)]


@pytest.mark.parametrize("name", ["in_dim", "hidden_dim", "out_dim"])
@pytest.mark.parametrize("size", [0, -3, 2.0, "2", None, math.nan, (2,)])
def test_bad_size_is_named(name, size):
    sizes = {"in_dim": 3, "hidden_dim": 5, "out_dim": 7} | {name: size}
    with pytest.raises(ValueError, match=f"{name} is .*: give a whole number from 1"):
        MLP(**sizes)


@pytest.mark.parametrize("shape", [(), (0,), (2,), (4,), (3, 2), (11, 4), (3, 1)])
def test_bad_features_are_named(shape):
    with pytest.raises(ValueError, match=r"features has shape .*must be 3 wide"):
        MLP(3, 5, 7)(torch.ones(shape))


def test_features_of_another_type_are_refused():
    with pytest.raises(RuntimeError, match="dtype|Float"):
        MLP(3, 5, 7)(torch.ones(2, 3, dtype=torch.long))
