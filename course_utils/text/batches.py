"""Encoded messages, and the batches that a run takes them in.

A batch is as long as its longest message, so messages of like length go together:
sorted within shuffled blocks, then the batches shuffled. (Sorting the whole epoch by
length is faster still, and learns worse: short ham first, long spam last.)
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from course_utils.runtime import arguments
from course_utils.text import vocabulary

BLOCK = 8  # batches sorted by length together
NOT_ASKED = -100  # the target that PyTorch's cross-entropy leaves out
NO_LIMIT = 10**9  # what a tokenizer without a limit gives as one is above this


@dataclass(frozen=True)
class Examples:
    """Messages as ids, with their labels.

    token_ids: N lists of ids, one a message. labels: N classes, from 0; True and False
    count as 1 and 0.
    Errors: ValueError for another number of labels, a message without tokens, or a
    label that is no whole number from 0.
    """

    token_ids: tuple[tuple[int, ...], ...]
    labels: tuple[int, ...]

    def __post_init__(self):
        object.__setattr__(self, "token_ids", tuple(map(tuple, self.token_ids)))
        object.__setattr__(self, "labels", tuple(map(class_of, self.labels)))
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

    def batch(
        self, *, padding_id: int = 0, device: torch.device | str = "cpu"
    ) -> tuple[Tensor, Tensor, Tensor]:
        """All as one: token_ids (B, T), attention_mask (B, T), labels (B,)."""
        tensors = (
            *vocabulary.pad_batch(self.token_ids, padding_id=padding_id),
            self.labels,
        )
        return tuple(torch.as_tensor(each).to(device) for each in tensors)  # type: ignore


def encode(tokenizer, messages, *, max_length: int | None = None) -> Examples:
    """Messages as a `transformers` tokenizer sees them.

    messages: a `text.Messages`. max_length: longer messages are cut to so many tokens;
    None cuts at the tokenizer's own limit, if it has one.
    Errors: ValueError for a max_length below 3, or a text that holds half an emoji.
    """
    limits = [limit for limit in (tokenizer.model_max_length,) if limit < NO_LIMIT]
    if max_length is not None:
        limits.append(arguments.whole(max_length, "max_length", least=3))
    for i, message in enumerate(messages.texts):
        _check_whole_characters(message, i)
    limit = min(limits, default=None)
    encoded = tokenizer(
        list(messages.texts), truncation=limit is not None, max_length=limit
    )
    return Examples(encoded["input_ids"], messages.labels)


@dataclass(frozen=True)
class Sentences:
    """Sentences for a model that writes, and which of their tokens it is asked for.

    token_ids: int64 (B, T), padded on the left, so that the last real token stands
    last; attention_mask: bool (B, T); targets: int64 (B, T), the id of each token whose
    loss counts, and `NOT_ASKED` elsewhere: padding, the prompt, each first token.
    """

    token_ids: Tensor
    attention_mask: Tensor
    targets: Tensor


def sentences(
    tokenizer,
    texts: Sequence[str],
    *,
    prompts: Sequence[str] | None = None,
    device: torch.device | str = "cpu",
) -> Sentences:
    """Texts as one batch; with prompts, each text is the answer to its prompt.

    Then only the answer's tokens are asked for. An answer begins with a space where
    the sentence has one: "The capital of France is", " Paris."
    Errors: ValueError for another number of prompts, or a text that leaves no token to
    ask for.
    """
    texts = arguments.list_of(texts, "texts", str)
    prompts = [""] * len(texts) if prompts is None else list(prompts)
    if len(prompts) != len(texts):
        raise ValueError(
            f"prompts holds {len(prompts)} for {len(texts)} texts: give one a text"
        )
    for i, sentence in enumerate(map("".join, zip(prompts, texts, strict=True))):
        _check_whole_characters(sentence, i)
    given = [tokenizer(prompt)["input_ids"] for prompt in prompts]
    asked = [tokenizer(each)["input_ids"] for each in texts]
    rows = [first + then for first, then in zip(given, asked, strict=True)]
    token_ids, attention_mask = vocabulary.pad_batch(
        rows, padding_id=tokenizer.pad_token_id or 0, side="left"
    )
    targets = token_ids.masked_fill(~attention_mask, NOT_ASKED)
    for row, first, ids in zip(targets, given, rows, strict=True):
        row[: len(row) - len(ids) + max(1, len(first))] = NOT_ASKED
    empty = [i for i, row in enumerate(targets) if bool((row == NOT_ASKED).all())]
    if empty:
        raise ValueError(
            f"texts[{empty[0]}] is {texts[empty[0]]!r}: a model that writes needs a "
            "token before the first that it is asked for: give a longer text, or a "
            "prompt"
        )
    return Sentences(
        *(each.to(device) for each in (token_ids, attention_mask, targets))
    )


def _check_whole_characters(message: str, number: int) -> None:
    try:
        message.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"message {number} holds half an emoji (a lone surrogate) at character "
            f"{error.start}: clean it with text.clean, or leave it out"
        ) from None


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


def class_of(label) -> int:
    """A label as a class. Errors: ValueError for what is no whole number from 0."""
    try:
        is_one = not isinstance(label, str | bytes) and not getattr(label, "shape", ())
        number = float(label) if is_one else -1.0
    except (TypeError, ValueError, OverflowError, RuntimeError):  # a list, or nothing
        number = -1.0
    if not (math.isfinite(number) and number >= 0 and number.is_integer()):
        raise ValueError(f"labels holds {label!r}: give whole numbers from 0")
    return int(number)
