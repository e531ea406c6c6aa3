"""The MLP and the LSTM: shapes, values by hand, padding, bad sizes."""

import math

import pytest
import torch

from course_utils.models import MLP, LSTMClassifier


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


# LSTMClassifier


@pytest.fixture(scope="module")
def lstm():
    torch.manual_seed(0)
    return LSTMClassifier(13, 5, 7, num_classes=3)


def test_lstm_reads_the_last_real_token(lstm):
    token_ids = torch.tensor([[1, 2, 3], [4, 5, 0]])
    mask = torch.tensor([[True, True, True], [True, True, False]])
    logits = lstm(token_ids, mask)
    assert logits.shape == (2, 3)
    for row, ids in enumerate(([1, 2, 3], [4, 5])):
        outputs, (last, _) = lstm.lstm(lstm.embedding(torch.tensor([ids])))
        assert torch.allclose(logits[row], lstm.out(last[0, 0]), atol=1e-6)


@pytest.mark.parametrize("width", [1, 4])
def test_padding_changes_nothing(lstm, width):
    token_ids, mask = torch.tensor([[1, 2, 3]]), torch.ones(1, 3, dtype=torch.bool)
    padded = torch.nn.functional.pad(token_ids, (0, width), value=9)
    wider = torch.nn.functional.pad(mask, (0, width))
    assert torch.allclose(lstm(padded, wider), lstm(token_ids, mask), atol=1e-6)


def test_lstm_dropout_only_in_training():
    torch.manual_seed(0)
    model = LSTMClassifier(13, 5, 7, dropout=0.5)
    inputs = torch.tensor([[1, 2]]), torch.ones(1, 2, dtype=torch.bool)
    assert not torch.equal(model(*inputs), model(*inputs))
    model.eval()
    assert torch.equal(model(*inputs), model(*inputs))


@pytest.mark.parametrize(
    ("mask", "words"),
    [([[True, False, True]], "gap"), ([[False, True, True]], "gap"),
     ([[False, False, False]], "no tokens")],
)  # fmt: skip
def test_lstm_refuses_a_bad_mask(lstm, mask, words):
    with pytest.raises(ValueError, match=words):
        lstm(torch.tensor([[1, 2, 3]]), torch.tensor(mask))


def test_lstm_refuses_a_size_below_one():
    with pytest.raises(ValueError, match="from 1"):
        LSTMClassifier(13, 0)
