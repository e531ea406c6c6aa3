"""Update rules: values by hand, torch.optim over many steps, structures, bad input."""

import copy
import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.steps import rules, surfaces

RULES = {
    "sgd": partial(rules.sgd_step, lr=0.1),
    "momentum": partial(rules.momentum_step, lr=0.1, momentum=0.9),
    "heavy ball": partial(rules.heavy_ball_step, lr=0.1, momentum=0.9),
    "nesterov": partial(rules.nesterov_step, lr=0.1, momentum=0.9),
    "adam": partial(rules.adam_step, lr=0.1),
    "adamw": partial(rules.adamw_step, lr=0.1),
    "newton": lambda p, g: rules.newton_step(p, g, identity_for(p), lr=0.1),
    "line search": lambda p, g: rules.line_search_step(
        p, lambda trial: 1.0 if trial is p else 0.0, g, lr=0.1
    ),
}
STATEFUL = ("momentum", "heavy ball", "nesterov", "adam", "adamw")
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def identity_for(tree):
    if isinstance(tree, dict):
        tree = tree.values()
    leaves = [tree] if tree is None or isinstance(tree, torch.Tensor) else tree
    sizes = [leaf.numel() for leaf in leaves if isinstance(leaf, torch.Tensor)]
    return torch.eye(sum(sizes), dtype=torch.float64)


def new_params(result):
    return result[0] if isinstance(result, tuple) else result


def random_tree(rng):
    """Return tensors of shapes that broadcast against nothing."""
    shapes = {"weight": (2, 3), "bias": (5,), "scale": ()}
    return {name: torch.tensor(rng.normal(size=s)) for name, s in shapes.items()}


# Values by hand


def test_sgd_by_hand():
    assert rules.sgd_step(tensor(1, 2), tensor(4, -8), lr=0.25).tolist() == [0, 4]


@pytest.mark.parametrize(
    ("rule", "first", "second"),
    [(rules.momentum_step, 0.0, -2.5), (rules.nesterov_step, -0.5, -3.75)],
)
def test_momentum_by_hand(rule, first, second):
    # v = 4, then 0.5 * 4 + 8 = 10; Nesterov moves by 4 + 2 = 6, then 8 + 5 = 13
    params, velocity = rule(tensor(1), tensor(4), lr=0.25, momentum=0.5)
    assert (params.item(), velocity.item()) == (first, 4)
    params, velocity = rule(params, tensor(8), velocity, lr=0.25, momentum=0.5)
    assert (params.item(), velocity.item()) == (second, 10)


def test_heavy_ball_by_hand():
    # v = 0.25 * 4 = 1, then 0.5 * 1 + 0.5 * 8 = 4.5: the old speed keeps its old lr
    params, velocity = rules.heavy_ball_step(
        tensor(1), tensor(4), lr=0.25, momentum=0.5
    )
    assert (params.item(), velocity.item()) == (0, 1)
    params, velocity = rules.heavy_ball_step(
        params, tensor(8), velocity, lr=0.5, momentum=0.5
    )
    assert (params.item(), velocity.item()) == (-4.5, 4.5)


def test_adam_by_hand():
    settings = {"lr": 0.5, "betas": (0.5, 0.75), "eps": 1.0}
    params, moments = rules.adam_step(tensor(2), tensor(4), **settings)
    assert params.item() == 2 - 0.5 * 4 / (4 + 1)  # the means are 4 and 16, unbiased
    assert moments == (tensor(2), tensor(4), 1)
    params, moments = rules.adam_step(tensor(2), tensor(-4), moments, **settings)
    mean, square = (1 - 2) / 0.75, (3 + 4) / (1 - 0.75**2)
    assert params.item() == pytest.approx(2 - 0.5 * mean / (square**0.5 + 1))
    assert moments.num_steps == 2


