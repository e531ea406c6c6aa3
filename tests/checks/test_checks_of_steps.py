"""The checkers of lessons 04 and 05: right answers pass, mistakes are named."""

import pytest
import torch

from course_utils.checks import lesson04, lesson05


def promise(loss, g, H, lr, slope=1.0, bend=0.5):
    return loss - slope * lr * (g * g).sum() + bend * lr * lr * torch.dot(g, H.mv(g))


def ball(params, grads, velocity, lr, momentum):
    new = velocity.mul(momentum).add(grads)
    return [params.sub(new, alpha=lr), new]


RIGHT = [
    (lesson04.check_predict_loss, promise),
    (lesson05.check_momentum_step, ball),
]


@pytest.mark.parametrize(("check", "function"), RIGHT)
def test_right_function_passes_and_a_stub_is_no_mistake(check, function):
    verdict = check(function)
    assert verdict, verdict.words
    assert "Not filled in yet" in check(lambda *arguments: ...).words


@pytest.mark.parametrize(
    ("check", "function", "says"),
    [
        (lesson04.check_predict_loss, lambda *a: promise(*a, bend=1), "one half"),
        (lesson04.check_predict_loss, lambda *a: promise(*a, bend=0), "linear|first"),
        (lesson04.check_predict_loss, lambda *a: promise(*a, bend=-0.5), "wrong sign"),
        (lesson04.check_predict_loss, lambda *a: promise(*a, slope=-1), "downhill"),
        (lesson04.check_predict_loss, lambda _, *a: promise(0, *a), "the change"),
        (
            lesson05.check_momentum_step,
            lambda p, g, v, lr, m: (p - (m * v + lr * g), m * v + lr * g),
            "other form",
        ),
        (
            lesson05.check_momentum_step,
            lambda p, g, v, lr, m: (p - lr * v, m * v + g),
            "old velocity",
        ),
        (
            lesson05.check_momentum_step,
            lambda p, g, v, lr, m: (p - lr * (g + m * (m * v + g)), m * v + g),
            "Nesterov",
        ),
    ],
)
def test_mistake_is_named(check, function, says):
    verdict = check(function)
    assert not verdict
    assert any(word in verdict.words for word in says.split("|")), verdict.words
