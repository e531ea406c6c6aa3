"""What a classifier says about examples, and how good that is."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils.runtime import arguments
from course_utils.text import batches
from course_utils.text.batches import Examples
from course_utils.training import limits
from course_utils.training.limits import unwrapped


@dataclass(frozen=True)
class Metrics:
    """Scores on a set of examples; class 1 (spam) is the one looked for.

    loss: mean cross-entropy. confusion: rows what is right, columns what was said.
    With more than two classes precision, recall and f1 are means over the classes.
    """

    loss: float
    accuracy: float
    precision: float
    recall: float
    f1: float
    confusion: tuple[tuple[int, ...], ...]

    def __str__(self):
        return (
            f"loss {self.loss:.3f}, accuracy {self.accuracy:.3f}, "
            f"precision {self.precision:.3f}, recall {self.recall:.3f}, "
            f"F1 {self.f1:.3f}"
        )


def logits_of(model: nn.Module, token_ids: Tensor, attention_mask: Tensor) -> Tensor:
    """Logits (B, C), from a model of ours or of `transformers`."""
    output = model(token_ids, attention_mask)
    if isinstance(output, tuple):  # of transformers, with return_dict=False
        return output[0]
    return getattr(output, "logits", output)


def batch_for(model: nn.Module, examples: Examples) -> tuple[Tensor, Tensor, Tensor]:
    """All examples as one batch, where the model is, padded with its own id."""
    config = getattr(unwrapped(model), "config", None)
    padding_id = getattr(config, "pad_token_id", None)
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    return examples.batch(padding_id=padding_id or 0, device=device)


@torch.no_grad()
def predict(model: nn.Module, examples: Examples, *, batch_size: int = 32) -> Tensor:
    """Probabilities (N, C), in the order of the examples; the model is left as it was.

    Errors: ValueError for no examples or one that the model does not take.
    """
    if not len(examples):
        raise ValueError("examples is empty: give at least one")
    limits.check(model, examples)
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        rows: list[Tensor] = [torch.empty(0)] * len(examples)
        for positions in batches.in_order(examples, batch_size):
            token_ids, attention_mask, _ = batch_for(model, examples.take(positions))
            logits = logits_of(model, token_ids, attention_mask)  # (B, C)
            for position, row in zip(positions, logits.softmax(-1).cpu(), strict=True):
                rows[position] = row
    finally:
        for module, was_training in modes:
            module.training = was_training
    return torch.stack(rows)  # (N, C)


def evaluate(model: nn.Module, examples: Examples, *, batch_size: int = 32) -> Metrics:
    """The model's scores on the examples; errors as `predict`.

    Of a model that has diverged, every score is nan.
    """
    probabilities = predict(model, examples, batch_size=batch_size)
    if not probabilities.isfinite().all():
        nan = math.nan
        return Metrics(nan, nan, nan, nan, nan, ())
    return score(probabilities, examples.labels)


def score(probabilities: Tensor, labels) -> Metrics:
    """Scores of probabilities (N, C) against labels (N,), by scikit-learn.

    Errors: ValueError for another number of labels, a label that is no class from 0 to
    C - 1, or probabilities that are no numbers.
    """
    from sklearn.metrics import (
        accuracy_score,
        confusion_matrix,
        precision_recall_fscore_support,
    )

    num_classes = probabilities.shape[1]
    probabilities = probabilities.detach().cpu().float()
    if not probabilities.isfinite().all():
        raise ValueError("probabilities holds nan or inf: the model has diverged")
    labels = np.array([batches.class_of(label) for label in labels], dtype=int)
    if len(labels) != len(probabilities) or not len(labels):
        raise ValueError(
            f"labels holds {len(labels)} for {len(probabilities)} rows of "
            "probabilities: give one a row, and at least one"
        )
    if labels.max() >= num_classes:
        raise ValueError(
            f"labels holds {labels.max()}: the model has {num_classes} classes, from 0"
        )
    predicted = probabilities.argmax(dim=1).numpy()  # (N,)
    average = "binary" if num_classes == 2 else "macro"
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, predicted, average=average, zero_division=0
    )
    confusion = confusion_matrix(labels, predicted, labels=range(num_classes))
    return Metrics(
        loss=F.nll_loss(
            probabilities.clamp(min=1e-30).log(), torch.tensor(labels)
        ).item(),
        accuracy=float(accuracy_score(labels, predicted)),
        precision=float(precision),
        recall=float(recall),
        f1=float(f1),
        confusion=tuple(map(tuple, confusion.tolist())),
    )


def auc(
    scores, labels, *, num_draws: int = 1000, seed: int = 0
) -> tuple[float, float, float]:
    """(AUC, low, high): how often spam scores above ham, and a 95 % interval of it.

    scores: (N,), larger for what looks more like class 1; labels: N of 0 and 1. A tie
    counts one half. The interval is a bootstrap's: spam and ham are drawn again from
    themselves, each as many as there are; it speaks of other messages, not of other
    training runs.
    Errors: ValueError where a class is missing or a score is not a number.
    """
    scores = np.asarray(scores, float)
    labels = np.array([batches.class_of(label) for label in labels])
    spam, ham = scores[labels == 1], scores[labels == 0]
    if not len(spam) or not len(ham) or len(spam) + len(ham) != len(scores):
        raise ValueError("labels: give 0 and 1, and at least one of each")
    if np.isnan(scores).any():
        raise ValueError("scores holds what is no number")
    wins = (spam[:, None] > ham) + 0.5 * (spam[:, None] == ham)
    random = np.random.default_rng(seed)
    drawn = [
        wins[random.integers(len(spam), size=len(spam))].mean(axis=0)[
            random.integers(len(ham), size=len(ham))
        ]
        for _ in range(num_draws)
    ]
    low, high = np.quantile([each.mean() for each in drawn], [0.025, 0.975])
    return float(wins.mean()), float(low), float(high)


@dataclass(frozen=True)
class Judgment:
    """Scores in which the share of spam among the judged messages plays no part.

    auc, low, high: see `auc`. loss: the mean of the two classes' mean losses; log 2 for
    who knows nothing. f1: at the threshold one half, as among messages of which a given
    share is spam.
    """

    auc: float
    low: float
    high: float
    loss: float
    f1: float


def judge(probabilities: Tensor, labels, *, share: float) -> Judgment:
    """Judge probabilities (N, 2) of messages with these labels, N of 0 and 1.

    share: of spam in the inbox for which F1 is told, above 0 and below 1.
    Errors: ValueError as in `auc`, and for a share out of range.
    """
    from sklearn.metrics import f1_score

    if not 0 < (share := arguments.real(share, "share")) < 1:
        raise ValueError(f"share is {share}: give a number between 0 and 1")
    rows = probabilities.detach().cpu().double().numpy()
    values = auc(rows[:, 1], labels)
    is_spam = np.array([batches.class_of(label) for label in labels]) == 1
    losses = -np.log(np.where(is_spam, rows[:, 1], rows[:, 0]).clip(1e-30))
    inbox = np.where(is_spam, share / is_spam.sum(), (1 - share) / (~is_spam).sum())
    said = rows[:, 1] > rows[:, 0]
    return Judgment(
        *values,
        loss=float((losses[is_spam].mean() + losses[~is_spam].mean()) / 2),
        f1=float(f1_score(is_spam, said, sample_weight=inbox, zero_division=0.0)),
    )
