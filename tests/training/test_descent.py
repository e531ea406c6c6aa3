from functools import partial

import pytest
import torch

from course_utils import training
from course_utils.steps import rules, surfaces

BOWL = surfaces.bowl(7, angle=0.3)


def test_descend_is_the_loop_by_hand():
    run = training.descend(BOWL, BOWL.start, partial(rules.sgd_step, lr=0.3), 5)
    params = torch.tensor(BOWL.start, dtype=torch.float64)
    for step in range(6):
        assert torch.allclose(run.points[step], params)
        assert torch.isclose(run.losses[step], BOWL(params))
        params = params - 0.3 * BOWL.gradient(params)
    assert run.points.shape == (6, 2)
    assert (run.num_steps, run.diverged_at) == (5, None)


@pytest.mark.parametrize(
    ("rule", "optimizer"),
    [
        (
            partial(rules.momentum_step, lr=0.1, momentum=0.9),
            partial(torch.optim.SGD, lr=0.1, momentum=0.9),
        ),
        (partial(rules.adam_step, lr=0.1), partial(torch.optim.Adam, lr=0.1)),
    ],
)
def test_a_rule_keeps_its_memory_from_step_to_step(rule, optimizer):
    run = training.descend(BOWL, BOWL.start, rule, 20)
    params = torch.tensor(BOWL.start, dtype=torch.float64, requires_grad=True)
    torchs = optimizer([params])
    for _ in range(20):
        torchs.zero_grad()
        BOWL(params).backward()
        torchs.step()
    assert torch.allclose(run.points[-1], params, atol=1e-7)


def test_it_stops_at_the_first_value_that_is_not_finite_and_says_where():
    surface = surfaces.rosenbrock()
    run = training.descend(surface, surface.start, partial(rules.sgd_step, lr=1.0), 50)
    assert run.diverged_at is not None
    assert run.num_steps == run.diverged_at - 1 < 50
    assert torch.isfinite(run.losses).all()
    assert torch.isfinite(run.points).all()


def test_no_steps_is_the_start_alone_and_the_start_is_not_changed():
    start = torch.tensor([1.0, 2.0], dtype=torch.float64)
    run = training.descend(BOWL, start, partial(rules.sgd_step, lr=1.0), 0)
    assert torch.equal(run.points, start[None])
    training.descend(BOWL, start, lambda params, grads: params.sub_(grads), 3)
    assert torch.equal(start, torch.tensor([1.0, 2.0], dtype=torch.float64))


@pytest.mark.parametrize(
    ("start", "num_steps", "error", "word"),
    [
        ((1.0, 2.0), -1, ValueError, "num_steps"),
        ((1.0, 2.0), 2.5, TypeError, "num_steps"),
        ((1.0, 2.0), True, TypeError, "num_steps"),
        ((1.0, 2.0, 3.0), 5, ValueError, "start"),
        ((float("nan"), 0.0), 5, ValueError, "start"),
        ((1e300, 1e300), 5, ValueError, "start"),
    ],
)
def test_bad_input_is_named(start, num_steps, error, word):
    with pytest.raises(error, match=word):
        training.descend(BOWL, start, partial(rules.sgd_step, lr=0.1), num_steps)
