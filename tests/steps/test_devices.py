"""Everything runs where the model is: tried with a stand-in for an accelerator."""

import copy

import numpy as np
import pytest
import torch
from far import Everywhere, Far, move
from test_profiles import Noisy
from torch import nn
from torch.nn import functional as F

from course_utils import models, steps, training
from course_utils.pictures import explore, views
from course_utils.text import batches
from course_utils.text.batches import Examples
from course_utils.training import checkpoints, evaluation


@pytest.fixture(autouse=True)
def _far_away():
    with Everywhere():
        yield


TRAIN = Examples([[2, 3, 4], [5], [6, 7], [8, 9]] * 4, [0, 1, 0, 1] * 4)


def features(*shape):
    values = np.random.default_rng(0).standard_normal(shape)
    return torch.tensor(values, dtype=torch.float32)


def test_the_stand_in_refuses_to_mix():
    with pytest.raises(RuntimeError, match="do not mix"):
        Far(torch.ones(3)) + torch.ones(3)
    with pytest.raises((RuntimeError, TypeError)):
        Far(torch.ones(3)).numpy()
    assert (Far(torch.ones(3)) + Far(torch.ones(3))).sum().item() == 6


@pytest.mark.parametrize("direction", ["gradient", "sign", "adam"])
def test_a_profile(direction):
    torch.manual_seed(0)
    model, x, y = models.MLP(4, 5, 2), features(12, 4), torch.arange(12) % 2
    here = steps.profile(copy.deepcopy(model), lambda m: F.cross_entropy(m(x), y))
    there = move(copy.deepcopy(model))
    away, labels = Far(x), Far(y)
    if direction == "adam":
        direction = torch.optim.Adam(there.parameters(), 0.1, foreach=False)
    profile = steps.profile(
        there, lambda m: F.cross_entropy(m(away), labels), direction
    )
    assert profile.best_lr > 0
    assert profile.curvature != 0
    if direction == "gradient":
        assert profile.best_lr == pytest.approx(here.best_lr, rel=1e-3)
        assert profile.stable_lr == pytest.approx(here.stable_lr, rel=1e-3)
    picture = views.predictions(x, ["a", "b"] * 6, [0, 1] * 6)
    assert explore.step(profile, picture, num_frames=2)
    profile.take_(profile.best_lr)


def test_batch_norm_and_dropout():
    model, x = move(Noisy()), Far(features(9, 5))
    profile = steps.profile(model, lambda m: m(x).square().mean())
    assert profile.losses([0.0])[0] == profile.loss


def test_predicting():
    torch.manual_seed(0)
    model = models.LSTMClassifier(11, 3, 4).eval()
    wanted = evaluation.predict(model, TRAIN)
    found = evaluation.predict(move(copy.deepcopy(model)), TRAIN)
    assert type(found) is torch.Tensor
    assert torch.allclose(wanted, found, atol=1e-6)
    scores = evaluation.evaluate(move(model), TRAIN)
    assert scores.loss == pytest.approx(evaluation.score(wanted, TRAIN.labels).loss)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum"])
def test_training_saving_and_going_on(optimizer, tmp_path):
    class Mean(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.embedding, self.out = nn.Embedding(11, 3), nn.Linear(3, 2)

        def forward(self, ids, mask):
            weights = mask[..., None].float()
            mean = (self.embedding(ids) * weights).sum(dim=1) / weights.sum(dim=1)
            return self.out(mean)

    settings = {
        "optimizer": optimizer, "batch_size": 4, "lr": 0.1, "show_progress": False,
        "validation": TRAIN, "num_epochs": 2,
    }  # fmt: skip
    here = training.fit(Mean(), TRAIN, **settings)
    run = training.Run(move(Mean()), TRAIN, **settings)
    there = run.go()
    assert np.allclose(here.loss, there.loss, atol=1e-5)
    run.save(tmp_path / "run")
    state = checkpoints.read(tmp_path / "run")
    assert type(state["model"]["out.bias"]) is torch.Tensor


def test_a_batch_goes_where_it_is_asked():
    ids, mask, labels = TRAIN.batch(device="meta")
    assert {type(each) for each in (ids, mask, labels)} == {Far}
    assert isinstance(batches.in_order(TRAIN, 4), list)
