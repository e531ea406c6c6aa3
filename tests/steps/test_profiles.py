import copy
import math

import numpy as np
import pytest
import tiny
import torch
from torch import nn
from torch.nn import functional as F

from course_utils import models, steps
from course_utils.steps import hessian, standpoint, surfaces

SURFACES = {
    "bowl": surfaces.bowl(7, angle=0.4),
    "rosenbrock": surfaces.rosenbrock(),
    "beale": surfaces.beale(),
    "saddle": surfaces.saddle(),
    "himmelblau": surfaces.himmelblau(),
}


def random(*shape, seed=0, dtype=torch.float64):
    values = np.random.default_rng(seed).standard_normal(shape)
    return torch.tensor(values, dtype=dtype)


def point(surface):
    return torch.tensor(surface.start, dtype=torch.float64, requires_grad=True)


def mlp_problem(dtype=torch.float64, sizes=(3, 5, 2), batch=7):
    torch.manual_seed(0)
    model = models.MLP(*sizes).to(dtype)
    features = random(batch, sizes[0], dtype=dtype)
    targets = torch.arange(batch) % sizes[2]
    return model, lambda m: F.cross_entropy(m(features), targets)


def snapshot(model):
    """Every bit that a profile might disturb."""
    return copy.deepcopy(
        (
            {name: value.clone() for name, value in model.state_dict().items()},
            [None if p.grad is None else p.grad.clone() for p in model.parameters()],
            [p.requires_grad for p in model.parameters()],
            model.training,
            torch.get_rng_state(),
        )
    )


def assert_same(before, after):
    assert before[0].keys() == after[0].keys()
    for name, value in before[0].items():
        assert torch.equal(value, after[0][name]), name
    for left, right in zip(before[1], after[1], strict=True):
        assert (left is None and right is None) or torch.equal(left, right)
    assert before[2:4] == after[2:4]
    assert torch.equal(before[4], after[4])