def test_adamw_by_hand():
    settings = {"lr": 0.5, "eps": 1.0, "weight_decay": 0.25}
    params, _ = rules.adamw_step(tensor(2), tensor(4), **settings)
    assert params.item() == pytest.approx(2 - 0.5 * 0.25 * 2 - 0.5 * 4 / (4 + 1))


def test_newton_by_hand():
    hessian = tensor((2, 1), (1, 3))  # its inverse is ((3, -1), (-1, 2)) / 5
    params = rules.newton_step(tensor(1, 1), tensor(5, 10), hessian, lr=0.5)
    torch.testing.assert_close(params, tensor(0.5, -0.5))
    params = rules.newton_step(
        tensor(1, 1), tensor(6, 8), tensor((0, 0), (0, 2)), damping=2
    )
    torch.testing.assert_close(params, tensor(-2, -1))


def test_line_search_by_hand():
    def square(params):
        return (params**2).sum()

    # from 3 with gradient 6: lr 4, 2 and 1 do not lower the loss, 0.5 lands at 0
    params, lr = rules.line_search_step(tensor(3), square, tensor(6), lr=4.0)
    assert (params.item(), lr) == (0, 0.5)
    # with c = 0.6 it must fall by 0.6 * lr * 36: true below lr 0.4
    params, lr = rules.line_search_step(tensor(3), square, tensor(6), lr=4.0, c=0.6)
    assert (params.item(), lr) == (1.5, 0.25)


# Against torch.optim


OPTIMIZERS = [
    (rules.sgd_step, torch.optim.SGD, {}, {}),
    *(
        (rule, torch.optim.SGD, {"momentum": beta}, {"nesterov": nesterov})
        for rule, nesterov in (
            (rules.momentum_step, False),
            (rules.nesterov_step, True),
        )
        for beta in (0.3, 0.9, 0.99)
    ),
    *(
        (rule, optimizer, {"betas": betas, "eps": eps}, {})
        for rule, optimizer in (
            (rules.adam_step, torch.optim.Adam),
            (rules.adamw_step, torch.optim.AdamW),
        )
        for betas, eps in (((0.9, 0.999), 1e-8), ((0.5, 0.8), 1e-3), ((0.0, 0.0), 0.1))
    ),
    (rules.adamw_step, torch.optim.AdamW, {"weight_decay": 0.0}, {}),
    (rules.adamw_step, torch.optim.AdamW, {"weight_decay": 0.5}, {}),
]


@pytest.mark.parametrize("lr", [0.0, 1e-3, 0.07])
@pytest.mark.parametrize(("rule", "optimizer", "both", "only"), OPTIMIZERS)
def test_equals_torch_optim(rule, optimizer, both, only, lr):
    rng = np.random.default_rng(5)
    params = random_tree(rng)
    theirs = {name: torch.nn.Parameter(leaf.clone()) for name, leaf in params.items()}
    optim = optimizer(theirs.values(), lr=lr, **both, **only)
    state = ()
    for _ in range(25):
        grads = random_tree(rng)  # any gradients will do, and these never settle
        for name, leaf in theirs.items():
            leaf.grad = grads[name].clone()
        optim.step()
        result = rule(params, grads, *state, lr=lr, **both)
        params, *state = result if isinstance(result, tuple) else (result,)
        for name, leaf in theirs.items():
            tolerance = 0 if optimizer is torch.optim.SGD else 1e-12
            torch.testing.assert_close(
                params[name], leaf.data, rtol=tolerance, atol=tolerance
            )


# Structures


