"""A profile on a real accelerator says what it says on the CPU, and puts all back.

Skipped where there is none; `far.py` stands in for one in the other tests.
"""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_utils import steps

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="this machine has no CUDA device"
)


def problem(dtype=torch.float64, *, dropout=0.0):
    """A small network and a loss that holds its batch, both on the CPU."""
    torch.manual_seed(0)
    X, y = torch.randn(32, 6), torch.randint(0, 3, (32,))
    layers = nn.Linear(6, 16), nn.Tanh(), nn.Dropout(dropout), nn.Linear(16, 3)
    return nn.Sequential(*layers).to(dtype), X.to(dtype), y


def profiled(device, dtype=torch.float64, *, dropout=0.0, **options):
    model, X, y = problem(dtype, dropout=dropout)
    model, X, y = model.to(device), X.to(device), y.to(device)
    return steps.profile(model, lambda m: F.cross_entropy(m(X), y), **options)


def test_it_says_what_the_cpu_says():
    here, there = profiled("cpu"), profiled("cuda")
    lrs = [0.01, 0.1, 1.0, 10.0]
    assert there.losses(lrs) == pytest.approx(here.losses(lrs), rel=1e-9)
    assert there.quadratic(lrs) == pytest.approx(here.quadratic(lrs), rel=1e-9)
    assert there.best_lr == pytest.approx(here.best_lr, rel=1e-3)
    assert there.break_even_lr == pytest.approx(here.break_even_lr, rel=1e-6)
    assert there.stable_lr == pytest.approx(here.stable_lr, rel=1e-4)
    assert there.hessian_method == "exact"


@pytest.mark.parametrize("direction", ["gradient", "sign", "orthogonal"])
def test_every_direction_descends(direction):
    profile = profiled("cuda", direction=direction)
    assert profile.report(1e-3).actual < 0


@pytest.mark.parametrize(
    ("dtype", "room"), [(torch.float32, 1e-5), (torch.bfloat16, 0.05)]
)
def test_coarser_numbers(dtype, room):
    here, there = profiled("cpu"), profiled("cuda", dtype)
    lrs = [0.1, 1.0]
    assert there.losses(lrs) == pytest.approx(here.losses(lrs), rel=room, abs=room)


def test_everything_is_put_back_bit_for_bit():
    model, X, y = problem(torch.float32, dropout=0.5)
    model, X, y = model.cuda(), X.cuda(), y.cuda()
    before = [p.clone() for p in model.parameters()]
    state, on_cpu = torch.cuda.get_rng_state(), torch.get_rng_state()
    profile = steps.profile(model, lambda m: F.cross_entropy(m(X), y))
    profile.losses([0.1, 1.0])
    _ = profile.stable_lr
    assert all(map(torch.equal, before, model.parameters()))
    assert torch.equal(state, torch.cuda.get_rng_state())
    assert torch.equal(on_cpu, torch.get_rng_state())


def test_dropout_drops_the_same_along_the_ray():
    profile = profiled("cuda", torch.float32, dropout=0.5)
    assert profile.losses([0.0]) == profile.loss
    assert profile.losses([1e-6])[0] == pytest.approx(profile.loss, abs=1e-4)


def test_an_optimizers_step_is_its_own():
    model, X, y = problem(torch.float32)
    model, X, y = model.cuda(), X.cuda(), y.cuda()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    after = steps.profile(
        model, lambda m: F.cross_entropy(m(X), y), direction=optimizer
    ).take_(1.0)
    assert F.cross_entropy(model(X), y).item() == pytest.approx(after, rel=1e-5)

    twin, _, _ = problem(torch.float32)
    twin = twin.cuda()
    own = torch.optim.AdamW(twin.parameters(), lr=0.01, weight_decay=0.1)
    F.cross_entropy(twin(X), y).backward()
    own.step()
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_half_precision_says_that_its_gradient_is_zero():
    model, X, y = problem(torch.float32)
    model, X, y = model.cuda(), X.cuda(), y.cuda()

    def loss(model):
        with torch.autocast("cuda", dtype=torch.float16):
            return F.cross_entropy(model(X), y, reduction="sum") / 1e10

    with pytest.raises(ValueError, match="gradient is zero"):
        steps.profile(model, loss)
    profile = steps.profile(model, lambda m: 2.0**30 * loss(m))
    assert 0 < profile.grad_norm < math.inf


def test_batches_one_after_the_other():
    model, X, y = problem()
    model = model.cuda()
    batches = [(X[i : i + 8].cuda(), y[i : i + 8].cuda()) for i in range(0, 32, 8)]
    there = steps.profile(
        model, lambda m, batch: F.cross_entropy(m(batch[0]), batch[1]), batches=batches
    )
    assert there.losses([0.5]) == pytest.approx(profiled("cpu").losses([0.5]), rel=1e-9)
