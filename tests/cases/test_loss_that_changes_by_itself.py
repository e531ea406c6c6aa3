"""A loss that does not depend on the parameters alone gives a wrong ray, and nothing
says so.
"""

import random

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from course_utils import steps


def problem():
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    m = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    return m, torch.randn(64, 4), torch.randn(64, 1)


def says_so_or_is_the_same(model, loss):
    """Either an error or a warning, or the loss at the start is the loss at
    learning rate 0.
    """
    try:
        p = steps.profile(model, loss)
        again = [float(p.losses([lr])[0]) for lr in (0.0, 1e-9, 2e-9)]
    except (ValueError, RuntimeError):
        return
    assert np.allclose(again, p.loss, rtol=1e-4), (p.loss, again, "best", p.best_lr)


def test_numpy_noise():
    m, x, y = problem()
    says_so_or_is_the_same(
        m,
        lambda k: F.mse_loss(
            k(x + torch.tensor(np.random.normal(0, 1, x.shape)).float()), y
        ),
    )


def test_python_layer_drop():
    m, x, y = problem()
    says_so_or_is_the_same(
        m,
        lambda k: F.mse_loss(
            k[2](torch.tanh(k[0](x)) if random.random() < 0.5 else k[0](x)), y
        ),
    )


# as PyTorch's notes on reproducibility say; a GPU's dropout is the same kind
def test_loader_with_a_generator_of_its_own():
    m, x, y = problem()
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(x, y),
        8,
        shuffle=True,
        generator=torch.Generator().manual_seed(0),
    )

    def loss(k):
        a, b = next(iter(loader))
        return F.mse_loss(k(a), b)

    says_so_or_is_the_same(m, loss)


def test_batch_drawn_by_numpy():
    m, x, y = problem()
    rng = np.random.default_rng(0)

    def loss(k):
        i = torch.tensor(rng.permutation(64)[:8])
        return F.mse_loss(k(x[i]), y[i])

    says_so_or_is_the_same(m, loss)


def test_next_batch_of_an_iterator():
    m, x, y = problem()
    it = iter(torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), 8))

    def loss(k):
        a, b = next(it)
        return F.mse_loss(k(a), b)

    says_so_or_is_the_same(m, loss)


def test_hidden_state_that_is_kept():
    class Kept(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.out, self.h = (
                nn.LSTM(3, 5, batch_first=True),
                nn.Linear(5, 1),
                None,
            )

        def forward(self, x):
            o, h = self.rnn(x, self.h)
            self.h = tuple(5 * t.detach() for t in h)
            return self.out(o[:, -1])

    torch.manual_seed(0)
    m = Kept()
    x, y = torch.randn(6, 2, 3), torch.randn(6, 1)
    says_so_or_is_the_same(m, lambda k: F.mse_loss(k(x), y))


# eval(): nn.TransformerEncoder zeroes padding only under no_grad
def test_fast_path_without_gradients():
    torch.manual_seed(0)
    m = nn.ModuleDict(
        {
            "enc": nn.TransformerEncoder(
                nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2
            ),
            "head": nn.Linear(8, 2),
        }
    ).eval()
    x, y = torch.randn(6, 5, 8), torch.randint(0, 2, (6,))
    pad = torch.arange(5)[None] >= torch.tensor([5, 4, 3, 2, 5, 1])[:, None]
    says_so_or_is_the_same(
        m,
        lambda k: F.cross_entropy(
            k["head"](k["enc"](x, src_key_padding_mask=pad).mean(1)), y
        ),
    )


# the cast weights are cached: every step leaves the loss as it was
def test_autocast_around_it_all():
    m, x, y = problem()
    with torch.autocast("cpu", torch.bfloat16):
        try:
            p = steps.profile(m, lambda k: F.mse_loss(k(x).float(), y))
            after = p.losses([0.5])[0]
        except (ValueError, RuntimeError):
            return
    assert after < p.loss, (p.loss, after, p.best_lr)
