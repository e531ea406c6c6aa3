"""Functions that can be differentiated once only: curvature 0 called "exact", missing
gradients, or no fallback.
"""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint_sequential

from course_utils import steps


class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x * x


class Foreign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return torch.from_numpy(3 * g.detach().numpy() * x.detach().numpy() ** 2)


def check_custom(cube):
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    p = steps.profile(w, lambda q: (cube(q) ** 2).sum() / 2)
    right = steps.profile(
        torch.tensor([1.0, 2.0], requires_grad=True), lambda q: (q**6).sum() / 2
    )
    assert math.isclose(p.curvature, right.curvature, rel_tol=0.05), (
        p.curvature,
        p.hessian_method,
        right.curvature,
    )
    assert math.isclose(p.stable_lr, right.stable_lr, rel_tol=0.05), (
        p.stable_lr,
        right.stable_lr,
    )


def test_once_differentiable():
    check_custom(Once.apply)


def test_backward_outside_of_torch():
    check_custom(Foreign.apply)


def problem():
    torch.manual_seed(0)
    m = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    return m, torch.randn(64, 4), torch.randn(64, 1)


@pytest.mark.filterwarnings("ignore:Guards may run slower")  # of Python 3.13.0
def test_compiled_model():  # falls back for fused attention, not for a compiled model
    m, x, y = problem()
    p = steps.profile(
        torch.compile(m, backend="aot_eager"), lambda k: F.mse_loss(k(x), y)
    )
    p.losses([0.1])
    assert math.isclose(p.curvature, 0.6514, rel_tol=0.05)


def test_reentrant_checkpoints():  # the gradient of the first segment is silently zero
    m, x, y = problem()
    x.requires_grad_()
    loss = lambda k: F.mse_loss(checkpoint_sequential(k, 2, x, use_reentrant=True), y)
    try:
        p = steps.profile(m, loss)
    except (ValueError, RuntimeError):
        return  # saying so is fine
    loss(m).backward()
    right = torch.stack([q.grad.norm() for q in m.parameters()]).norm().item()
    assert math.isclose(p.grad_norm, right, rel_tol=1e-3), (p.grad_norm, right)
