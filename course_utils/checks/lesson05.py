"""Checkers of lesson 05: the heavy ball, its memory, its count, Adam, a comparison."""

import torch

from course_utils.checks import Verdict, judge
from course_utils.checks.choices import choose


def _tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def check_momentum_step(momentum_step) -> Verdict:
    """momentum_step(params, grads, velocity, lr, momentum): (params, velocity)."""

    def right(params, grads, velocity, lr, momentum):
        velocity = momentum * velocity + grads
        return params - lr * velocity, velocity

    def other_form(params, grads, velocity, lr, momentum):
        velocity = momentum * velocity + lr * grads
        return params - velocity, velocity

    def old_velocity(params, grads, velocity, lr, momentum):
        return params - lr * velocity, momentum * velocity + grads

    def averaged(params, grads, velocity, lr, momentum):
        velocity = momentum * velocity + (1 - momentum) * grads
        return params - lr * velocity, velocity

    def nesterov(params, grads, velocity, lr, momentum):
        velocity = momentum * velocity + grads
        return params - lr * (grads + momentum * velocity), velocity

    def forgetful(params, grads, velocity, lr, momentum):
        return params - lr * (momentum * velocity + grads), velocity

    cases = [
        (_tensor(1, 2, 3), _tensor(4, -5, 6), _tensor(7, 8, -9), 0.1, 0.9),
        (_tensor(1, 2), _tensor(0.5, -1), _tensor(0, 0), 0.3, 0.5),
        (_tensor(-2), _tensor(3), _tensor(5), 1.0, 0.0),
    ]
    return judge(
        momentum_step,
        right,
        cases,
        {
            "it is as it was: both faults are still there.": (
                lambda p, g, v, lr, m: (
                    p - lr * (g + m * (m * v + (1 - m) * g)),
                    m * v + (1 - m) * g,
                )
            ),
            "that is the other form, with lr inside the velocity.": other_form,
            "you moved by the old velocity; update it first.": old_velocity,
            "the gradient counts in full: no factor 1 - momentum here.": averaged,
            "that is Nesterov's step; the plain ball moves by the velocity.": nesterov,
            "you moved by the new velocity and returned the old one.": forgetful,
            "that is a plain step; the velocity was not used.": (
                lambda p, g, v, lr, m: (p - lr * g, v)
            ),
            "that is a plain step; the velocity was only updated.": (
                lambda p, g, v, lr, m: (p - lr * g, m * v + g)
            ),
            "momentum scales the old velocity: multiply it.": (
                lambda p, g, v, lr, m: (p - lr * (v + g), v + g)
            ),
            "the two results are in the wrong order.": (
                lambda *case: right(*case)[::-1]
            ),
            "you returned the parameters only; return (params, velocity).": (
                lambda *case: right(*case)[0]
            ),
            "the sign is wrong: subtract lr times the velocity.": (
                lambda p, g, v, lr, m: (2 * p - right(p, g, v, lr, m)[0], m * v + g)
            ),
        },
        names=("params", "velocity"),
    )


def check_steps_needed(answer) -> Verdict:
    """Condition 400, the best pair: how many steps does one count?"""
    return choose(
        answer,
        "b",
        {
            "a": "that is the formula for the long run. At the best pair both "
            "eigenvalues are equal, and a factor t comes in.",
            "b": "the lesson counted 52 at condition 100 and 185 at 1000.",
            "c": "the gain is not a factor of two: it is about the root of the "
            "condition number.",
        },
    )


def check_share_of_last(share_of_last) -> Verdict:
    """share_of_last(momentum, k): 1 - momentum^k, the share of the last k weights."""
    return judge(
        share_of_last,
        lambda momentum, k: 1 - momentum**k,
        [(0.9, 10), (0.5, 1), (0.99, 30), (0.0, 3), (0.8, 2)],
        {
            "that is the share of all gradients before the last k.": (
                lambda momentum, k: momentum**k
            ),
            "those are the weights of the last k added up; divide by the sum of all, "
            "1 / (1 - momentum).": (
                lambda momentum, k: sum(momentum**i for i in range(k))
            ),
            "that is the weight of one gradient, not of the last k together.": (
                lambda momentum, k: (1 - momentum) * momentum**k,
                lambda momentum, k: (1 - momentum) * momentum ** (k - 1),
            ),
            "one too many: the newest gradient has the weight momentum^0.": (
                lambda momentum, k: 1 - momentum ** (k + 1)
            ),
            "one too few: the newest gradient has the weight momentum^0.": (
                lambda momentum, k: 1 - momentum ** (k - 1) if k > 1 else 0.0
            ),
            "the weights fall; they are not all alike.": (
                lambda momentum, k: min(1.0, k * (1 - momentum))
            ),
        },
    )


def check_adam_step(adam_step) -> Verdict:
    """adam_step(params, grads, mean, square, t, lr): (params, mean, square)."""

    def adam(*, power=2, of_t=True, mean_t=True, outside=True, sign=-1, fix=True):
        def step(params, grads, mean, square, t, lr):
            mean = 0.9 * mean + 0.1 * grads
            square = 0.999 * square + 0.001 * grads.abs() ** power
            m = mean / (1 - 0.9 ** (t if of_t and mean_t else 1)) if fix else mean
            s = square / (1 - 0.999 ** (t if of_t else 1)) if fix else square
            below = s.sqrt() + 1e-8 if outside else (s + 1e-8).sqrt()
            return params + sign * lr * m / below, mean, square

        return step

    cases = [
        (_tensor(1, 2), _tensor(3, -0.5), _tensor(0, 0), _tensor(0, 0), 1, 0.1),
        (_tensor(1, 2), _tensor(3, -0.5), _tensor(1, 0.2), _tensor(4, 0.1), 5, 0.1),
        (_tensor(-1), _tensor(1e-4), _tensor(0.0), _tensor(1e-6), 40, 0.02),
    ]
    return judge(
        adam_step,
        adam(),
        cases,
        {
            "it is as it was: both faults are still there.": adam(power=1, of_t=False),
            "s is a mean of the *squares* of the gradients.": adam(power=1),
            "the correction divides by 1 - beta ** t, at step t.": adam(of_t=False),
            "one of the two corrections still forgets t.": adam(mean_t=False),
            "without the correction both means begin too small.": adam(fix=False),
            "eps stands outside the root.": adam(outside=False),
            "the sign is wrong: subtract.": adam(sign=1),
            "you returned the parameters only; return (params, mean, square).": (
                lambda *case: adam()(*case)[0]
            ),
            "return the means as they are; the corrected ones are for the step only.": (
                lambda p, g, m, s, t, lr: (
                    adam()(p, g, m, s, t, lr)[0],
                    (0.9 * m + 0.1 * g) / (1 - 0.9**t),
                    (0.999 * s + 0.001 * g**2) / (1 - 0.999**t),
                )
            ),
        },
        atol=1e-9,
        names=("params", "mean", "square"),
    )


def check_comparison(answer) -> Verdict:
    """SGD with one learning rate against Adam with ten: what follows?"""
    return choose(
        answer,
        "b",
        {
            "a": "ten tries against one: the better of ten wins by choice alone.",
            "b": "give both as many tries, and judge on what did not choose.",
            "c": "more data make the judgment finer, not fairer: Adam had ten tries.",
        },
    )
