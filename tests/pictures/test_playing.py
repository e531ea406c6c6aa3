"""The playground's Python half: what is shown where there is no kernel, and errors."""

from functools import partial

import numpy as np
import pytest
import torch
import traitlets

from course_utils import training
from course_utils.pictures import film, playground
from course_utils.steps import rules, surfaces

BOWL = surfaces.bowl(10.0)
EVERY = list(playground.RULES)


def test_a_run_is_that_of_the_rule():
    play = playground.Playground(BOWL, lr=0.5, rules=EVERY, rule="Nesterov",
                                 momentum=0.8, num_steps=7, start=[1, 2])  # fmt: skip
    rule = partial(rules.nesterov_step, lr=0.5, momentum=0.8)
    wanted = training.descend(BOWL, (1.0, 2.0), rule, 7)
    assert torch.equal(play.run().points, wanted.points)
    play.rule = "gradient descent"
    wanted = training.descend(BOWL, (1.0, 2.0), partial(rules.sgd_step, lr=0.5), 7)
    assert torch.equal(play.run().points, wanted.points)


@pytest.mark.parametrize("falling", [False, True])
def test_the_two_forms_differ_only_where_the_learning_rate_changes(falling):
    ends = [
        playground.Playground(BOWL, lr=0.5, rules=EVERY, rule=rule, momentum=0.9,
                              falling=falling).run().points[-1]
        for rule in ("momentum", "momentum, lr inside")
    ]  # fmt: skip
    assert torch.allclose(*ends, atol=1e-3) == (not falling)


def test_a_falling_learning_rate_is_divided_by_the_step():
    play = playground.Playground(surfaces.dial(1.0), lr=0.5, falling=True, num_steps=2)
    points = play.run().points[:, 0].tolist()
    assert points == pytest.approx([-2, -2 + 0.5 * 2, -1 + 0.25 * 1])


@pytest.mark.parametrize("rule", [r for r in EVERY if r != "Adam"])
@pytest.mark.parametrize("lr", [0.3, 1.1])
def test_the_spectral_radius_is_the_late_ratio_of_a_run(rule, lr):
    play = playground.Playground(BOWL, lr=lr, rules=EVERY, rule=rule, momentum=0.6)
    play.num_steps = 200
    lengths = play.run().points.norm(dim=1)
    measured = (lengths[190] / lengths[90]) ** (1 / 100)
    assert play.spectral_radius() == pytest.approx(measured.item(), abs=0.02)


def test_adam_has_no_spectral_radius():
    play = playground.Playground(BOWL, rules=["Adam"])
    assert play.spectral_radius() is None
    assert "Spectral radius" not in repr(play)


def test_a_run_that_diverges_says_so():
    play = playground.Playground(surfaces.rosenbrock(), start=[2.0, -1.0], lr=0.0045)
    run = play.run()
    assert run.diverged_at
    assert f"after {run.num_steps} steps no number is left" in repr(play)
    assert play.still().startswith(b"\x89PNG")  # and yet it is drawn


@pytest.mark.parametrize("surface", [surfaces.dial(), surfaces.wells(), BOWL])
def test_the_panel_shows_picture_and_sentence_without_a_kernel(surface):
    panel = playground.play(surface)
    data, metadata = panel._repr_mimebundle_()
    assert data["text/plain"] == repr(panel.film) == metadata["image/png"]["alt"]
    assert data["image/png"].startswith("iVBOR")
    assert isinstance(panel, film.Panel)


def test_other_settings_draw_another_picture():
    play = playground.Playground(BOWL, lr=0.1)
    before = play.still()
    play.lr = 1.0
    assert play.still() != before


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"rules": ["newton"]}, ValueError, "rules"),
        ({"rule": "Adam"}, traitlets.TraitError, "rule"),
        ({"lr": 0.0}, traitlets.TraitError, "lr"),
        ({"momentum": 1.5}, traitlets.TraitError, "momentum"),
        ({"num_steps": 0}, traitlets.TraitError, "num_steps"),
        ({"start": [1.0]}, traitlets.TraitError, "start"),
        ({"start": [1.0, np.inf]}, traitlets.TraitError, "start"),
    ],
)
def test_bad_settings_name_the_argument(settings, error, words):
    with pytest.raises(error, match=words):
        playground.Playground(BOWL, **settings)


def test_a_surface_without_a_formula_in_the_browser_is_refused():
    with pytest.raises(ValueError, match=r"surface: .*Beale"):
        playground.Playground(surfaces.beale())
