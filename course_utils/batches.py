"""Encoded messages, and the batches that a run takes them in.

A batch is as long as its longest message, so messages of like length go together:
sorted within shuffled blocks, then the batches shuffled. (Sorting the whole epoch by
length is faster still, and learns worse: short ham first, long spam last.)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from course_utils import text

BLOCK = 8  # batches sorted by length together


@dataclass(frozen=True)
class Examples:
    """Messages as ids, with their labels.

    token_ids: N lists of ids, one a message. labels: N classes, from 0.
    Errors: ValueError for another number of labels, a message without tokens, or a
    label that is no whole number from 0.
    """

    token_ids: tuple[tuple[int, ...], ...]
    labels: tuple[int, ...]

    def __post_init__(self):
        object.__setattr__(self, "token_ids", tuple(map(tuple, self.token_ids)))
        object.__setattr__(self, "labels", tuple(map(_label, self.labels)))
        if len(self.token_ids) != len(self.labels):
            raise ValueError(
                f"labels holds {len(self.labels)} for {len(self.token_ids)} messages: "
                "give one a message"
            )
        empty = [i for i, ids in enumerate(self.token_ids) if not ids]
        if empty:
            raise ValueError(
                f"message {empty[0]} has no tokens: leave it out, or encode it as one "
                "<unknown>"
            )

    def __len__(self):
        return len(self.labels)

    @property
    def longest(self) -> int:
        """Tokens of the longest message."""
        return max(map(len, self.token_ids), default=0)

    def take(self, positions: Sequence[int]) -> "Examples":
        """The examples at these positions, in this order."""
        return Examples(
            tuple(self.token_ids[i] for i in positions),
            tuple(self.labels[i] for i in positions),
        )

    def batch(self) -> tuple[Tensor, Tensor, Tensor]:
        """All as one: token_ids (B, T), attention_mask (B, T), labels (B,)."""
        token_ids, attention_mask = text.pad_batch(self.token_ids)
        return token_ids, attention_mask, torch.tensor(self.labels)


def encode(tokenizer, messages, *, max_length: int | None = None) -> Examples:
    """Messages as a `transformers` tokenizer sees them.

    messages: a `data.Messages`. max_length: longer messages are cut to so many tokens;
    None cuts at the model's own limit.
    """
    if max_length is not None and max_length < 3:
        raise ValueError(f"max_length is {max_length}: give 3 or more")
    limit = min(max_length or tokenizer.model_max_length, tokenizer.model_max_length)
    encoded = tokenizer(list(messages.texts), truncation=True, max_length=limit)
    return Examples(encoded["input_ids"], messages.labels)


def shuffled(
    examples: Examples, batch_size: int, *, seed: int, epoch: int
) -> list[list[int]]:
    """The positions of each batch of an epoch: a pure function of seed and epoch.

    Every position occurs once. Only one batch may hold fewer than batch_size.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(examples))
    size = BLOCK * batch_size
    blocks = [order[start : start + size] for start in range(0, len(order), size)]
    batches = [
        batch for block in blocks for batch in _sorted(block, examples, batch_size)
    ]
    return [batches[i] for i in random.permutation(len(batches))]


def in_order(examples: Examples, batch_size: int) -> list[list[int]]:
    """The positions of each batch, shortest messages first: for evaluation."""
    return list(_sorted(np.arange(len(examples)), examples, batch_size))


def _sorted(block, examples, batch_size) -> Iterator[list[int]]:
    """The positions of a block, by length, in batches."""
    block = sorted(block.tolist(), key=lambda i: len(examples.token_ids[i]))
    for start in range(0, len(block), batch_size):
        yield block[start : start + batch_size]


def _label(label) -> int:
    try:
        number = int(label)
    except (TypeError, ValueError, OverflowError):  # text, nan, infinity
        number = -1
    if isinstance(label, bool) or number != label or number < 0:
        raise ValueError(f"labels holds {label!r}: give whole numbers from 0")
    return number
