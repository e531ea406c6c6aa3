"""Models as people have them: half precision, noisy, wrapped, stepped in a loop."""

import copy
import random

import numpy as np
import pytest
import torch
from test_profiles import Noisy, assert_same, noisy_problem, snapshot
from torch import nn
from torch.nn import functional as F

from course_utils import steps
from course_utils.runtime import randomness


def problem(seed=0):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    x, y = torch.randn(32, 4), torch.arange(32) % 2
    return model, x, y


def loss_of(x, y):
    return lambda m: F.cross_entropy(m(x).float(), y)


# A loop of single steps is training


def test_steps_taken_in_a_loop_are_the_training_loop():
    """New dropout masks each time, and batch norm sees each batch."""
    model, loss_fn = noisy_problem()
    other = copy.deepcopy(model)
    optimizer = torch.optim.SGD([p for p in other.parameters() if p.requires_grad], 0.1)
    torch.manual_seed(5)
    for _ in range(4):
        optimizer.zero_grad()
        loss_fn(other).backward()
        optimizer.step()
    wanted = torch.rand(1)
    torch.manual_seed(5)
    for _ in range(4):
        steps.profile(model, loss_fn).take_(0.1)
    assert torch.equal(torch.rand(1), wanted)
    for name, value in other.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name
    assert model.norm.num_batches_tracked == 4


def test_numbers_that_the_learner_drew_meanwhile_are_not_drawn_again():
    model, loss_fn = noisy_problem()
    profile = steps.profile(model, loss_fn)
    torch.rand(3)
    before = randomness.states()
    profile.take_(0.1)
    assert randomness.are_same(before, randomness.states())


# Half precision


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(dtype):
    model, x, y = problem()
    exact = steps.profile(model, loss_of(x, y))
    half = steps.profile(copy.deepcopy(model).to(dtype), loss_of(x.to(dtype), y))
    assert half.best_lr == pytest.approx(exact.best_lr, rel=0.5)
    assert half.grad_norm == pytest.approx(exact.grad_norm, rel=0.05)
    assert half.losses([half.best_lr])[0] < half.loss
    assert half.curvature == pytest.approx(exact.curvature, rel=0.3)


def test_a_gradient_of_1e_4_in_float16_is_not_lost():
    w = torch.ones(3, dtype=torch.float16, requires_grad=True)
    profile = steps.profile(w, lambda p: 1e-4 * (p.float() ** 2).sum())
    assert profile.slope == pytest.approx(-3 * 4e-8, rel=0.05)
    assert profile.best_lr == pytest.approx(5000, rel=0.05)


# State that is put back


def test_buffers_that_forward_assigns_or_adds_are_put_back():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(2, 1)
            self.register_buffer("count", torch.zeros(()))

        def forward(self, x):
            self.count = self.count + 1
            return self.linear(x)

    model, x = Counting(), torch.ones(3, 2)
    buffer = model.count
    profile = steps.profile(model, lambda m: m(x).square().mean())
    profile.losses([0.1, 0.2])
    assert model.count is buffer
    assert buffer == 0


@pytest.mark.parametrize("spoil", ["mode", "gradients", "numpy", "python", "torch"])
def test_a_measure_that_leaves_its_mark(spoil):
    model, loss_fn = noisy_problem()
    loss_fn(model).backward()
    profile = steps.profile(model, loss_fn)
    before, states = snapshot(model), randomness.states()

    def measure(m):
        match spoil:
            case "mode":
                was = m.training
                m.eval()
                return was
            case "gradients":
                with torch.enable_grad():
                    loss_fn(m).backward()
            case "numpy":
                return np.random.rand()  # noqa: NPY002
            case "python":
                return random.random()
            case "torch":
                return torch.rand(1)

    first, second = profile.along([0.1, 0.2], measure)
    assert first == second  # each begins like the start
    assert_same(before, snapshot(model))
    assert randomness.are_same(states, randomness.states())


def test_what_was_measured_does_not_change_later():
    model, x, y = problem()
    profile = steps.profile(model, loss_of(x, y))

    def look(m):
        weight = m[0].weight
        return {"list": [weight], "numpy": weight.detach().numpy(), "tuple": (weight,)}

    (near,) = profile.along([0.1], look)
    kept = copy.deepcopy(near)
    profile.along([5.0], look)
    assert torch.equal(near["list"][0], kept["list"][0])
    assert torch.equal(near["tuple"][0], kept["tuple"][0])
    assert np.array_equal(near["numpy"], kept["numpy"])
    assert not torch.equal(near["list"][0], model[0].weight)


