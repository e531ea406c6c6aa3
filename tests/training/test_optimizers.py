"""Groups of parameters, optimizers and schedules, with values by hand."""

import math

import pytest
import torch
from torch import nn

from course_utils.training import optimizers


def model():
    return nn.ModuleDict(
        {
            "body": nn.ModuleDict({"one": nn.Linear(2, 3), "two": nn.Linear(3, 3)}),
            "norm": nn.LayerNorm(3),
            "head": nn.Linear(3, 2),
        }
    )


def names_of(groups, model):
    names = {id(param): name for name, param in model.named_parameters()}
    return {
        (group["lr"], group.get("weight_decay")): [
            names[id(param)] for param in group["params"]
        ]
        for group in groups
    }


# Groups


def test_one_rate_makes_two_groups_and_only_matrices_decay():
    ours = model()
    groups = optimizers.groups(ours, 0.1, 0.01)
    assert names_of(groups, ours) == {
        (0.1, 0.01): ["body.one.weight", "body.two.weight", "head.weight"],
        (0.1, 0.0): [
            *["body.one.bias", "body.two.bias"],
            *["norm.weight", "norm.bias", "head.bias"],
        ],
    }


def test_longest_beginning_counts_and_zero_freezes():
    ours = model()
    lr = {"": 0.1, "body": 0.0, "body.two": 0.3, "head.bias": 0.5, "head": 0.0}
    ours["norm"].bias.requires_grad_(False)
    assert names_of(optimizers.groups(ours, lr, 0.01), ours) == {
        (0.3, 0.01): ["body.two.weight"],
        (0.3, 0.0): ["body.two.bias"],
        (0.1, 0.0): ["norm.weight"],
        (0.5, 0.0): ["head.bias"],
    }


@pytest.mark.parametrize("name", optimizers.OPTIMIZERS)
@pytest.mark.parametrize("weight_decay", [None, 0.5])
def test_weight_decay_reaches_matrices_only(name, weight_decay):
    """With a gradient of zero, decay alone moves a parameter."""
    ours = nn.Linear(3, 3)
    nn.init.ones_(ours.bias)
    before = ours.weight.detach().clone()
    optimizer = optimizers.make(name, optimizers.groups(ours, 0.1, weight_decay))
    for param in ours.parameters():
        param.grad = torch.zeros_like(param)
    optimizer.step()
    assert torch.equal(ours.bias, torch.ones(3))
    decays = weight_decay is not None or name == "adamw"
    assert torch.equal(ours.weight, before) != decays
    if name == "adamw":
        kept = 1 - 0.1 * (0.01 if weight_decay is None else weight_decay)
        assert torch.allclose(ours.weight, kept * before)


def test_tied_parameters_are_one():
    ours = model()
    ours["body"]["two"].weight = ours["body"]["one"].weight
    groups = optimizers.groups(ours, 0.1, None)
    params = [id(param) for group in groups for param in group["params"]]
    assert len(set(params)) == len(params) == 7


@pytest.mark.parametrize(
    ("lr", "words"),
    [
        (-0.1, "lr is -0.1: give a finite number from 0"),
        (math.nan, "lr is nan"),
        ({"": 0.1, "head": math.inf}, "lr is inf"),
        ({"head": 0.1}, "no rate for 'body.one.weight': add"),
        ({"": 0.1, "hat": 0.1}, "names 'hat', and no parameter begins so"),
        ({}, "no rate for"),
        (0, "every parameter is frozen"),
        ({"": 0.0, "head": 0.0}, "every parameter is frozen"),
    ],
)
def test_bad_rates_are_named(lr, words):
    with pytest.raises(ValueError, match=words):
        optimizers.groups(model(), lr, None)


# Optimizers


def test_each_name_is_the_optimizer_of_pytorch():
    made = {
        name: optimizers.make(name, [{"params": [torch.zeros(1)], "lr": 0.1}])
        for name in optimizers.OPTIMIZERS
    }
    assert [type(each).__name__ for each in made.values()] == [
        *["SGD", "SGD", "Adam", "AdamW"]
    ]
    assert [made[name].defaults["momentum"] for name in ("sgd", "momentum")] == [0, 0.9]
    assert made["adamw"].defaults["weight_decay"] == 0.01


def test_own_function_gets_the_groups():
    groups = optimizers.groups(model(), 0.1, 0.3)
    made = optimizers.make(torch.optim.RMSprop, groups)
    assert [group["weight_decay"] for group in made.param_groups] == [0.3, 0.0]


@pytest.mark.parametrize("name", ["Adam", "", None, 3])
def test_unknown_optimizer_is_named(name):
    with pytest.raises(ValueError, match=f"optimizer is {name!r}: give one of .*'sgd'"):
        optimizers.make(name, [{"params": [torch.zeros(1)]}])


# Schedules


def rates(kind, num_steps, taken=None):
    """The learning rate of each step, from 1."""
    param = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([param], lr=1.0)
    schedule, found = optimizers.schedule(kind, optimizer, num_steps), []
    for _ in range(taken or num_steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


@pytest.mark.parametrize(
    ("kind", "num_steps", "wanted"),
    [
        ("constant", 3, [1, 1, 1]),
        ("linear", 4, [7 / 8, 5 / 8, 3 / 8, 1 / 8]),
        ("linear", 1, [1 / 2]),
        ("cosine", 3, [(1 + 0.75**0.5) / 2, 1 / 2, (1 - 0.75**0.5) / 2]),
        ("step", 6, [1, 1, 0.1, 0.1, 0.01, 0.01]),
        ("warm-up", 10, [0.5, *((19 - 2 * i) / 18 for i in range(1, 10))]),
        ("warm-up", 1, [5 / 9]),
        ("warm-up", 40, [1 / 8, 3 / 8, 5 / 8, 7 / 8, *((71 - 2 * i) / 72
                                                       for i in range(36))]),
        (lambda done: done**2, 2, [1 / 16, 9 / 16]),
    ],
)  # fmt: skip
def test_rates_by_hand(kind, num_steps, wanted):
    assert rates(kind, num_steps) == pytest.approx(wanted)


@pytest.mark.parametrize("kind", optimizers.SCHEDULES)
def test_no_step_stands_still_and_more_steps_than_planned_are_no_error(kind):
    for num_steps in (1, 2, 3, 10, 97):
        found = rates(kind, num_steps, taken=num_steps + 2)
        assert all(0 < rate <= 1 for rate in found[:num_steps])
        assert all(0 <= rate <= 1 for rate in found)


def test_schedule_keeps_the_ratio_of_the_groups():
    params = [torch.zeros(1, requires_grad=True) for _ in range(2)]
    groups = [{"params": [params[0]], "lr": 0.1}, {"params": [params[1]], "lr": 0.5}]
    optimizer = torch.optim.SGD(groups)
    optimizers.schedule("linear", optimizer, 2)
    rates = [group["lr"] for group in optimizer.param_groups]
    assert rates == pytest.approx([0.075, 0.375])


def test_plateau_halves_after_the_first_loss_that_is_not_lower():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule, found = optimizers.schedule("plateau", optimizer, 9), []
    for loss in (3.0, 2.0, 2.0, 1.0, 1.5, 1.2):
        schedule.step(loss)
        found.append(optimizer.param_groups[0]["lr"])
    assert found == [1, 1, 0.5, 0.5, 0.25, 0.125]


@pytest.mark.parametrize("kind", ["Linear", "", None])
def test_unknown_schedule_is_named(kind):
    with pytest.raises(ValueError, match=f"schedule is {kind!r}: .*'plateau'.*functio"):
        rates(kind, 3)