class Noisy(nn.Module):
    """Dropout, batch norm, a frozen and a tied parameter."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(5, 5), nn.Linear(5, 5)
        self.norm, self.drop = nn.BatchNorm1d(5), nn.Dropout(0.5)
        self.second.weight = self.first.weight
        self.second.bias.requires_grad_(False)

    def forward(self, features):
        return self.second(self.drop(self.norm(self.first(features)).relu()))


def noisy_problem():
    torch.manual_seed(1)
    model, features = Noisy(), random(11, 5, dtype=torch.float32)
    return model, lambda m: (m(features) ** 2).mean()


def naive_losses(model, loss_fn, lrs):
    """The slow way: copy the model, take the step with SGD, look."""
    losses = []
    for lr in lrs:
        other = copy.deepcopy(model)
        state = torch.get_rng_state()
        loss_fn(other).backward()
        torch.optim.SGD([p for p in other.parameters() if p.requires_grad], lr).step()
        torch.set_rng_state(state)
        with torch.no_grad():
            losses.append(loss_fn(other).item())
        torch.set_rng_state(state)
    return losses


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_losses_equal_those_of_a_real_step(dtype):
    model, loss_fn = mlp_problem(dtype)
    lrs = [0.0, 1e-3, 0.1, 1.0, 30.0]
    profile = steps.profile(model, loss_fn)
    assert np.allclose(
        profile.losses(lrs), naive_losses(model, loss_fn, lrs), atol=1e-6
    )
    assert profile.losses([0])[0] == pytest.approx(profile.loss, abs=1e-7)


def test_dropout_drops_the_same_units_along_the_ray():
    model, loss_fn = noisy_problem()
    lrs = [0.0, 0.01, 0.1, 1.0]
    naive = naive_losses(model, loss_fn, lrs)
    assert np.allclose(steps.profile(model, loss_fn).losses(lrs), naive, atol=1e-6)


def test_grad_norm_and_linear_by_hand():
    bowl = SURFACES["bowl"]
    params = point(bowl)
    grads = bowl.gradient(params.detach())
    profile = steps.profile(params, bowl)
    assert profile.grad_norm == pytest.approx(grads.norm().item())
    lrs = np.array([0.1, 2.0])
    wanted = profile.loss - lrs * (grads @ grads).item()
    assert np.allclose(profile.linear(lrs), wanted)


def test_the_quadratic_promise_is_exact_on_a_bowl_and_the_linear_is_not():
    bowl = SURFACES["bowl"]
    profile = steps.profile(point(bowl), bowl)
    lrs = np.linspace(0, 5, 9)
    assert np.allclose(profile.quadratic(lrs), profile.losses(lrs))
    assert not np.allclose(profile.linear(lrs), profile.losses(lrs))


def test_promises_hold_near_the_start_of_a_network():
    model, loss_fn = mlp_problem()
    profile = steps.profile(model, loss_fn)
    for lr in (1e-3, 1e-2):
        actual = profile.losses([lr])[0]
        first = abs(profile.linear([lr])[0] - actual)
        second = abs(profile.quadratic([lr])[0] - actual)
        assert second < 0.1 * first < 0.01 * abs(actual - profile.loss)


def test_best_and_break_even_of_a_bowl_are_the_formulas():
    bowl = SURFACES["bowl"]
    params = point(bowl)
    g, H = bowl.gradient(params.detach()), bowl.hessian(params.detach())
    best = (g @ g / (g @ H @ g)).item()
    profile = steps.profile(params, bowl)
    assert profile.best_lr == pytest.approx(best, rel=1e-3)
    assert profile.break_even_lr == pytest.approx(2 * best, rel=1e-3)
    assert profile.stable_lr <= profile.break_even_lr


def test_best_lr_is_the_lowest_point_of_a_network_ray():
    model, loss_fn = mlp_problem()
    profile = steps.profile(model, loss_fn)
    grid = np.geomspace(1e-3, profile.break_even_lr, 400)
    losses = profile.losses(grid)
    assert profile.losses([profile.best_lr])[0] <= losses.min() + 1e-4
    just_past = profile.losses([1.01 * profile.break_even_lr])[0]
    just_before = profile.losses([0.99 * profile.break_even_lr])[0]
    assert just_before < profile.loss < just_past


def test_a_ray_that_never_rises_breaks_even_nowhere():
    params = torch.zeros(1, requires_grad=True)
    profile = steps.profile(params, lambda p: torch.exp(-p).sum())
    assert profile.break_even_lr == math.inf
    assert profile.best_lr > 0


def test_a_direction_that_climbs_has_no_best_step():
    params = torch.tensor([2.0], requires_grad=True)
    profile = steps.profile(params, lambda p: (p**2).sum(), [torch.ones(1)])
    assert (profile.best_lr, profile.break_even_lr) == (0.0, 0.0)


def test_divergence_is_a_value():
    params = torch.tensor([1.0], requires_grad=True)
    profile = steps.profile(params, lambda p: torch.exp(p**2).sum())
    assert not np.isfinite(profile.losses([1e6]))[0]
    assert np.isfinite(profile.best_lr)
    assert np.isfinite(profile.break_even_lr)
    assert "diverged" in str(profile.report(1e6))


@pytest.mark.parametrize("name", SURFACES)
def test_stable_lr_is_two_over_the_largest_eigenvalue(name):
    surface = SURFACES[name]
    params = point(surface)
    largest = torch.linalg.eigvalsh(surface.hessian(params.detach()))[-1].item()
    wanted = 2 / largest if largest > 0 else math.inf
    assert steps.profile(params, surface).stable_lr == pytest.approx(wanted, rel=0.01)


def full_hessian(loss_fn, model):
    params = list(model.parameters())
    times = hessian.exact_product(loss_fn(model), params)
    columns = []
    for i, param in enumerate(params):
        for j in range(param.numel()):
            unit = [torch.zeros_like(p) for p in params]
            unit[i].view(-1)[j] = 1
            columns.append(torch.cat([v.flatten() for v in times(unit)]))
    return torch.stack(columns)


def test_stable_lr_of_a_small_mlp_against_its_full_hessian():
    model, loss_fn = mlp_problem()
    H = full_hessian(loss_fn, model)
    assert torch.allclose(H, H.T, atol=1e-10)
    wanted = 2 / torch.linalg.eigvalsh(H)[-1].item()
    profile = steps.profile(model, loss_fn)
    assert profile.stable_lr == pytest.approx(wanted, rel=0.01)
    assert profile.hessian_method == "exact"


@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_fifty_steps_on_either_side_of_stable_lr(factor):
    bowl = SURFACES["bowl"]
    params = point(bowl)
    profile = steps.profile(params, bowl)
    lr, start = factor * profile.stable_lr, profile.loss
    with torch.no_grad():
        for _ in range(50):
            params -= lr * bowl.gradient(params)
    steep_part = (
        bowl.gradient(params.detach()).norm()
        > bowl.gradient(torch.tensor(bowl.start, dtype=torch.float64)).norm()
    )
    assert (bowl(params) < start) == (factor < 1)
    assert steep_part == (factor > 1)


def test_differences_of_gradients_stand_in_for_the_second_derivative():
    class NoSecond(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**4

        @staticmethod
        def backward(ctx, grad):
            if torch.is_grad_enabled():
                raise RuntimeError("second derivative is not implemented")
            return 4 * ctx.saved_tensors[0] ** 3 * grad

    params = torch.tensor([1.5, 0.5], dtype=torch.float64, requires_grad=True)
    profile = steps.profile(params, lambda p: NoSecond.apply(p).sum())
    exact = steps.profile(params, lambda p: (p**4).sum())
    assert profile.curvature == pytest.approx(exact.curvature, rel=1e-4)
    assert profile.stable_lr == pytest.approx(exact.stable_lr, rel=1e-2)
    assert profile.hessian_method == "difference of gradients"
    assert torch.equal(params, torch.tensor([1.5, 0.5], dtype=torch.float64))


def test_largest_eigenvalue_is_algebraic():
    H = torch.diag(torch.tensor([-1000.0, -3.0, 0.5, 2.0], dtype=torch.float64))
    found = hessian.largest_eigenvalue(lambda v: [H @ v[0]], [torch.zeros(4).double()])
    assert found == pytest.approx(2.0, rel=1e-3)
    zero = hessian.largest_eigenvalue(lambda v: [0 * v[0]], [torch.zeros(4)])
    assert zero == 0


def test_largest_eigenvalue_waits_for_the_largest():
    """The lowest one, far from the others, is found much earlier."""
    values = torch.cat([torch.linspace(-1, 1, 40), torch.tensor([-100.0, 1.5])])
    found = hessian.largest_eigenvalue(
        lambda v: [values.double() * v[0]], [torch.zeros(42).double()]
    )
    assert found == pytest.approx(1.5, rel=5e-3)


def test_largest_eigenvalue_says_when_it_gives_up():
    with pytest.raises(RuntimeError, match="max_products"):
        hessian.largest_eigenvalue(
            lambda v: [torch.arange(50.0) * v[0]], [torch.zeros(50)], max_products=2
        )
    with pytest.raises(RuntimeError, match="not finite"):
        hessian.largest_eigenvalue(lambda v: [math.nan * v[0]], [torch.zeros(3)])


def test_sign_and_own_directions():
    model, loss_fn = mlp_problem()
    grads = torch.autograd.grad(loss_fn(model), list(model.parameters()))
    sign = steps.profile(model, loss_fn, "sign")
    assert all(map(torch.equal, sign.direction, [-g.sign() for g in grads]))
    assert sign.slope == pytest.approx(-sum(g.abs().sum().item() for g in grads))
    assert sign.stable_lr is None
    own = steps.profile(model, loss_fn, [-2 * g for g in grads])
    plain = steps.profile(model, loss_fn)
    assert np.allclose(own.losses([0.1]), plain.losses([0.2]))
    assert own.stable_lr is None


def test_report_is_before_after_promised_actual():
    model, loss_fn = mlp_problem()
    profile = steps.profile(model, loss_fn)
    report = profile.report(0.3)
    assert report.before == profile.loss
    assert report.after == profile.losses([0.3])[0]
    assert report.actual == report.after - report.before
    assert report.before + report.promised == pytest.approx(profile.linear([0.3])[0])


def test_along_measures_the_moved_model_and_keeps_the_result():
    model, loss_fn = mlp_problem()
    profile = steps.profile(model, loss_fn)
    start, moved = profile.along([0, 0.5], lambda m: m.out.weight)
    assert torch.equal(start, model.out.weight)
    assert not torch.equal(moved, model.out.weight)
    assert not moved.requires_grad


@pytest.mark.parametrize("problem", [mlp_problem, noisy_problem])
def test_the_model_is_untouched_bit_for_bit(problem):
    model, loss_fn = problem()
    loss_fn(model).backward()
    before = snapshot(model)
    profile = steps.profile(model, loss_fn)
    _ = profile.best_lr, profile.break_even_lr, profile.stable_lr, profile.curvature
    profile.along([0.1], lambda m: m.train(m.training))
    profile.losses([1e9])
    assert_same(before, snapshot(model))


def test_the_random_state_of_the_moment_is_given_back():
    model, loss_fn = noisy_problem()
    profile = steps.profile(model, loss_fn)
    torch.rand(3)  # the learner goes on between two questions
    before = snapshot(model)
    profile.losses([0.1])
    assert_same(before, snapshot(model))


@pytest.mark.parametrize("where", ["loss_fn", "measure"])
def test_the_model_is_untouched_when_something_raises(where):
    model, loss_fn = noisy_problem()
    before, calls = snapshot(model), []

    def raising(m):
        calls.append(1)
        if len(calls) > made or where == "measure":
            raise KeyError("broken")
        return loss_fn(m)

    made = math.inf  # calls that make the profile
    profile = steps.profile(model, raising if where == "loss_fn" else loss_fn)
    made = len(calls)
    with pytest.raises(KeyError, match="broken"):
        profile.along([0.5], raising) if where == "measure" else profile.losses([0.5])
    assert_same(before, snapshot(model))


def interrupt_moves(monkeypatch, *, to_start):
    """A SIGINT whenever the model is about to be put back (or about to step)."""
    move = standpoint.Standpoint.move

    def interrupted(self, lr, direction):
        if (lr == 0) == to_start:
            tiny.interrupt()
        move(self, lr, direction)

    monkeypatch.setattr(standpoint.Standpoint, "move", interrupted)


@tiny.needs_sigint
def test_an_interrupt_waits_until_the_model_is_put_back(monkeypatch):
    model, loss_fn = noisy_problem()
    profile = steps.profile(model, loss_fn)
    before = snapshot(model)
    interrupt_moves(monkeypatch, to_start=True)
    with pytest.raises(KeyboardInterrupt):
        profile.losses([0.5])
    assert_same(before, snapshot(model))


@tiny.needs_sigint
def test_an_interrupted_step_is_taken_whole(monkeypatch):
    model, loss_fn = mlp_problem()
    profile = steps.profile(model, loss_fn)
    (promised,) = profile.losses([0.5])
    interrupt_moves(monkeypatch, to_start=False)
    with pytest.raises(KeyboardInterrupt):
        profile.take_(0.5)
    assert loss_fn(model).item() == promised
    with pytest.raises(RuntimeError, match="make a new one"):
        profile.take_(0.5)


def test_a_graph_the_learner_holds_stays_valid():
    model, loss_fn = mlp_problem()
    loss = loss_fn(model)
    steps.profile(model, loss_fn).losses([0.1, 1.0])
    loss.backward()
    assert all(p.grad is not None for p in model.parameters())


def test_take_takes_the_step_of_sgd_and_ends_the_profile():
    model, loss_fn = mlp_problem(torch.float32)
    other = copy.deepcopy(model)
    loss_fn(other).backward()
    torch.optim.SGD(other.parameters(), lr=0.7).step()
    profile = steps.profile(model, loss_fn)
    promised = profile.losses([0.7])[0]
    assert profile.take_(0.7) == promised
    assert loss_fn(model).item() == pytest.approx(promised, abs=1e-7)
    for param, wanted in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(param, wanted)
    for use in (lambda: profile.losses([0.1]), lambda: profile.take_(0.1)):
        with pytest.raises(RuntimeError, match="make a new one"):
            use()


def test_a_model_that_moved_on_is_noticed():
    model, loss_fn = mlp_problem()
    profile = steps.profile(model, loss_fn)
    with torch.no_grad():
        model.out.bias += 1
    with pytest.raises(RuntimeError, match="has moved"):
        profile.losses([0.1])
    with pytest.raises(RuntimeError, match="has moved"):
        _ = profile.stable_lr


def test_frozen_parameters_stay_and_tied_ones_count_once():
    model, loss_fn = noisy_problem()
    profile = steps.profile(model, loss_fn)
    trainable = [p for p in model.parameters() if p.requires_grad]
    assert [d.shape for d in profile.direction] == [p.shape for p in trainable]
    frozen, tied = profile.along(
        [1.0], lambda m: (m.second.bias.clone(), m.second.weight is m.first.weight)
    )[0]
    assert torch.equal(frozen, model.second.bias)
    assert tied


def one(value=1.0, **options):
    return torch.tensor([value], requires_grad=True, **options)


@pytest.mark.parametrize(
    ("model", "loss_fn", "error", "words"),
    [
        (one(0.0), lambda p: (p**2).sum(), ValueError, "gradient is zero"),
        (one(), lambda p: p.sum() * math.nan, ValueError, "nan at the start"),
        (one(), lambda p: p.sum() * math.inf, ValueError, "inf at the start"),
        (nn.Linear(2, 2).requires_grad_(False), torch.sum, ValueError, "no trainable"),
        (torch.ones(1), torch.sum, ValueError, "no trainable"),
        (one(), lambda p: torch.stack([p, p]), ValueError, "shape"),
        (one(), lambda p: torch.ones(()), ValueError, "depends on no"),
        (one(), lambda p: p.detach().sum(), ValueError, "depends on no"),
        (one(), lambda p: p.detach().sum().requires_grad_(), ValueError, "depends on"),
        (one(), lambda p: p.item(), TypeError, "scalar tensor"),
        (one(dtype=torch.complex64), torch.sum, TypeError, "complex64"),
        (torch.ones(1, dtype=torch.int64), torch.sum, TypeError, "int64"),
        ([one(), 3.0], sum, TypeError, "float"),
    ],
)
def test_bad_models_and_losses_are_named(model, loss_fn, error, words):
    with pytest.raises(error, match=words):
        steps.profile(model, loss_fn)


@pytest.mark.parametrize("lr", [-0.1, math.nan, math.inf])
def test_bad_learning_rates_are_named(lr):
    profile = steps.profile(one(), lambda p: (p**2).sum())
    for use in (profile.report, profile.take_, lambda lr: profile.linear([lr])):
        with pytest.raises(ValueError, match="lr"):
            use(lr)


def test_lr_zero_is_no_step():
    profile = steps.profile(one(), lambda p: (p**2).sum())
    assert profile.report(0.0).actual == 0


@pytest.mark.parametrize(
    ("direction", "words"),
    [("uphill", "uphill"), ([torch.ones(2)], "shapes"), ([], "shapes")],
)
def test_bad_directions_are_named(direction, words):
    with pytest.raises(ValueError, match=words):
        steps.profile(one(), lambda p: (p**2).sum(), direction)
