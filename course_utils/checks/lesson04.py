"""Checkers of lesson 04: a promise, a limit, a line search."""

from functools import partial

import torch

from course_utils.checks import Verdict, judge
from course_utils.steps import surfaces

BOWLS = (surfaces.bowl(4, angle=0.5), surfaces.bowl(10, scale=3), surfaces.bowl(30))


def check_predict_loss(predict_loss) -> Verdict:
    """predict_loss(loss, grads, hessian, lr): L - lr |g|² + ½ lr² g·Hg."""

    def right(loss, g, H, lr, *, half=0.5, squared=2):
        return loss - lr * g @ g + half * lr**squared * g @ H @ g

    points = [torch.tensor(bowl.start, dtype=torch.float64) for bowl in BOWLS]
    cases = [
        (bowl(point), bowl.gradient(point), bowl.hessian(point), lr)
        for bowl, point, lr in zip(BOWLS, points, (0.1, 0.7, 2.0), strict=True)
    ]
    saddle, point = surfaces.saddle(), torch.tensor([0.2, 1.0]).double()
    cases.append((saddle(point), saddle.gradient(point), saddle.hessian(point), 1.5))
    return judge(
        predict_loss,
        right,
        cases,
        {
            "the factor one half of the curvature is missing.": (
                lambda *case: right(*case, half=1)
            ),
            "the curvature goes with lr squared.": lambda *case: right(
                *case, squared=1
            ),
            "that is the first promise; add the curvature.": (
                lambda *case: right(*case, half=0)
            ),
            "the curvature has the wrong sign: it takes back part of the promise.": (
                lambda *case: right(*case, half=-0.5)
            ),
            "the step goes downhill: the slope's term is subtracted.": (
                lambda loss, g, H, lr: right(loss, g, H, lr) + 2 * lr * g @ g
            ),
            "the slope's term needs |g| squared.": (
                lambda loss, g, H, lr: right(loss, g, H, lr) + lr * (g @ g - g.norm())
            ),
            "that is the change; add the loss before the step.": (
                lambda loss, g, H, lr: right(0, g, H, lr)
            ),
        },
    )


def check_stable_lr(stable_lr) -> Verdict:
    """stable_lr(hessian): 2 / the largest algebraic eigenvalue, or infinity."""
    eigenvalues = torch.linalg.eigvalsh

    def right(H, numerator=2):
        largest = eigenvalues(H)[-1]
        return numerator / largest if largest > 0 else torch.inf

    start = torch.zeros(2, dtype=torch.float64)
    cases = [(bowl.hessian(start),) for bowl in BOWLS]
    cases += [(surfaces.saddle().hessian(start),), (-BOWLS[0].hessian(start),)]
    return judge(
        stable_lr,
        right,
        cases,
        {
            "that is 1 / λmax, the best for one direction; the limit is twice that.": (
                lambda H: right(H, 1)
            ),
            "where no eigenvalue is positive your function returns nothing: return "
            "torch.inf there.": (
                lambda H: right(H) if eigenvalues(H)[-1] > 0 else None
            ),
            "that is the largest eigenvalue; the limit is 2 divided by it.": (
                lambda H: eigenvalues(H)[-1]
            ),
            "that is half of the largest eigenvalue; turn the fraction round.": (
                lambda H: eigenvalues(H)[-1] / 2
            ),
            "you divided by the sum of the smallest and the largest eigenvalue, or of "
            "all (the trace); the largest alone sets the limit.": lambda H: (
                2 / H.trace()
            ),
            "where no eigenvalue is positive there is no limit; 0 would forbid every "
            "step: return torch.inf.": (
                lambda H: right(H) if eigenvalues(H)[-1] > 0 else 0.0
            ),
            "you took the smallest eigenvalue; the largest sets the limit.": (
                lambda H: 2 / eigenvalues(H)[0]
            ),
            "you took the largest in absolute value: at a saddle that one is negative, "
            "and curving down sets no limit.": lambda H: 2 / eigenvalues(H).abs().max(),
            "where no eigenvalue is positive there is no limit: return torch.inf.": (
                lambda H: 2 / eigenvalues(H)[-1]
            ),
        },
    )


class _Patient:
    """A loss that ends a search which does not end."""

    def __init__(self, surface):
        self.surface, self.looks = surface, 0

    def __call__(self, params):
        self.looks += 1
        if self.looks > 1000:
            raise RuntimeError(
                "1,000 looks at the loss and no end: does lr get smaller in the loop?"
            )
        return self.surface(params)


def check_backtrack(backtrack) -> Verdict:
    """backtrack(loss_fn, params, grads): the first of 1, ½, ¼… that Armijo accepts."""

    def right(loss_fn, params, grads, *, c=0.1, start=1.0, slope=None):
        lr, slope = start, -(grads @ grads) if slope is None else slope
        while loss_fn(params + lr * -grads) > loss_fn(params) + c * lr * slope:
            lr /= 2
        return lr

    steep = surfaces.rosenbrock(), surfaces.bowl(10, scale=50), surfaces.bowl(2)
    points = [torch.tensor(surface.start, dtype=torch.float64) for surface in steep]
    cases = [
        (_Patient(surface), point, surface.gradient(point))
        for surface, point in zip(steep, points, strict=True)
    ]
    # There lr = 1 lowers the loss: by too little, just too little, just enough.
    point = torch.tensor([1.0, 2.0]).double()
    for scale in (1.99, 1.97, 1.9, 1.81, 1.79, 5000.0):
        edge = surfaces.bowl(1, scale=scale)
        cases.append((_Patient(edge), point, edge.gradient(point)))
    return judge(
        backtrack,
        right,
        cases,
        {
            "any fall of the loss is accepted; ask for 0.1 of the slope's promise.": (
                lambda *case: right(*case, c=0)
            ),
            "you halve once too often.": lambda *case: right(*case) / 2,
            "you return the last lr that was refused.": (
                lambda *case: min(1.0, 2 * right(*case))
            ),
            "it is 1 whatever the loss says.": lambda *case: 1.0,
            "the slope along minus the gradient is -|g|², squared: grads @ grads.": (
                lambda f, p, g: right(f, p, g, slope=-g.norm())
            ),
            "that asks for another share of the slope's promise than 0.1. Compare each "
            "part: loss_fn(params - lr * g) with loss_fn(params) - 0.1 * lr * |g|².": (
                tuple(partial(right, c=c) for c in (0.01, 0.05, 0.08, 0.12, 0.2, 0.3))
            ),
        },
    )
