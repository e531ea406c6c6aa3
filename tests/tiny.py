"""A classifier small enough to train in a test, with messages and things that happen.

The kernel of test_fit_in_notebook.py imports it as well.
"""

import os
import signal
import threading
import time

import numpy as np
import pytest
import torch
from torch import nn

from course_utils.text.batches import Examples


class Tiny(nn.Module):
    """The mean of embeddings, dropout, a linear layer; before_step(k) at step k."""

    def __init__(self, *, dropout=0.3, num_classes=2, seed=0):
        super().__init__()
        self.embedding = nn.Embedding(11, 5)
        self.drop, self.out = nn.Dropout(dropout), nn.Linear(5, num_classes)
        random = np.random.default_rng(seed)
        with torch.no_grad():
            for param in self.parameters():
                param.copy_(torch.tensor(random.normal(0, 0.3, param.shape)))
        self.num_steps, self.num_calls = 0, 0
        self.before_step = self.before_call = lambda number: None

    def forward(self, token_ids, attention_mask):
        if self.training:
            self.num_steps += 1
            self.before_step(self.num_steps)
        else:
            self.num_calls += 1
            self.before_call(self.num_calls)
        weights = attention_mask[..., None].float()  # (B, T, 1)
        mean = (self.embedding(token_ids) * weights).sum(dim=1) / weights.sum(dim=1)
        return self.out(self.drop(mean))  # (B, C)


def examples(num=37, *, seed=0, inverted=False):
    """Messages of 1 to 9 tokens; the label says if most of them are above 5."""
    random = np.random.default_rng(seed)
    token_ids = [random.integers(1, 11, random.integers(1, 10)) for _ in range(num)]
    labels = [int((np.mean(ids) > 5.5) != inverted) for ids in token_ids]
    return Examples([ids.tolist() for ids in token_ids], labels)


def weights_of(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def equal(left, right):
    """Are these two state dicts the same, bit for bit?"""
    return left.keys() == right.keys() and all(
        torch.equal(left[name], right[name]) for name in left
    )


def at(number, act):
    """A hook that acts once: when its number comes."""

    def hook(found):
        if found == number:
            act()

    return hook


needs_sigint = pytest.mark.skipif(os.name == "nt", reason="os.kill ends the process")


def interrupt():
    """What Ctrl-C does: a SIGINT from outside of the main thread."""
    thread = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT))
    thread.start()
    thread.join()
    time.sleep(0.01)  # Python has seen it when this is over
