import torch
from torch import nn
from torch.nn import functional as F

from course_utils import models, steps, training
from course_utils.text.batches import Examples


def test_profile():
    torch.manual_seed(0)
    m = nn.Sequential(nn.Embedding(50, 4, sparse=True), nn.Flatten(), nn.Linear(12, 2))
    ids, y = torch.randint(0, 50, (16, 3)), torch.randint(0, 2, (16,))
    p = steps.profile(m, lambda k: F.cross_entropy(k(ids), y))
    assert p.best_lr > 0
    assert p.curvature != 0
    assert p.stable_lr > 0


def test_fit():
    m = models.LSTMClassifier(20, 4, 4)
    m.embedding = nn.Embedding(20, 4, sparse=True)
    training.fit(
        m,
        Examples([[2, 3], [4], [5, 6]], [0, 1, 0]),
        optimizer="sgd",
        show_progress=False,
    )