@every_rule
def test_structure_and_inputs_are_kept(rule):
    tree = random_tree(np.random.default_rng(7))
    grads = random_tree(np.random.default_rng(11))
    keys = list(tree)
    before = copy.deepcopy((tree, grads))
    as_dict = new_params(rule(tree, dict(reversed(grads.items()))))
    as_list = new_params(rule([tree[k] for k in keys], tuple(grads[k] for k in keys)))
    alone = new_params(rule(tree["weight"], grads["weight"]))
    assert list(as_dict) == keys
    assert isinstance(as_list, list)
    for key, leaf in zip(keys, as_list, strict=True):
        assert leaf.shape == tree[key].shape
        assert leaf.dtype == torch.float64
        assert torch.equal(leaf, as_dict[key])
        assert not torch.equal(leaf, tree[key])
        assert leaf.data_ptr() != tree[key].data_ptr()
        assert torch.equal(tree[key], before[0][key])
        assert torch.equal(grads[key], before[1][key])
    torch.testing.assert_close(alone, as_dict["weight"])


@pytest.mark.parametrize("name", STATEFUL)
def test_state_is_not_changed(name):
    params, grads = tensor(1, 2, 3), tensor(4, 5, 6)
    _, state = RULES[name](params, grads)
    before = copy.deepcopy(state)
    RULES[name](params, grads, state)
    for old, new in zip(state, before, strict=True):
        assert torch.equal(torch.as_tensor(old), torch.as_tensor(new))


@every_rule
def test_result_records_no_gradient(rule):
    params = torch.nn.Parameter(tensor(1, 2))
    result = new_params(rule(params, tensor(3, 4)))
    assert not result.requires_grad
    assert type(result) is torch.Tensor
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("name", ["sgd", *STATEFUL])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_dtype_is_kept(name, dtype):
    ones = torch.ones(3, dtype=dtype)
    options = {"eps": 1e-4} if name.startswith("adam") else {}  # 1e-8 is 0 in float16
    params = new_params(RULES[name](ones, ones, **options))
    assert params.dtype == dtype
    assert params.max() < 1


@pytest.mark.parametrize("lr", [np.float64(0.1), torch.tensor(0.1)])
@pytest.mark.parametrize("name", ["sgd", *STATEFUL])
def test_lr_may_be_a_numpy_or_torch_number(name, lr):
    result = new_params(RULES[name](tensor(1, 2), tensor(3, 4), lr=lr))
    expected = new_params(RULES[name](tensor(1, 2), tensor(3, 4), lr=0.1))
    torch.testing.assert_close(result, expected)
    assert result.dtype == torch.float64


@pytest.mark.parametrize("name", ["sgd", *STATEFUL])
def test_diverged_gradient_is_a_value(name):
    result = new_params(RULES[name](tensor(1, 2), tensor(math.nan, 1)))
    assert result[0].isnan()
    assert result[1].isfinite()


# Newton


@settings(max_examples=25, deadline=None)
@given(
    condition=st.floats(1, 1e4),
    angle=st.floats(-4, 4),
    scale=st.floats(1e-3, 1e3),
    x=st.floats(-9, 9),
)
def test_one_newton_step_solves_a_bowl(condition, angle, scale, x):
    bowl, params = surfaces.bowl(condition, angle=angle, scale=scale), tensor(x, 3)
    end = rules.newton_step(params, bowl.gradient(params), bowl.hessian(params))
    assert end.norm() < 1e-9


def test_newton_on_a_dict_uses_the_order_of_params():
    params = {"b": tensor(1, 2), "a": tensor((3,))}
    grads = {"a": tensor((30,)), "b": tensor(10, 20)}
    hessian = torch.diag(tensor(1, 2, 3))
    end = rules.newton_step(params, grads, hessian)
    assert end["b"].tolist() == [-9, -8]
    assert end["a"].tolist() == [[-7]]


@pytest.mark.parametrize(
    ("hessian", "damping", "message"),
    [
        (((1, 0), (0, -2)), None, r"smallest eigenvalue -2.*damping= above 2"),
        (((1, 0), (0, -2)), 1.5, r"smallest eigenvalue -0.5.*damping= above 2"),
        (((1, 0), (0, -2)), 2.0, "not positive definite"),
        (((1, 1), (1, 1)), None, "damping= above 0"),
        (((1, 0), (0, 1e-17)), None, "damping= above 0"),
        (((1, 0), (0, math.nan)), None, "hessian holds nan"),
        (((1, 5), (0, 1)), None, "not symmetric"),
        ((1, 2), None, "hessian must be"),
        (((1, 0), (0, 1)), -1.0, "damping must"),
    ],
)
def test_newton_refuses(hessian, damping, message):
    with pytest.raises(ValueError, match=message):
        rules.newton_step(tensor(1, 1), tensor(1, 1), tensor(*hessian), damping=damping)


