"""What a classifier says about examples, and how good that is."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils import batches
from course_utils.batches import Examples


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
    return getattr(output, "logits", output)


@torch.no_grad()
def predict(model: nn.Module, examples: Examples, *, batch_size: int = 32) -> Tensor:
    """Probabilities (N, C), in the order of the examples; the model is left as it was.

    Errors: ValueError for no examples or one longer than the model's limit.
    """
    if not len(examples):
        raise ValueError("examples is empty: give at least one")
    check_length(model, examples)
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        rows: list[Tensor] = [torch.empty(0)] * len(examples)
        for positions in batches.in_order(examples, batch_size):
            token_ids, attention_mask, _ = examples.take(positions).batch()
            logits = logits_of(model, token_ids, attention_mask)  # (B, C)
            for position, row in zip(positions, logits.softmax(dim=-1), strict=True):
                rows[position] = row
    finally:
        for module, was_training in modes:
            module.training = was_training
    return torch.stack(rows)  # (N, C)


def evaluate(model: nn.Module, examples: Examples, *, batch_size: int = 32) -> Metrics:
    """The model's scores on the examples; errors as `predict`."""
    return score(predict(model, examples, batch_size=batch_size), examples.labels)


def score(probabilities: Tensor, labels) -> Metrics:
    """Scores of probabilities (N, C) against labels (N,), by scikit-learn.

    Errors: ValueError for a label of C or more.
    """
    from sklearn.metrics import (
        accuracy_score,
        confusion_matrix,
        precision_recall_fscore_support,
    )

    num_classes = probabilities.shape[1]
    labels = np.asarray(labels)
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


def check_length(model: nn.Module, examples: Examples) -> None:
    """Raise ValueError for a message longer than the model has positions for."""
    limit = getattr(
        getattr(model, "config", None), "max_position_embeddings", examples.longest
    )
    if examples.longest > limit:
        longest = max(range(len(examples)), key=lambda i: len(examples.token_ids[i]))
        raise ValueError(
            f"message {longest} has {examples.longest} tokens and the model takes "
            f"{limit}: cut it with batches.encode(..., max_length={limit})"
        )
