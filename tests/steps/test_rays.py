"""Lowest point and crossing of functions whose answer is known."""

import math

import pytest

from course_utils.steps import rays

EPS = 2.2e-16


def scan(function, slope, eps=EPS):
    looks = []

    def loss_at(lr):
        looks.append(lr)
        return function(lr)

    return rays.scan(loss_at, function(0.0), slope, eps), looks


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("best", [1e-7, 0.3, 1e9])
def test_parabola_of_every_size(scale, best):
    ray, _ = scan(lambda lr: scale * (lr / best - 1) ** 2, -2 * scale / best)
    assert ray.lowest() == pytest.approx(best, rel=2e-3)
    assert ray.crossing() == pytest.approx(2 * best, rel=1e-3)


def test_first_crossing_is_found_where_the_loss_comes_back_down():
    """1 - cos(w) from w = 3: past its start only between w = -3 and -3.28."""
    ray, _ = scan(lambda lr: 1 - math.cos(3 - math.sin(3) * lr), -(math.sin(3) ** 2))
    assert ray.crossing() == pytest.approx(6 / math.sin(3), rel=1e-3)
    assert ray.lowest() == pytest.approx(3 / math.sin(3), rel=2e-3)


def test_a_ray_that_stays_below_never_crosses():
    ray, looks = scan(lambda lr: math.exp(-lr), -1.0)
    assert ray.crossing() == math.inf
    assert len(looks) < 4 * rays.LONGEST


def test_a_direction_that_climbs_has_no_step():
    ray, looks = scan(lambda lr: 1 + lr, 1.0)
    assert (ray.lowest(), ray.crossing(), looks) == (0.0, 0.0, [])


def test_a_loss_that_is_not_finite_is_past_the_start():
    ray, _ = scan(lambda lr: (lr - 1) ** 2 if lr < 1.5 else math.nan, -2.0)
    assert ray.lowest() == pytest.approx(1, rel=2e-3)
    assert ray.crossing() == pytest.approx(1.5, rel=1e-3)


def test_a_step_whose_promise_is_far_too_good_is_made_smaller():
    ray, _ = scan(lambda lr: (1e6 * lr - 1) ** 2, -2.0)
    assert ray.lowest() == pytest.approx(1e-6, rel=2e-3)


def test_steps_too_small_to_show_are_made_larger():
    """Coarse arithmetic: the loss moves in steps of 4."""
    ray, _ = scan(lambda lr: 4.0 * round((lr - 4) ** 2 / 4), -8.0, eps=1e-3)
    assert ray.lowest() == pytest.approx(4, abs=2)


@pytest.mark.parametrize(("eps", "digits"), [(1e-3, 1), (1e-7, 3), (EPS, 3)])
def test_no_digit_is_given_that_the_minimum_does_not_have(eps, digits):
    ray, _ = scan(lambda lr: 1 + (lr / 2.9517 - 1) ** 2, -2 / 2.9517, eps)
    best = ray.lowest()
    assert best == round(best, digits)
    assert best == pytest.approx(2.9517, rel=0.1)