def test_damped_newton_descends_from_a_saddle():
    saddle, params = surfaces.saddle(), tensor(0.1, 1.5)  # undamped: up, to the saddle
    grads, hessian = saddle.gradient(params), saddle.hessian(params)
    end = rules.newton_step(params, grads, hessian, damping=2.5)
    assert saddle(end) < saddle(params)


def test_newton_names_the_cost_of_a_large_hessian():
    params = torch.zeros(rules.NEWTON_LIMIT + 1)
    with pytest.raises(ValueError, match=r"2,001 parameters .* 4\.0e\+06 entries"):
        rules.newton_step(params, params, torch.eye(2))


# Line search


@settings(max_examples=25, deadline=None)
@given(
    start=st.tuples(st.floats(-3, 3), st.floats(-3, 3)),
    lr=st.floats(1e-3, 1e3),
    shrink=st.floats(0.1, 0.9),
    c=st.floats(1e-4, 0.4),
)
def test_line_search_takes_the_first_lr_that_satisfies_armijo(start, lr, shrink, c):
    surface, params = surfaces.himmelblau(), tensor(*start)
    grads = surface.gradient(params)
    options = {"lr": lr, "shrink": shrink, "c": c, "max_tries": 400}
    end, found = rules.line_search_step(params, surface, grads, **options)

    def accepts(trial_lr):
        bound = surface(params) - c * trial_lr * grads @ grads
        return surface(params - trial_lr * grads) <= bound

    assert torch.equal(end, torch.add(params, -grads, alpha=found))
    assert accepts(found)
    assert found == lr or not accepts(found / shrink)


def test_line_search_steps_over_losses_that_are_not_finite():
    def loss_fn(params):  # falls to the left, but is log of a negative number below 0
        return params.log().sum() if params[0] > 0.9 else params.sum() * -math.inf

    params, lr = rules.line_search_step(tensor(1), loss_fn, tensor(1))
    assert (params.item(), lr) == (1 - 1 / 16, 1 / 16)


def test_line_search_with_a_direction_of_ones_own():
    bowl, params = surfaces.bowl(5.0), tensor(2, 3)
    grads = bowl.gradient(params)
    end, lr = rules.line_search_step(params, bowl, grads, -params)  # Newton's
    assert (end.tolist(), lr) == ([0, 0], 1.0)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"direction": tensor(2, 6)}, ValueError, "direction does not descend"),
        ({"direction": tensor(3, -1)}, ValueError, "direction does not descend"),
        ({"direction": tensor(math.nan, 0)}, ValueError, "does not descend"),
        ({"grads": tensor(0, 0)}, ValueError, "0 if the gradient is zero"),
        ({"direction": tensor(-2, -6, 0)}, ValueError, "direction must be"),
        ({"loss_fn": lambda params: params}, ValueError, "must return a scalar"),
        ({"loss_fn": lambda params: [1.0, 2.0]}, ValueError, "must return a scalar"),
        ({"loss_fn": lambda params: math.nan}, ValueError, r"loss_fn\(params\) is nan"),
        ({"grads": tensor(-2, -6)}, RuntimeError, "no lr from 1 down to"),
        ({"c": 0.0}, ValueError, "c, shrink must"),
        ({"c": 1.0}, ValueError, "c, shrink must"),
        ({"shrink": 1.0}, ValueError, "c, shrink must"),
        ({"shrink": 0.0}, ValueError, "c, shrink must"),
        ({"max_tries": 0}, ValueError, "max_tries"),
        ({"max_tries": 1, "lr": 9.0}, RuntimeError, "no lr from 9 down to 9"),
    ],
)
def test_line_search_refuses(change, error, message):
    arguments = {"loss_fn": lambda p: (p**2).sum(), "grads": tensor(2, 6)} | change
    with pytest.raises(error, match=message):
        rules.line_search_step(tensor(1, 3), **arguments)


