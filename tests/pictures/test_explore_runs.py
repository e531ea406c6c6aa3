"""The widgets of many steps: every frame says what its run did, controls shoot anew."""

from functools import partial

import numpy as np
import pytest
import torch

from course_utils import steps, training
from course_utils.pictures import explore, views
from course_utils.steps import rules, surfaces

BOWL = surfaces.bowl(5.0)


@pytest.fixture(scope="module")
def descent():
    return explore.descent(BOWL, num_steps=7, starts=[(1.0, 2.0)])


def test_every_frame_of_descent_says_how_its_run_ended(descent):
    film = descent.film
    for lr, said in list(zip(film.values, film.alts, strict=True))[::15]:
        run = training.descend(BOWL, BOWL.start, partial(rules.sgd_step, lr=lr), 7)
        assert f"to {run.losses[-1]:.3g} after 7 steps." in said
    assert film.values[0] < explore.stable_lr(BOWL) < film.values[-1]
    assert film.marks == [{"value": explore.stable_lr(BOWL), "label": "stable"}]


def test_controls_of_descent_shoot_another_film_at_the_same_place(descent):
    film, (start, num_steps) = descent.film, descent.controls
    film.index, before, frame = 3, film.alts, film.frames[3]
    start.value = (1.0, 2.0)
    assert film.index == 3
    assert film.frames[3] != frame
    loss = BOWL(torch.tensor([1.0, 2.0]))
    assert all(f"from {loss:.3g} " in said for said in film.alts)
    num_steps.value = 1
    assert all(said.endswith("after 1 step.") for said in film.alts)
    start.value, num_steps.value = BOWL.start, 7
    assert film.alts == before


def test_momentum_shows_runs_of_the_heavy_ball():
    panel = explore.momentum(BOWL, num_steps=5, momenta=(0, 0.5))
    film, (momentum,) = panel.film, panel.controls
    plain = film.alts
    momentum.value = 0.5
    lr = film.values[20]
    rule = partial(rules.momentum_step, lr=lr, momentum=0.5)
    run = training.descend(BOWL, BOWL.start, rule, 5)
    assert f"to {run.losses[-1]:.3g} after 5 steps." in film.alts[20]
    assert film.alts != plain
    assert film.marks[0]["value"] == pytest.approx(1.5 * explore.stable_lr(BOWL))


def test_a_run_that_diverges_says_at_which_step():
    surface, far = surfaces.rosenbrock(), (2.0, -1.0)
    panel = explore.descent(surface, num_steps=50, starts=[far])
    film, start = panel.film, panel.controls[0]
    start.value = far
    rule = partial(rules.sgd_step, lr=film.values[-1])
    run = training.descend(surface, far, rule, 50)
    assert run.diverged_at is not None
    assert film.alts[-1].endswith(f"at step {run.diverged_at} (diverged).")


def test_stable_lr_is_the_limit_of_the_steep_direction():
    assert explore.stable_lr(surfaces.bowl(5.0, angle=0.7)) == pytest.approx(2)
    assert explore.stable_lr(surfaces.bowl(8.0, scale=4.0)) == pytest.approx(0.5)


def test_a_surface_that_only_curves_down_has_no_limit():
    with pytest.raises(ValueError, match="curves up in no direction"):
        explore.descent(surfaces.himmelblau())


def test_line_says_where_the_slope_goes():
    x, y = [1.0, 2.0, -1.0], [2.0, 4.0, -2.0]
    slope = torch.zeros(1, requires_grad=True)
    targets = torch.tensor(y)

    def loss(slope):
        return (slope * torch.tensor(x) - targets).square().mean()

    profile = steps.profile(slope, loss)
    shown = explore.step(profile, views.line(x, y), num_frames=3).film
    for lr, alt in zip(shown.values, shown.alts, strict=True):
        after = lr * 8  # minus the gradient at zero is 2·mean(xy) = 8
        assert f"from 0.00 to {after:.2f}." in alt


def test_beliefs_say_how_many_are_right_at_each_step():
    believed = np.array([[0.2, 0.3, 0.1], [0.9, 0.3, 0.6], [0.9, 0.2, 0.1]])
    shown = explore.beliefs([0, 4, 9], believed, [0.7, 0.4, 0.1], "abc", [1, 0, 0]).film
    assert shown.values == [0, 4, 9]
    assert shown.labels == ["step 0", "step 4", "step 9"]
    for alt, right, loss in zip(shown.alts, (2, 2, 3), (0.7, 0.4, 0.1), strict=True):
        assert f"the loss is {loss:.2g}" in alt
        assert f"{right} of 3 messages shown are right" in alt
    assert len(set(shown.frames)) == 3