# Losses that are no functions of the parameters


def test_the_sentence_says_both_losses_and_what_to_do():
    model, x, y = problem()
    parts = iter([(x[:8], y[:8]), (x[8:20], y[8:20]), (x[20:], y[20:])])

    def loss_fn(m):
        features, targets = next(parts)
        return F.cross_entropy(m(features), targets)

    before = snapshot(model)
    with pytest.raises(ValueError, match=r"changes by itself: 0\.\d+ and then 0\.\d+"):
        steps.profile(model, loss_fn)
    assert_same(before, snapshot(model))


def test_a_path_of_its_own_without_gradients_is_not_taken():
    """Then the ray is looked at with gradients, and no error is raised."""
    model, x, y = problem()
    profile = steps.profile(
        model,
        lambda m: F.cross_entropy(m(x), y) * (1 if torch.is_grad_enabled() else 2),
    )
    assert profile.losses([1e-9])[0] == pytest.approx(profile.loss, rel=1e-5)
    assert all(type(p.grad) is type(None) for p in model.parameters())


@pytest.mark.parametrize(
    ("loss_fn", "words"),
    [
        (lambda p: p.sqrt().sum(), "gradient of a parameter is not finite"),
        (lambda p: (p**2).sqrt().sum() + 1, "not finite"),
    ],
)
def test_a_gradient_that_is_not_finite(loss_fn, words):
    with pytest.raises(ValueError, match=words):
        steps.profile(torch.zeros(2, requires_grad=True), loss_fn)


def test_the_parameter_with_the_bad_gradient_is_named():
    model = nn.Linear(2, 1)
    nn.init.zeros_(model.bias)
    with pytest.raises(ValueError, match="gradient of bias is not finite"):
        steps.profile(model, lambda m: m.weight.square().sum() + m.bias.sqrt().sum())


# Wrapped models


def wrapped(kind, model):
    if kind == "parallel":  # without GPUs: with one it wants the data there
        return nn.DataParallel(model, device_ids=[])
    if kind == "compiled":
        return torch.compile(model, backend="aot_eager")
    if kind == "parametrized":
        nn.utils.parametrizations.weight_norm(model[0])
    return model


@pytest.mark.filterwarnings("ignore:Guards may run slower")  # of Python 3.13.0
@pytest.mark.parametrize("kind", ["parallel", "compiled", "parametrized"])
def test_wrapped_models(kind):
    model, x, y = problem()
    plain = steps.profile(copy.deepcopy(model), loss_of(x, y))
    before = copy.deepcopy(model.state_dict())
    profile = steps.profile(wrapped(kind, model), loss_of(x, y))
    if kind != "parametrized":
        assert profile.best_lr == pytest.approx(plain.best_lr, rel=1e-2)
        assert profile.curvature == pytest.approx(plain.curvature, rel=1e-2)
        assert profile.stable_lr == pytest.approx(plain.stable_lr, rel=1e-2)
        for name, value in model.state_dict().items():
            assert torch.equal(value, before[name])
    assert profile.losses([profile.best_lr])[0] < profile.loss


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_under_an_outer_autocast(dtype):
    model, x, y = problem()
    exact = steps.profile(model, loss_of(x, y))
    with torch.autocast("cpu", dtype):
        profile = steps.profile(model, loss_of(x, y))
        change = profile.report(exact.best_lr).actual
    assert change == pytest.approx(exact.report(exact.best_lr).actual, rel=0.1)


def test_models_that_have_no_numbers_yet():
    with pytest.raises(ValueError, match="no values yet"):
        steps.profile(nn.LazyLinear(2), lambda m: m(torch.ones(1, 2)).sum())
    with pytest.raises(ValueError, match="no values yet"):
        steps.profile(nn.Linear(2, 2, device="meta"), lambda m: m.weight.sum())


def test_noise_of_batch_norm_stays_away_from_the_ray():
    model = Noisy().double()
    x = torch.tensor(np.random.default_rng(0).standard_normal((9, 5)))
    profile = steps.profile(model, lambda m: m(x).square().mean())
    assert profile.losses([0.0])[0] == profile.loss
