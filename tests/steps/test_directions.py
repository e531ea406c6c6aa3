"""An optimizer's own step as a direction: foreseen, then taken, nothing touched."""

import copy
import gc
import weakref

import numpy as np
import pytest
import torch
from test_profiles import assert_same, mlp_problem, snapshot
from torch import nn
from torch.nn import functional as F

from course_utils import steps
from course_utils.steps import directions

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, 0.3),
    "nesterov": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, 0.01),
    "adamw": lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.3),
    "fused": lambda p: torch.optim.AdamW(p, 0.01, fused=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, 0.01),
}


def clip_before(optimizer, max_norm):
    def clip(optimizer, args, options):
        params = [p for group in optimizer.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(params, max_norm)

    optimizer.register_step_pre_hook(clip)


def loop(model, loss_fn, optimizer, num_steps):
    """The usual training loop."""
    for _ in range(num_steps):
        optimizer.zero_grad()
        loss_fn(model).backward()
        optimizer.step()


@pytest.mark.parametrize("clipped", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_it_is_what_step_would_add_and_taking_it_is_the_loop(name, clipped):
    model, loss_fn = mlp_problem(torch.float32)
    other = copy.deepcopy(model)
    pair = []
    for each in (model, other):
        optimizer = OPTIMIZERS[name](each.parameters())
        if clipped:
            clip_before(optimizer, 0.05)
        loop(each, loss_fn, optimizer, 3)  # a memory is there
        pair.append(optimizer)
    ours, theirs = pair
    for _ in range(3):
        profile = steps.profile(model, loss_fn, ours)
        loop(other, loss_fn, theirs, 1)
        assert profile.losses([1])[0] == pytest.approx(loss_fn(other).item(), abs=1e-6)
        profile.take_(1)
        for left, right in zip(model.parameters(), other.parameters(), strict=True):
            assert torch.allclose(left, right, atol=1e-6)
    assert profile.stable_lr is None


def test_looking_leaves_the_optimizer_as_it_was():
    model, loss_fn = mlp_problem()
    optimizer = torch.optim.AdamW(model.parameters(), 0.01)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    loop(model, loss_fn, optimizer, 2)
    memory, held = copy.deepcopy(optimizer.state_dict()), dict(optimizer.state)
    before = snapshot(model)
    profile = steps.profile(model, loss_fn, optimizer)
    assert profile.best_lr > 0
    assert profile.curvature != 0
    assert_same(before, snapshot(model))
    for param, kept in held.items():
        assert optimizer.state[param] is kept
    after = optimizer.state_dict()
    assert str(memory) == str(after)
    profile.take_(2)
    schedule.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.001)


def test_a_parameter_that_the_loss_does_not_use_does_not_decay():
    model = nn.ModuleDict({"used": nn.Linear(2, 1), "idle": nn.Linear(2, 1)})
    optimizer = torch.optim.AdamW(model.parameters(), 0.1, weight_decay=0.5)
    profile = steps.profile(
        model, lambda m: m["used"](torch.ones(3, 2)).sum(), optimizer
    )
    idle = profile.along([1], lambda m: m["idle"].weight)[0]
    assert torch.equal(idle, model["idle"].weight)


def test_optimizers_that_cannot_be_foreseen_are_named():
    model, loss_fn = mlp_problem()
    with pytest.raises(ValueError, match="LBFGS"):
        steps.profile(model, loss_fn, torch.optim.LBFGS(model.parameters()))
    other, _ = mlp_problem()
    with pytest.raises(ValueError, match="of another model"):
        steps.profile(model, loss_fn, torch.optim.SGD(other.parameters(), 0.1))
    both = [*model.parameters(), *other.parameters()]
    with pytest.raises(ValueError, match="also moves parameters"):
        steps.profile(model, loss_fn, torch.optim.SGD(both, 0.1))


# Batches


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_batches_are_their_union(dtype):
    model, _ = mlp_problem(dtype, sizes=(3, 5, 2))
    x = torch.tensor(np.random.default_rng(0).standard_normal((11, 3)), dtype=dtype)
    y = torch.arange(11) % 2

    def loss_fn(m, batch=(x, y)):
        return F.cross_entropy(m(batch[0]), batch[1])

    whole = steps.profile(model, loss_fn)
    parts = [(x[:7], y[:7]), (x[7:], y[7:])]
    for batches in (parts, [{0: a, 1: b} for a, b in parts]):
        union = steps.profile(model, loss_fn, batches=batches)
        rel = 1e-4 if dtype == torch.float32 else 1e-9
        for name in ("loss", "grad_norm", "curvature", "stable_lr"):
            ours, theirs = getattr(union, name), getattr(whole, name)
            assert ours == pytest.approx(theirs, rel=10 * rel), name
        lrs = [0.1, 1.0]
        assert np.allclose(union.losses(lrs), whole.losses(lrs), rtol=rel)
        assert union.best_lr == pytest.approx(whole.best_lr, rel=1e-2)


def test_batches_come_one_at_a_time():
    model, _ = mlp_problem()
    seen = []

    def loss_fn(m, batch):
        seen.append(len(batch))
        return m(batch).square().mean()

    steps.profile(
        model, loss_fn, batches=[torch.ones(2, 3).double(), torch.ones(5, 3).double()]
    )
    assert set(seen) == {2, 5}


def test_no_batches_are_named():
    model, loss_fn = mlp_problem()
    with pytest.raises(ValueError, match="batches is empty"):
        steps.profile(model, loss_fn, batches=[])


# Another scalar


def test_promise_is_the_slope_of_another_scalar():
    model, loss_fn = mlp_problem()
    profile = steps.profile(model, loss_fn)

    def other(m):
        return m(torch.ones(1, 3).double())[0, 1]

    before = snapshot(model)
    promised = profile.promise(other)
    assert_same(before, snapshot(model))
    low, high = profile.along([0, 1e-6], other)
    assert promised == pytest.approx((high - low).item() / 1e-6, rel=1e-3)
    assert profile.promise(loss_fn) == pytest.approx(profile.slope)
    with pytest.raises(ValueError, match="measure depends on no trainable"):
        profile.promise(lambda m: torch.ones(()))
    with pytest.raises(TypeError, match="measure returned a float"):
        profile.promise(lambda m: 1.0)


# All singular values made 1


@pytest.mark.parametrize("shape", [(7, 5), (5, 11), (3, 3), (6,), (4, 3, 2)])
def test_orthogonal_is_the_polar_factor(shape):
    grad = torch.tensor(np.random.default_rng(0).standard_normal(shape))
    matrix = grad.reshape(1 if grad.dim() < 2 else len(grad), -1)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    found = directions.orthogonal(grad)
    assert found.shape == grad.shape
    assert torch.allclose(found.reshape(matrix.shape), left @ right, atol=1e-9)


def test_rounding_noise_is_no_direction():
    """A gradient of three tokens has rank 3; what else is there is rounding."""
    random = np.random.default_rng(0)
    thin = [torch.tensor(random.standard_normal(s)).float() for s in ((40, 3), (3, 60))]
    found = directions.orthogonal(thin[0] @ thin[1])
    values = torch.linalg.svdvals(found)
    assert torch.allclose(values[:3], torch.ones(3), atol=1e-4)
    assert values[3:].max() < 1e-4
    assert not directions.orthogonal(torch.zeros(3, 4)).any()


def test_a_profile_goes_the_orthogonal_way():
    model, loss_fn = mlp_problem()
    one = steps.profile(model, loss_fn, "orthogonal")
    for step, param in zip(one.direction, model.parameters(), strict=True):
        matrix = step.reshape(1 if step.dim() < 2 else len(step), -1)
        assert torch.linalg.svdvals(matrix).max() == pytest.approx(1, abs=1e-4)
        assert step.dtype == param.dtype
    assert one.slope < 0
    assert one.stable_lr is None
    with pytest.raises(ValueError, match='"gradient", "sign", "orthogonal"'):
        steps.profile(model, loss_fn, "newton")


def test_a_profile_is_gone_when_it_is_deleted():
    """It holds three copies of what can be trained, and must not wait for gc."""
    model, loss_fn = mlp_problem()
    gc.disable()
    try:
        one = steps.profile(model, loss_fn)
        assert one.best_lr
        assert one.break_even_lr
        gone = weakref.ref(one)
        del one
        assert gone() is None
    finally:
        gc.enable()
