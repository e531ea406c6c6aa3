"""Checkers of lesson 07: pooling, scores, bars and curves, a body that is frozen."""

from collections import OrderedDict

import numpy as np
import torch
from torch import nn

from course_utils.checks import Verdict, choices, judge, require_function


def check_mean_pool(mean_pool) -> Verdict:
    """mean_pool(hidden, mask): the mean over real tokens, (B, D).

    hidden: (B, T, D); mask: bool (B, T), True for a real token; each row has one.
    """
    cases = []
    for seed, (b, t, d) in enumerate([(2, 5, 3), (3, 7, 2)]):
        random = np.random.default_rng(seed)
        hidden = torch.tensor(random.standard_normal((b, t, d)), dtype=torch.float32)
        mask = torch.arange(t) < torch.tensor([t - 2 - i for i in range(b)])[:, None]
        cases += [(hidden, mask), (hidden.flip(0), mask.roll(1, dims=1))]

    def right(hidden, mask):
        weights = mask[..., None].float()
        return (hidden * weights).sum(dim=1) / weights.sum(dim=1)

    return judge(
        mean_pool,
        right,
        cases,
        {
            "the mask is not used: padding is part of the mean.": (
                lambda hidden, mask: hidden.mean(dim=1)
            ),
            "padding is left out of the sum, but still counted: divide by the number "
            "of real tokens.": (
                lambda hidden, mask: (hidden * mask[..., None]).mean(dim=1)
            ),
            "that is the first token alone ([CLS]).": lambda hidden, mask: hidden[:, 0],
            "you averaged over the messages; average over the tokens, dim=1.": (
                lambda hidden, mask: hidden.mean(dim=0)
            ),
            "that is the sum over the real tokens; divide by how many there are.": (
                lambda hidden, mask: (hidden * mask[..., None]).sum(dim=1)
            ),
            "the mask is the wrong way round: True is a real token.": (
                lambda hidden, mask: right(hidden, ~mask)
            ),
            "that is the largest value of each number, not the mean.": (
                lambda hidden, mask: hidden.masked_fill(
                    ~mask[..., None], -torch.inf
                ).amax(dim=1)
            ),
            "you averaged over the width; average over the tokens, dim=1.": (
                lambda hidden, mask: hidden.mean(dim=2)
            ),
            "one mean for the whole batch: divide each row by its own count.": (
                lambda hidden, mask: (hidden * mask[..., None]).sum(dim=1) / mask.sum()
            ),
        },
    )


def check_scores(scores) -> Verdict:
    """scores(confusion): (accuracy, precision, recall) of class 1.

    confusion: ((a, b), (c, d)), rows what is right, columns what was said; both kinds
    occur, and both were said.
    """
    cases = [
        (((80, 3), (5, 12)),),
        (((7, 2), (1, 30)),),
        (((50, 13), (2, 11)),),
        (((5, 2), (3, 0)),),
    ]

    def right(confusion):
        (a, b), (c, d) = confusion
        return (a + d) / (a + b + c + d), d / (b + d), d / (c + d)

    def swapped(confusion):
        accuracy, precision, recall = right(confusion)
        return accuracy, recall, precision

    def other_class(confusion):
        (a, b), (c, d) = confusion
        return right(((d, c), (b, a)))

    return judge(
        scores,
        right,
        cases,
        {
            "precision and recall are swapped: rows are what is right. Precision looks "
            "down the column of what was called spam.": swapped,
            "those are the scores of ham; spam is class 1.": other_class,
            "those are percents: give shares from 0 to 1.": (
                lambda confusion: tuple(100 * each for each in right(confusion))
            ),
            "you returned the accuracy only; return accuracy, precision, recall.": (
                lambda confusion: right(confusion)[0]
            ),
            "precision divides by what was called spam, b + d: the column.": (
                lambda confusion: (
                    right(confusion)[0],
                    right(confusion)[2],
                    right(confusion)[2],
                )
            ),
            "recall divides by what is spam, c + d: the row.": (
                lambda confusion: (*right(confusion)[:2], right(confusion)[1])
            ),
            "both errors count against accuracy: divide by all four.": (
                lambda confusion: (
                    (confusion[0][0] + confusion[1][1])
                    / (confusion[0][1] + confusion[1][0]),
                    *right(confusion)[1:],
                )
            ),
            "accuracy counts both right answers: the diagonal.": (
                lambda confusion: (
                    confusion[1][1] / sum(map(sum, confusion)),
                    *right(confusion)[1:],
                )
            ),
        },
        names=("accuracy", "precision", "recall"),
    )


