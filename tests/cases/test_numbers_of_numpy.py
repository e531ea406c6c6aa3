import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from course_utils import models, text, training
from course_utils.steps import surfaces
from course_utils.text.batches import Examples

R = np.random.default_rng(0)
TRAIN = Examples(
    [R.integers(2, 20, 4).tolist() for _ in range(24)], [i % 2 for i in range(24)]
)


def lstm():
    torch.manual_seed(0)
    return models.LSTMClassifier(20, 6, 6)


QUIET = dict(show_progress=False, batch_size=8)


@pytest.mark.parametrize("name", ["batch_size", "num_epochs", "seed"])
def test_whole_numbers_of_numpy(name):
    training.fit(lstm(), TRAIN, **QUIET | {name: np.int64(4)})


def test_sizes_of_numpy():
    models.MLP(np.int64(4), 3, np.array([0, 1]).max() + 1)


def test_descend():
    training.descend(surfaces.bowl(), (1, 1), lambda p, g: p - 0.1 * g, np.int64(3))


def test_held_out():
    text.load_sms(held_out=np.int64(500))


@pytest.mark.parametrize(
    "settings",
    [
        {"lr": np.float32(0.01)},
        {"max_norm": np.float32(1)},
        {"weight_decay": np.float32(0.1)},
        {"schedule": lambda d: np.float32(1 - d)},
    ],
    ids=str,
)
def test_what_was_trained_can_be_saved(
    settings,
):  # TypeError "state holds a float32", after the training
    run = training.Run(lstm(), TRAIN, **QUIET | settings)
    run.go()
    with tempfile.TemporaryDirectory() as folder:
        run.save(Path(folder) / "run")


def test_history_of_a_learning_rate_that_is_a_tensor():
    h = training.fit(lstm(), TRAIN, lr=torch.tensor(0.01), schedule="linear", **QUIET)
    assert float(h.lr[0]) > float(h.lr[-1]) > 0, h.lr
