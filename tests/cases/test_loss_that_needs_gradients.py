"""Losses along the ray are computed under no_grad: a loss with a derivative in it
(PINN, gradient penalty) stops.
"""

import torch
from torch import nn

from course_utils import steps


def test_physics_informed():
    torch.manual_seed(0)
    m = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    t = torch.linspace(0, 1, 20)[:, None].requires_grad_()

    def loss(k):
        u = k(t)
        (du,) = torch.autograd.grad(u.sum(), t, create_graph=True)
        return ((du + u) ** 2).mean() + (k(torch.zeros(1, 1)) - 1).square().mean()

    p = steps.profile(m, loss)
    assert p.curvature > 0
    assert p.losses([1e-3])[0] < p.loss
    assert p.best_lr > 0
