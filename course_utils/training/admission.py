"""What would fail in the middle of a run, said in a sentence before it.

Every check raises ValueError.
"""

import copy

import torch
from torch import nn

from course_utils.runtime import randomness
from course_utils.text.batches import Examples
from course_utils.training import evaluation, limits


def check_sparse(model: nn.Module, optimizer) -> None:
    """Adam keeps a memory of every row, which a sparse gradient does not have."""
    is_sparse = any(getattr(module, "sparse", False) for module in model.modules())
    if is_sparse and optimizer in ("adam", "adamw"):
        raise ValueError(
            f"optimizer {optimizer!r} takes no sparse gradients, and the model has a "
            'sparse embedding: give "sgd" or "momentum", or make it with sparse=False'
        )


def check_last_batch(model: nn.Module, train: Examples, batch_size: int) -> None:
    """Batch norm cannot train on a batch of one message, if that is all it sees."""
    is_normed = any(
        isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules()
    )
    if not is_normed or (batch_size > 1 and len(train) % batch_size != 1):
        return
    trial = copy.deepcopy(model).train()
    try:
        with torch.no_grad(), randomness.swapped(randomness.states()):
            evaluation.logits_of(
                trial, *evaluation.batch_for(trial, train.take([0]))[:2]
            )
    except ValueError as error:
        raise ValueError(
            f"batches of {batch_size} leave one message alone, and the model's batch "
            "norm needs two: give another batch_size"
        ) from error


def check_examples(model, train: Examples, validation: Examples | None) -> None:
    """There are some, of two classes at least, that the model takes and has."""
    for name, examples in {"train": train, "validation": validation}.items():
        if examples is not None and not len(examples):
            raise ValueError(f"{name} is empty: give at least one example")
    if len(set(train.labels)) == 1:
        raise ValueError(
            f"every training label is {train.labels[0]}: give examples of two classes"
        )
    num_classes = evaluation.predict(model, train.take([0])).shape[1]
    for examples in filter(None, (train, validation)):
        limits.check(model, examples)
        if max(examples.labels) >= num_classes:
            raise ValueError(
                f"labels holds {max(examples.labels)}: the model has {num_classes} "
                "classes, from 0"
            )
