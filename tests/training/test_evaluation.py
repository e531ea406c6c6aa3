"""Scores against a count by hand; predictions in the order of the examples."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from course_utils.text.batches import Examples
from course_utils.training import evaluation


class Says(nn.Module):
    """Logits that tell what the first token and the number of tokens was."""

    def __init__(self, limit=None):
        super().__init__()
        self.drop, self.quiet = nn.Dropout(0.5), nn.Dropout(0.5)
        self.widths = []
        if limit:
            self.config = type("Config", (), {"max_position_embeddings": limit})

    def forward(self, token_ids, attention_mask):
        self.widths.append(tuple(token_ids.shape))
        columns = token_ids[:, 0], attention_mask.sum(dim=1)
        return self.drop(torch.stack(columns, dim=1) / 7)  # (B, 2)


EXAMPLES = Examples([[3], [1] * 5, [4] * 2, [1], [5, 9, 2]], [1, 0, 0, 1, 1])


def wanted():
    logits = torch.tensor([[3, 1], [1, 5], [4, 2], [1, 1], [5, 3]]) / 7
    return logits.softmax(dim=1)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 64])
def test_predictions_keep_the_order(batch_size):
    model = Says()
    found = evaluation.predict(model, EXAMPLES, batch_size=batch_size)
    assert torch.allclose(found, wanted())
    assert not found.requires_grad
    assert sum(rows for rows, _ in model.widths) == 5
    assert len(model.widths) == math.ceil(5 / batch_size)


def test_a_model_of_transformers_gives_its_logits():
    class Output:
        def __init__(self, logits):
            self.logits = logits

    model = Says()
    wrapped = lambda *batch: Output(model.eval()(*batch))  # noqa: E731
    batch = EXAMPLES.batch()[:2]
    logits = evaluation.logits_of(wrapped, *batch)
    assert torch.equal(logits, evaluation.logits_of(model, *batch))


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("training", [True, False])
def test_the_mode_of_every_part_is_kept(training, fails):
    model = Says().train(training)
    model.quiet.eval()
    if fails:
        model.drop.register_forward_hook(lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            evaluation.predict(model, EXAMPLES)
    else:
        evaluation.predict(model, EXAMPLES)
    modes = [model.training, model.drop.training, model.quiet.training]
    assert modes == [training, training, False]


def test_two_classes_against_a_count_by_hand():
    spam = torch.tensor([0.9, 0.8, 0.3, 0.6, 0.1, 0.2, 0.4])
    labels = [1, 0, 1, 1, 0, 0, 1]
    scores = evaluation.score(torch.stack([1 - spam, spam], dim=1), labels)
    assert scores.confusion == ((2, 1), (2, 2))
    assert scores.accuracy == pytest.approx(4 / 7)
    assert scores.precision == pytest.approx(2 / 3)
    assert scores.recall == pytest.approx(2 / 4)
    assert scores.f1 == pytest.approx(4 / 7)
    right = [0.9, 0.2, 0.3, 0.6, 0.9, 0.8, 0.4]
    assert scores.loss == pytest.approx(-sum(map(math.log, right)) / 7)
    assert str(scores) == (
        f"loss {scores.loss:.3f}, accuracy 0.571, precision 0.667, recall 0.500, "
        "F1 0.571"
    )


def test_three_classes_are_means_over_the_classes():
    said, labels = [0, 0, 1, 2, 2, 2], [0, 1, 1, 2, 2, 0]
    scores = evaluation.score(torch.eye(3)[said], labels)
    assert scores.confusion == ((1, 0, 1), (1, 1, 0), (0, 0, 2))
    assert scores.accuracy == pytest.approx(4 / 6)
    assert scores.precision == pytest.approx((1 / 2 + 1 + 2 / 3) / 3)
    assert scores.recall == pytest.approx((1 / 2 + 1 / 2 + 1) / 3)
    assert scores.f1 == pytest.approx((1 / 2 + 2 / 3 + 4 / 5) / 3)
    assert math.isfinite(scores.loss)  # a right class of probability 0


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("said", [0, 1])
def test_one_class_alone_has_its_scores(label, said):
    scores = evaluation.score(torch.eye(2)[[said] * 3], [label] * 3)
    assert scores.accuracy == (label == said)
    assert scores.precision == scores.recall == scores.f1 == (label == said == 1)


def test_evaluate_scores_what_is_predicted():
    scores = evaluation.evaluate(Says(), EXAMPLES)
    assert scores == evaluation.score(wanted(), EXAMPLES.labels)
    assert scores.confusion == ((1, 1), (3, 0))


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="examples is empty"):
        evaluation.predict(Says(), Examples([], []))
    with pytest.raises(ValueError, match="labels holds 2: the model has 2 classes"):
        evaluation.evaluate(Says(), Examples([[1], [2]], [0, 2]))
    too_long = r"message 1 has 5 tokens and the model takes 4: cut it .*max_length=4"
    with pytest.raises(ValueError, match=too_long):
        evaluation.evaluate(Says(limit=4), EXAMPLES)
    evaluation.evaluate(Says(limit=5), EXAMPLES)


# The AUC


@pytest.mark.parametrize("seed", range(5))
def test_auc_is_that_of_sklearn(seed):
    from sklearn.metrics import roc_auc_score

    random = np.random.default_rng(seed)
    scores = random.integers(0, 9, 60)  # with ties
    labels = random.integers(0, 2, 60)
    value, low, high = evaluation.auc(scores, labels)
    assert value == pytest.approx(roc_auc_score(labels, scores))
    assert 0 <= low < value < high <= 1


def test_auc_interval_covers_the_truth_about_as_often_as_it_says():
    from scipy.stats import norm

    truth, random, covered = norm.cdf(1 / 2**0.5), np.random.default_rng(0), 0
    labels = [1] * 40 + [0] * 60
    for seed in range(200):
        scores = random.standard_normal(100) + labels
        _, low, high = evaluation.auc(scores, labels, num_draws=200, seed=seed)
        covered += low <= truth <= high
    assert 0.88 < covered / 200 < 0.99


@pytest.mark.parametrize("labels", [[1, 1, 1], [0, 0, 0], [0, 1, 2]])
def test_auc_needs_both_classes(labels):
    with pytest.raises(ValueError, match="labels"):
        evaluation.auc([0.1, 0.2, 0.3], labels)


def test_auc_of_what_is_no_number():
    with pytest.raises(ValueError, match="scores"):
        evaluation.auc([0.1, float("nan")], [0, 1])


def judged(scores, labels, share=0.1):
    scores = torch.tensor(scores)
    return evaluation.judge(torch.stack([1 - scores, scores], 1), labels, share=share)


def test_a_judgment_by_hand():
    # 3 spam, of which 2 are caught; 5 ham, of which 1 is taken for spam
    scores, labels = [0.9, 0.8, 0.3, 0.7, 0.1, 0.2, 0.2, 0.4], [1, 1, 1, 0, 0, 0, 0, 0]
    found = judged(scores, labels)
    caught, lost = 0.1 * 2 / 3, 0.9 * 1 / 5  # of an inbox with a tenth spam
    assert found.f1 == pytest.approx(2 * caught / (caught + lost + 0.1))
    ham = np.mean(-np.log([0.3, 0.9, 0.8, 0.8, 0.6]))
    assert found.loss == pytest.approx((np.mean(-np.log(scores[:3])) + ham) / 2)
    assert (found.auc, found.low, found.high) == evaluation.auc(scores, labels)


def test_a_judgment_does_not_depend_on_how_many_are_spam():
    random = np.random.default_rng(0)
    spam, ham = random.uniform(0.2, 1, 30), random.uniform(0, 0.8, 40)
    once = judged([*spam, *ham], [1] * 30 + [0] * 40)
    often = judged([*spam, *np.repeat(ham, 5)], [1] * 30 + [0] * 200)
    for name in ("auc", "loss", "f1"):
        assert getattr(often, name) == pytest.approx(getattr(once, name))


def test_who_knows_nothing_is_judged_so():
    found = judged([0.5] * 8, [1, 0] * 4)
    assert (found.auc, found.loss) == (0.5, pytest.approx(math.log(2)))
    all_spam = judged([0.6] * 8, [1, 0] * 4, share=0.25)
    assert all_spam.f1 == pytest.approx(2 * 0.25 / 1.25)
    assert judged([0.4] * 8, [1, 0] * 4).f1 == 0
    assert math.isfinite(judged([0.0] * 8, [1, 0] * 4).loss)  # sure, and wrong


@pytest.mark.parametrize("share", [0, 1, 1.5, -0.1, math.nan, "half", True])
def test_a_share_is_between_none_and_all(share):
    with pytest.raises(ValueError, match="share is"):
        judged([0.5, 0.6], [0, 1], share=share)


def test_one_class_alone_cannot_be_judged():
    with pytest.raises(ValueError, match="at least one of each"):
        judged([0.5, 0.6], [1, 1])
