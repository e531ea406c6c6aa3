"""Checkers of lesson 05: the heavy ball, its best settings, Adam's first step."""

import torch

from course_utils.checks import Verdict, judge


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


def check_best_momentum(best_momentum) -> Verdict:
    """best_momentum(low, high): (lr, momentum) for curvatures from low to high."""

    def right(low, high):
        root = (high / low) ** 0.5
        lr = 4 / (high**0.5 + low**0.5) ** 2
        return lr, ((root - 1) / (root + 1)) ** 2

    def without_roots(low, high):
        kappa = high / low
        return right(low, high)[0], ((kappa - 1) / (kappa + 1)) ** 2

    return judge(
        best_momentum,
        right,
        [(0.1, 1.0), (2.0, 50.0), (3.0, 3.0), (1.5, 4.2)],
        {
            "the momentum needs the root of the condition number.": without_roots,
            "square the fraction: that is the rate, the momentum is its square.": (
                lambda low, high: (right(low, high)[0], right(low, high)[1] ** 0.5)
            ),
            "that lr is the best one without momentum.": (
                lambda low, high: (2 / (low + high), right(low, high)[1])
            ),
            "lr and momentum are in the wrong order.": (
                lambda low, high: right(low, high)[::-1]
            ),
            "that is the best pair without momentum.": (
                lambda low, high: (2 / (low + high), 0.0)
            ),
            "you took low and high for each other.": lambda low, high: (
                right(low, high)[0],
                ((low / high) ** 0.5 + 1) ** 2 / ((low / high) ** 0.5 - 1 or 1) ** 2,
            ),
            "the learning rate is 4 divided by the square of the sum of the roots.": (
                lambda low, high: (4 / (low + high), right(low, high)[1])
            ),
            "square the sum of the roots below the learning rate.": lambda low, high: (
                4 / (high**0.5 + low**0.5),
                right(low, high)[1],
            ),
            "the learning rate has 4 above, not 2.": lambda low, high: (
                right(low, high)[0] / 2,
                right(low, high)[1],
            ),
            "you returned the momentum only; return (lr, momentum).": (
                lambda low, high: right(low, high)[1]
            ),
        },
        names=("lr", "momentum"),
    )


def check_first_adam_step(first_adam_step) -> Verdict:
    """first_adam_step(params, grads, lr, eps): params - lr g / (|g| + eps)."""

    def right(params, grads, lr, eps):
        return params - lr * grads / (grads.abs() + eps)

    cases = [
        (_tensor(1, 2, 3), _tensor(100, -1e-3, 0), 0.01, 1e-8),
        (_tensor(1, -1), _tensor(0.5, -2), 0.1, 1.0),
    ]
    return judge(
        first_adam_step,
        right,
        cases,
        {
            "that is a plain step; divide by |g| + eps.": (
                lambda p, g, lr, eps: p - lr * g
            ),
            "the size of g is missing below: use grads.abs().": (
                lambda p, g, lr, eps: p - lr * g / (g + eps)
            ),
            "eps is missing: where the gradient is zero you divide zero by zero.": (
                lambda p, g, lr, eps: p - lr * g / g.abs()
            ),
            "that is the sign of the gradient, or nearly: eps, as it is given, makes "
            "small gradients count less.": (lambda p, g, lr, eps: p - lr * g.sign()),
            "eps stands beside |g|, outside the root.": lambda p, g, lr, eps: (
                p - lr * g / (g**2 + eps).sqrt()
            ),
            "you returned only how far to move; the step starts at params.": (
                lambda p, g, lr, eps: -lr * g / (g.abs() + eps)
            ),
            "divide by |g|, not by its square.": lambda p, g, lr, eps: (
                p - lr * g / (g**2 + eps)
            ),
            "the sign is wrong: subtract.": lambda p, g, lr, eps: (
                p + lr * g / (g.abs() + eps)
            ),
            "the bias correction is missing: the first step is not 0.1 / √0.001 lr.": (
                lambda p, g, lr, eps: p - lr * 0.1 * g / ((0.001**0.5) * g.abs() + eps)
            ),
        },
    )