# Bad input


ONE = torch.ones(2, dtype=torch.float64)


@every_rule
@pytest.mark.parametrize(
    ("params", "grads", "error", "message"),
    [
        (ONE, ONE[:, None], ValueError, r"grads must be .* to match"),
        (ONE, ONE[:1], ValueError, r"grads must be .* to match"),
        (ONE, ONE.float(), ValueError, "grads must be torch.float64"),
        (ONE, None, ValueError, "grads is None: call loss.backward"),
        (ONE, 0.5, TypeError, "grads must be a tensor"),
        (ONE, [ONE], ValueError, "grads has keys"),
        ([ONE, ONE], ONE, ValueError, "grads has keys"),
        ([ONE, ONE], [ONE], ValueError, "grads has keys"),
        (
            [ONE, ONE],
            [ONE, None],
            ValueError,
            r"grads\[1\] is None.*call loss.backward",
        ),
        ({"w": ONE}, {"w": ONE, "b": ONE}, ValueError, "grads has keys"),
        ({"w": ONE}, {"w": ONE[:1]}, ValueError, r"grads\['w'\] must be"),
        ({"w": ONE}, [ONE], ValueError, "grads has keys"),
        ([], [], ValueError, "params holds no tensor"),
        (ONE.long(), ONE.long(), TypeError, "params must be a floating-point tensor"),
        (ONE * 1j, ONE * 1j, TypeError, "params must be a floating-point tensor"),
        ([1.0], [1.0], TypeError, r"params\[0\] must be a floating-point tensor"),
        (None, ONE, TypeError, "params must be a tensor"),
    ],
)
def test_bad_tensors(rule, params, grads, error, message):
    with pytest.raises(error, match=message):
        rule(params, grads)


WIDE = rules.Moments(ONE[:, None], ONE[:, None], 1)
BAD_NUMBERS = [
    *((name, {"lr": lr}, "lr") for name in ("sgd", *STATEFUL) for lr in (-1, math.nan)),
    *((name, {"lr": math.inf}, "lr") for name in ("sgd", *STATEFUL)),
    *(
        (name, {"momentum": momentum}, "momentum")
        for name in ("momentum", "nesterov")
        for momentum in (-0.1, 1.0, math.nan)
    ),
    *(
        (name, change, argument)
        for name in ("adam", "adamw")
        for change, argument in (
            ({"betas": (1.0, 0.9)}, "beta1"),
            ({"betas": (0.9, -0.1)}, "beta2"),
            ({"eps": -1e-8}, "eps"),
            ({"moments": WIDE}, "mean"),
        )
    ),
    ("adamw", {"weight_decay": -1}, "weight_decay"),
    ("momentum", {"velocity": ONE[:, None]}, "velocity"),
    ("nesterov", {"velocity": ONE[:1]}, "velocity"),
]


@pytest.mark.parametrize(("name", "change", "argument"), BAD_NUMBERS)
def test_bad_number_or_state_is_named(name, change, argument):
    with pytest.raises(ValueError, match=f"^{argument} must"):
        RULES[name](ONE, ONE, **change)


@pytest.mark.parametrize("lr", [-1.0, math.nan, math.inf])
def test_bad_lr_of_newton_and_line_search(lr):
    with pytest.raises(ValueError, match="^lr must"):
        rules.newton_step(ONE, ONE, torch.eye(2, dtype=torch.float64), lr=lr)
    with pytest.raises(ValueError, match="^lr must"):
        rules.line_search_step(ONE, torch.sum, ONE, lr=lr)
