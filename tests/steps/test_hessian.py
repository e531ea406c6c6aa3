"""Curvature and the largest eigenvalue beside another library and dense Hessians."""

import math

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import eigsh
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from course_utils import models, steps, text
from course_utils.models import attention
from course_utils.steps import hessian
from course_utils.text import batches

# Of the oracle, not of ours.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")


def features(*shape):
    return torch.tensor(np.random.default_rng(0).standard_normal(shape))


class Reading(nn.Module):
    """An attention block, and a classifier of the mean of what it gives."""

    def __init__(self):
        super().__init__()
        self.block = attention.EncoderBlock(6, 2, 7)
        self.out = nn.Linear(6, 2)

    def forward(self, x):
        return self.out(self.block(x)[0].mean(dim=1))


class Last(nn.Module):
    """An LSTM, and a classifier of what it holds at the end."""

    def __init__(self):
        super().__init__()
        self.lstm, self.out = nn.LSTM(3, 5, batch_first=True), nn.Linear(5, 2)

    def forward(self, x):
        return self.out(self.lstm(x)[0][:, -1])


PROBLEMS = {
    "MLP": (lambda: models.MLP(3, 5, 2), (7, 3)),
    "LSTM": (Last, (7, 4, 3)),
    "attention": (Reading, (7, 4, 6)),
}


def problem(name):
    make, shape = PROBLEMS[name]
    torch.manual_seed(0)
    return make().double(), features(*shape), torch.arange(shape[0]) % 2


def library(model, x, y):
    """curvlinops's Hessian, as something that scipy can multiply with."""
    from curvlinops import HessianLinearOperator

    params = [p for p in model.parameters() if p.requires_grad]
    operator = HessianLinearOperator(
        model, nn.CrossEntropyLoss(), params, [(x, y)], check_deterministic=False
    )
    return operator.to_scipy()


def dense_hessian(model, x, y):
    """All second derivatives, by PyTorch's own function."""
    sizes = {name: param.shape for name, param in model.named_parameters()}

    def loss(vector):
        parts = vector.split([size.numel() for size in sizes.values()])
        named = {n: p.view(sizes[n]) for n, p in zip(sizes, parts, strict=True)}
        return F.cross_entropy(functional_call(model, named, (x,)), y)

    start = torch.cat([param.detach().flatten() for param in model.parameters()])
    return torch.autograd.functional.hessian(loss, start).numpy()


def flat(tensors):
    return torch.cat([t.flatten() for t in tensors]).numpy()


@pytest.mark.parametrize("name", PROBLEMS)
def test_as_curvlinops_and_the_dense_hessian_have_it(name):
    model, x, y = problem(name)
    profile = steps.profile(model, lambda m: F.cross_entropy(m(x), y))
    dense = dense_hessian(model, x, y)
    d = flat(profile.direction)
    if name != "attention":  # there curvlinops 3.0.1 is not symmetric
        operator = library(model, x, y)
        assert np.allclose(operator @ np.eye(len(d)), dense, atol=1e-10)
    assert profile.curvature == pytest.approx(d @ dense @ d, rel=1e-6)
    largest = np.linalg.eigvalsh(dense)[-1]
    assert profile.stable_lr == pytest.approx(2 / largest, rel=1e-6)
    assert profile.hessian_method == "exact"


def test_two_layers_of_the_real_bert_as_curvlinops_has_them():
    bert, tokenizer = models.load_bert(num_labels=2, attention="eager")
    bert.bert.encoder.layer = bert.bert.encoder.layer[:2]
    bert.bert.embeddings.requires_grad_(False)  # eigsh keeps many vectors
    bert = bert.double()
    train = text.load_sms().train
    chosen = [train.labels.index(1), train.labels.index(0)]
    examples = batches.encode(tokenizer, train.take(chosen), max_length=8)
    token_ids, mask, labels = examples.batch()

    class Logits(nn.Module):
        def __init__(self):
            super().__init__()
            self.bert = bert

        def forward(self, ids):
            return self.bert(ids, mask).logits

    model = Logits()
    profile = steps.profile(model, lambda m: F.cross_entropy(m(token_ids), labels))
    operator = library(model, token_ids, labels)
    d = flat(profile.direction)
    assert profile.curvature == pytest.approx(d @ (operator @ d), rel=1e-6)
    start = np.random.default_rng(0).standard_normal(len(d))
    largest = eigsh(operator, k=1, which="LA", ncv=8, v0=start, tol=1e-9)[0][-1]
    assert profile.stable_lr == pytest.approx(2 / largest, rel=1e-6)


@pytest.mark.parametrize("place", range(0, 1_000_000, 90_000))
def test_one_large_entry_among_a_million_is_found(place):
    diagonal = torch.ones(1_000_000)
    diagonal[place] = 4
    found = hessian.largest_eigenvalue(lambda v: [diagonal * v[0]], [diagonal])
    assert found == pytest.approx(4, rel=1e-3)


def test_one_steep_parameter_among_many_that_a_ridge_holds():
    ridge = torch.ones(300_000, requires_grad=True)
    steep = torch.ones(1, requires_grad=True)
    profile = steps.profile(
        [ridge, steep], lambda p: (p[0] ** 2).sum() / 2 + 1.5 * (p[1] ** 2).sum()
    )
    assert profile.stable_lr == pytest.approx(2 / 3, rel=1e-3)


def test_sums_do_not_lose_what_is_small_in_half_precision():
    small = [torch.full((4,), 1e-4, dtype=torch.float16)]
    assert hessian.norm(small) == pytest.approx(2e-4, rel=1e-2)
    mixed = torch.full((1_000_001,), 1e-4, dtype=torch.float16)
    mixed[0] = 1
    assert hessian.dot([mixed], [mixed]) == pytest.approx(1.01, rel=1e-4)
    tiny = [torch.full((4,), 1e-25)]
    assert hessian.norm(tiny) == pytest.approx(2e-25)
    long = [torch.ones(2 * hessian.PIECE + 3)]
    assert hessian.dot(long, long) == 2 * hessian.PIECE + 3


def test_a_difference_is_short_against_what_moves():
    """However long the parameters are that the vector leaves alone."""
    moved, still = torch.full((3,), 0.1), torch.full((100_000,), 50.0)
    sizes = []

    def gradient_at(vector, size):
        sizes.append(size)
        return [size * v for v in vector]

    times = hessian.difference_product(gradient_at, [moved, still])
    times([torch.ones(3), torch.zeros(100_000)])
    longest = max(map(abs, sizes)) * math.sqrt(3)
    assert longest < 0.01 * moved.norm()


def test_gradient_of_a_reentrant_checkpoint_is_refused():
    from torch.utils.checkpoint import checkpoint

    layer, x = nn.Linear(2, 2), torch.ones(1, 2, requires_grad=True)

    def loss_fn(model):
        return checkpoint(model, x, use_reentrant=True).sum()

    with pytest.raises(ValueError, match="use_reentrant=False"):
        steps.profile(layer, loss_fn)
