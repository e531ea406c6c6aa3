"""Tokens to ids: the vocabulary, and the ids of many messages as one tensor."""

from collections import Counter
from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import TYPE_CHECKING

from course_utils.runtime import arguments

if TYPE_CHECKING:  # torch takes seconds to import, so functions import it
    import torch


class Vocabulary:
    """The tokens a model knows and the id of each. Fit it once, on training messages.

    Id 0 is padding, id 1 every unknown token; the others go by frequency, equally
    frequent ones by alphabet. Its `len` is the `vocab_size`.

    min_count: how often must a token occur in the messages to be known?
    max_size: the largest `len` (with the two special tokens), None for no limit.
    """

    padding, padding_id = "<padding>", 0
    unknown, unknown_id = "<unknown>", 1

    def __init__(self, *, min_count: int = 1, max_size: int | None = None):
        self.min_count = arguments.of_kind(min_count, "min_count", Integral, least=1)
        if max_size is not None:
            arguments.of_kind(max_size, "max_size", Integral, least=3)
        self.max_size = max_size
        self._counts: list[tuple[str, int]] = []
        self._ids: dict[str, int] = {}

    def fit(self, token_lists: Iterable[Sequence[str]]) -> "Vocabulary":
        """Count the tokens of all messages, keep the frequent ones, and freeze.

        Errors: RuntimeError where it was fitted before, ValueError where no token
        occurs often enough, TypeError where a message is no list of str.
        """
        if self._ids:
            raise RuntimeError("this Vocabulary is fitted and frozen: make a new one")
        counts: Counter[str] = Counter()
        for i, tokens in enumerate(
            arguments.list_of(token_lists, "token_lists", Iterable)
        ):
            counts.update(arguments.list_of(tokens, f"token_lists[{i}]", str))
        del counts[self.padding], counts[self.unknown]  # should a message hold them
        known = [pair for pair in counts.items() if pair[1] >= self.min_count]
        if not known:
            least = f"{self.min_count} times or more (min_count)"
            raise ValueError(f"token_lists has no token {least}: give more messages")
        known.sort(key=lambda pair: (-pair[1], pair[0]))
        self._counts = known[: self.max_size and self.max_size - 2]  # [:None] is all
        tokens = (self.padding, self.unknown, *(token for token, _ in self._counts))
        self._ids = {token: token_id for token_id, token in enumerate(tokens)}
        return self

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, token: str) -> bool:
        return token in self._ids

    def most_common(self, n: int) -> list[tuple[str, int]]:
        """The `n` most frequent tokens with their counts; all if there are fewer."""
        return self._fitted()._counts[: arguments.of_kind(n, "n", Integral)]

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """The id of each token. Errors: RuntimeError before `fit`, TypeError."""
        ids = self._fitted()._ids
        return [
            ids.get(t, self.unknown_id)
            for t in arguments.list_of(tokens, "tokens", str)
        ]

    def decode(self, token_ids: Sequence[int]) -> list[str]:
        """The token of each id. Errors: as `encode`, ValueError for an unknown id."""
        tokens = list(self._fitted()._ids)
        token_ids = arguments.list_of(token_ids, "token_ids", Integral)
        if max(token_ids, default=0) >= len(tokens):
            found, last = max(token_ids), len(tokens) - 1
            raise ValueError(f"token_ids holds {found}: give ids from 0 to {last}")
        return [tokens[token_id] for token_id in token_ids]

    def _fitted(self) -> "Vocabulary":
        if not self._ids:
            raise RuntimeError("this Vocabulary is empty: call fit(token_lists) first")
        return self


def pad_batch(
    sequences: Sequence[Sequence[int]], *, padding_id: int = 0, side: str = "right"
) -> tuple["torch.Tensor", "torch.Tensor"]:
    """The ids of B messages, filled up to one length: (token_ids, attention_mask).

    token_ids: int64 (B, T), T the longest message. attention_mask: bool (B, T), True
    where a token stands; a message without tokens has none. side: where the padding
    stands, "right", or "left" for a model that writes on at the end.
    Errors: ValueError for no message, a negative id or another side, TypeError for no
    numbers.
    """
    import torch

    rows = arguments.list_of(sequences, "sequences", Iterable)
    if not rows:
        raise ValueError("sequences is empty: give the ids of at least one message")
    arguments.of_kind(padding_id, "padding_id", Integral)
    rows = [
        arguments.list_of(r, f"sequences[{i}]", Integral) for i, r in enumerate(rows)
    ]
    lengths = torch.tensor([len(r) for r in rows])  # (B,)
    if side not in ("left", "right"):
        raise ValueError(f'side is {side!r}: give "left" or "right"')
    attention_mask = torch.arange(int(lengths.max())) < lengths[:, None]  # (B, T)
    if side == "left":
        attention_mask = attention_mask.flip(1)
    token_ids = torch.full(attention_mask.shape, padding_id, dtype=torch.int64)
    token_ids[attention_mask] = torch.tensor([i for r in rows for i in r]).long()
    return token_ids, attention_mask


def bag_of_words(sequences: Iterable[Sequence[int]], vocab_size: int) -> "torch.Tensor":
    """Which ids each message has, in no order: float32 (B, V), 1 where it occurs.

    Errors: ValueError for an id of `vocab_size` or more, else as `pad_batch`.
    """
    import torch

    rows = arguments.list_of(sequences, "sequences", Iterable)
    rows = [
        arguments.list_of(r, f"sequences[{i}]", Integral) for i, r in enumerate(rows)
    ]
    bags = torch.zeros(
        len(rows), arguments.of_kind(vocab_size, "vocab_size", Integral, least=1)
    )
    for bag, ids in zip(bags, rows, strict=True):
        if ids and max(ids) >= vocab_size:
            raise ValueError(
                f"sequences holds the id {max(ids)}: give a vocab_size above it"
            )
        bag[ids] = 1
    return bags
