"""README: "the model is put back bit for bit"; docstring: "buffers ... and the random
state are left as they were".
"""

import random

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from course_utils import steps


class Centered(nn.Module):
    """A running mean that is assigned, not changed in place."""

    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 1)
        self.register_buffer("mean", torch.zeros(4))

    def forward(self, x):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * x.mean(0)
        return self.lin(x - self.mean)


def test_a_buffer_that_is_assigned():
    torch.manual_seed(0)
    m = Centered()
    x, y = torch.randn(32, 4) + 3, torch.randn(32, 1)
    before = m.mean.clone()
    steps.profile(m, lambda k: F.mse_loss(k(x), y))
    assert torch.equal(m.mean, before), m.mean


def test_numpys_and_pythons_random_states():
    w = torch.ones(3, requires_grad=True)
    before = np.random.get_state()[1].tolist(), random.getstate()
    steps.profile(w, lambda q: ((q + np.random.rand() + random.random()) ** 2).sum())
    assert before == (np.random.get_state()[1].tolist(), random.getstate())