def check_bars(answer) -> Verdict:
    """A letter: what the longer bar of the pooler after Adam's step says."""
    return choices.choose(
        answer,
        "b",
        {
            "a": "did it learn more? Adam's first step has one length for each number, "
            "whatever the gradient; look at what the change is divided by.",
            "b": "each of its numbers moved by about lr, as all others did. They are "
            "smaller, so the same move is a larger part of them.",
            "c": "Adam divides each gradient by its own size in the first step, so a "
            "larger gradient moves a number no further.",
            "d": "one lr for all was used; a second one stands nowhere in the code.",
        },
    )


def check_curves(answer) -> Verdict:
    """A letter: what two losses and an AUC say together."""
    return choices.choose(
        answer,
        "c",
        {
            "a": "too small a rate leaves the training loss high; here it is near 0.",
            "b": "its order is worse only if AUC falls, and AUC stands at 0.97.",
            "c": "a few wrong messages, each with a probability near 0 or 1, cost a "
            "lot of loss. The order of the messages did not change.",
            "d": "the two losses are of different messages: one can rise while the "
            "other falls, without any mistake in the code.",
        },
    )


class _Small(nn.Module):
    """The names that a BERT with a classifier layer has, and few weights."""

    def __init__(self, width: int, num_layers: int):
        super().__init__()
        layers = [nn.Linear(width, width) for _ in range(num_layers)]
        self.bert = nn.Module()
        self.bert.embeddings = nn.Embedding(11, width)
        self.bert.encoder = nn.Sequential(*layers)
        self.bert.pooler = nn.Sequential(OrderedDict(dense=nn.Linear(width, width)))
        self.classifier = nn.Linear(width, 2)


def check_train_top(train_top) -> Verdict:
    """train_top(model): freeze all but pooler and classifier; how many numbers train.

    model: a module with `bert.embeddings`, `bert.encoder`, `bert.pooler` and
    `classifier`. It changes `requires_grad` and returns a whole number.
    """
    require_function(train_top)

    def by(function):
        def run(width, num_layers):
            model = _Small(width, num_layers)
            count = function(model)
            if count is None:
                return None
            params = model.named_parameters()
            can_train = {name for name, param in params if param.requires_grad}
            parts = ("embeddings", "encoder", "pooler", "classifier")
            trained = [float(any(part in name for name in can_train)) for part in parts]
            return *trained, count

        return run

    def freeze(model, *, kept=("pooler", "classifier"), total=False, tensors=False):
        count = 0
        for name, param in model.named_parameters():
            param.requires_grad_(any(part in name for part in kept))
            if param.requires_grad or total:
                count += 1 if tensors else param.numel()
        return count

    def wrong(**settings):
        return by(lambda model: freeze(model, **settings))

    return judge(
        by(train_top),
        by(freeze),
        [(3, 2), (5, 1), (7, 3)],
        {
            "nothing is frozen: requires_grad_(False) on what shall stay.": wrong(
                kept=("",)
            ),
            "the pooler is frozen, too; it has to learn here.": wrong(
                kept=("classifier",)
            ),
            "the classifier layer is frozen, too.": wrong(kept=("pooler",)),
            "it is the wrong way round: that freezes what shall learn.": wrong(
                kept=("embeddings", "encoder")
            ),
            "the token vectors (embeddings) still learn.": wrong(
                kept=("embeddings", "pooler", "classifier")
            ),
            "BERT's layers (encoder) still learn.": wrong(
                kept=("encoder", "pooler", "classifier")
            ),
            "everything is frozen.": wrong(kept=()),
            "that counts all numbers; count those that can still move.": wrong(
                total=True
            ),
            "that counts tensors; count the numbers in them, numel().": wrong(
                tensors=True
            ),
        },
        names=(*(f"does {part} learn" for part in ("embeddings", "encoder", "pooler",
               "classifier")), "how many numbers"),
    )  # fmt: skip
