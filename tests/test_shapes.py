"""Every shape comment in these modules is true, and a wrong one is found."""

import importlib.util

import matplotlib.figure
import numpy as np
import pytest
import torch
from shapes import annotated, checked
from torch.nn import functional as F
from transformers import BertConfig, BertForSequenceClassification

from course_utils import models, steps, text
from course_utils.models import attention
from course_utils.pictures import explore, plots, views
from course_utils.steps import cross_entropy, rules, surfaces
from course_utils.text import batches
from course_utils.training import evaluation

MODULES = attention, evaluation, explore, models, plots, rules, surfaces, text
SIZES = {
    "vocab_size": 30,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 9,
}


def test_every_shape_comment_is_true():
    config = BertConfig(**SIZES, attn_implementation="eager")
    bert = BertForSequenceClassification(config).eval()
    examples = batches.Examples(((1, 2, 3), (4, 5), (6, 7, 8, 9, 1)), (0, 1, 0))
    with checked(*MODULES) as left:
        ids, mask, targets = examples.batch()
        attention.Encoder.from_bert(bert.bert)(ids, mask)
        evaluation.evaluate(bert, examples)
        models.LSTMClassifier(30, 5, 4)(ids, mask)
        models.MLP(5, 6, 2)(torch.zeros(3, 5))
        cross_entropy.logistic(
            [[1.0, 2.0], [-1.0, 0.5], [0.3, -2.0]], [0, 1, 1], l2=0.1
        )
        weights, grads = torch.zeros(3), torch.ones(3)
        rules.newton_step(weights, grads, torch.eye(3))
        profile = steps.profile(
            bert, lambda model: F.cross_entropy(model(ids, mask).logits, targets)
        )
        words = ["one", "two", "three"]
        three = views.predictions((ids, mask), words, [0, 1, 0])
        profile.along([0.1], three.measure)
        one = views.attending(ids[:1, :3], words, layer=1, head=2)
        profile.along([0.1], one.measure)
        plots.say_attention(np.eye(3), words)
        bowl = surfaces.bowl(condition=3)
        axes = matplotlib.figure.Figure().subplots()
        views.path(bowl).animate(axes, [1.0], bowl.start, [bowl.start])
        explore.training_curves(
            [1.0, 2.0], [([1.0, 0.5, 0.2], [1.0, 0.7, 0.6])] * 2, name="learning rate",
            top=1.0, base=("start", 0.7),
        )  # fmt: skip
    assert not left


WRONG = {
    "a number": ("x = torch.zeros(2, 3)  # (2, 4)", "is not"),
    "too few": ("x = torch.zeros(2, 3)  # (N,)", "is not"),
    "one letter, two sizes": ("x = torch.zeros(2, 3)  # (N, N)", "is not"),
    "two lines apart": (
        "x = torch.zeros(2)  # (N,)\n    y = torch.zeros(3)  # (N,)",
        "is not",
    ),
    "a return": ("return torch.zeros(2, 3)  # (3, 2)", "is not"),
}


def load(folder, body):
    path = folder / "made.py"
    path.write_text(f"import torch\n\n\ndef function():\n    {body}\n")
    spec = importlib.util.spec_from_file_location("made", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_comment_is_found(kind, tmp_path):
    body, says = WRONG[kind]
    module = load(tmp_path, body)
    with pytest.raises(AssertionError, match=says), checked(module):
        module.function()


def test_comments_that_are_not_reached_are_named(tmp_path):
    module = load(tmp_path, "return torch.zeros(2, 3)  # (B, T)")
    with checked(module) as left:
        pass
    assert left == {(module.__file__, (5, 5))}
    assert annotated(module.__file__) == {(5, 5): (None, ["B", "T"])}
