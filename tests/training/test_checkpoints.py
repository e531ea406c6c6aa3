"""Checkpoints: what was written is read back bit for bit, and every fault is seen."""

import json
import math
import struct

import pytest
import torch
from safetensors.torch import save_file

from course_utils.training import checkpoints


def same(left, right):
    """Equal types, values, order of keys, and bits of tensors."""
    if isinstance(left, torch.Tensor):
        return (left.dtype, left.shape) == (right.dtype, right.shape) and torch.equal(
            *(each.ravel().contiguous().view(torch.uint8) for each in (left, right))
        )
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return same(list(left.items()), list(right.items()))
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float):
        return struct.pack("d", left) == struct.pack("d", right)
    return left == right


STATES = {
    "tensors": {
        "nan": torch.tensor([math.nan, -0.0, math.inf, 1e-45]),
        "double": torch.tensor([[0.1], [math.pi]], dtype=torch.float64),
        "half": torch.tensor([1.5, -2], dtype=torch.bfloat16),
        "bits": torch.tensor([True, False, True]),
        "whole": torch.tensor([2**62 + 1]),
        "byte": torch.arange(256).to(torch.uint8),
        "scalar": torch.tensor(3.0),
        "none": [torch.empty(0), torch.empty(0, 3), torch.empty(0)],
    },
    "turned": torch.arange(6.0).view(2, 3).T,
    "parameter": torch.nn.Parameter(torch.ones(2)).detach(),
    "numbers": [0.1, 1e-308, -0.0, math.nan, math.inf, -math.inf, 2**70, True, 1, 1.0],
    "keys": {1: "int", "1": "str", 0: 2, 2.5: None, True + 1: 3, None: 4, "": {}},
    "nested": {"a": [(1, [2, ()]), {"tensor": {"dict": [], "list": ("tuple",)}}]},
    "text": "lïne\n“quoted” \\ \u2028 😀 \x00",
    "empty dict": {},
    "empty list": [],
    "nothing": None,
}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_what_was_written_is_read_back(tmp_path, state):
    checkpoints.write(tmp_path / "a", state)
    assert same(checkpoints.read(tmp_path / "a"), state)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_tensor_that_occurs_twice_is_stored_once_and_views_on_their_own(tmp_path):
    whole = torch.arange(10_000.0)
    checkpoints.write(tmp_path / "a", [whole, whole, whole.detach()])
    assert (tmp_path / "a").stat().st_size < 41_000
    first, second, third = checkpoints.read(tmp_path / "a")
    assert first is second is third
    views = [whole, whole[:5], whole.view(100, 100), whole[5:], whole.int(), whole[::2]]
    checkpoints.write(tmp_path / "a", views)
    assert same(checkpoints.read(tmp_path / "a"), views)


def test_state_is_left_as_it_was_and_a_state_without_a_gradient_is_read(tmp_path):
    param = torch.nn.Parameter(torch.ones(2))
    checkpoints.write(str(tmp_path / "a"), {"param": param})
    assert not checkpoints.read(str(tmp_path / "a"))["param"].requires_grad
    assert param.requires_grad


def test_no_pickle(tmp_path, monkeypatch):
    def refuse(*_args, **_options):
        raise AssertionError("pickle")

    for module in ("pickle", "_pickle"):
        for name in ("dump", "dumps", "load", "loads"):
            monkeypatch.setattr(f"{module}.{name}", refuse)
    monkeypatch.setattr("torch.load", refuse)
    checkpoints.write(tmp_path / "a", STATES)
    checkpoints.read(tmp_path / "a")


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (object(), "object"),
        ({1}, "set"),
        (b"x", "bytes"),
        (abs, "builtin_function_or_method"),
        (1j, "complex"),
        ({(1, 2): 3}, "tuple"),
    ],
)
def test_other_data_are_refused_and_nothing_is_written(tmp_path, value, name):
    checkpoints.write(tmp_path / "a", "old")
    with pytest.raises(TypeError, match=f"state holds a {name}: give tensors or plain"):
        checkpoints.write(tmp_path / "a", {"deep": [value]})
    assert checkpoints.read(tmp_path / "a") == "old"


@pytest.mark.parametrize(
    "stage", ["course_utils.training.checkpoints.save_file", "os.replace"]
)
def test_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, stage):
    checkpoints.write(tmp_path / "a", "old")

    def full(first, second, *_):
        if "save" in stage:
            second.write_bytes(b"half of i")
        raise OSError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(stage, full)
        with pytest.raises(OSError, match="disk full"):
            checkpoints.write(tmp_path / "a", {"new": torch.ones(3)})
    assert checkpoints.read(tmp_path / "a") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


# Files that are not right


def fault(path):
    with pytest.raises(ValueError, match=r"is no checkpoint|was altered") as caught:
        checkpoints.read(path)
    said = str(caught.value)
    assert said.startswith(str(path))
    assert "\n" not in said


def test_missing_file_is_named(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(FileNotFoundError, match=f"no checkpoint at {path}: write"):
            checkpoints.read(path)


SMALL = {"a": torch.tensor([1.0, 2.0]), "b": [torch.tensor([3, 4, 5]), 0.25]}


def test_file_cut_short_anywhere_is_seen(tmp_path):
    path = tmp_path / "a"
    checkpoints.write(path, SMALL)
    content = path.read_bytes()
    for length in [*range(0, len(content), 7), len(content) - 1]:
        path.write_bytes(content[:length])
        fault(path)
    path.write_bytes(content + b"\x00")
    fault(path)


def test_flipped_bit_anywhere_is_seen(tmp_path):
    path = tmp_path / "a"
    checkpoints.write(path, SMALL)
    content = path.read_bytes()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        fault(path)


@pytest.mark.parametrize(
    "metadata", [None, {"format": "pt"}, {"format": checkpoints.FORMAT}]
)
def test_safetensors_file_of_others_is_refused(tmp_path, metadata):
    save_file({"weight": torch.ones(2)}, tmp_path / "a", metadata)
    fault(tmp_path / "a")


def test_file_of_something_else_is_refused(tmp_path):
    for content in (b"", json.dumps(["text"]).encode(), b"\x80\x04N." * 100):
        (tmp_path / "a").write_bytes(content)
        fault(tmp_path / "a")
